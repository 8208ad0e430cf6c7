//! What a gateway that takes cards holds for it, and the packs that it sells.

use std::sync::Arc;

use payments::{
    money::{Credits, UsdCents},
    mpp::{account::AccountKey, secrets::Secrets},
    ports::{AgentTokens, CardBooks, CardEvents, CardRail},
};

use super::looks::Looks;

/// How an agent goes on without a payment credential, for answers about cards.
pub const AGENT_TOKEN_HINT: &str = "X-Agent-Token of a paid answer, sent as Authorization: Bearer tpk_..., spends credits and reads what was \
     paid for; no payment credential is needed for each request";

/// What a gateway that takes cards needs beside the rules' world.
pub struct CardDesk {
    /// Credits, agent tokens, refunds, events.
    pub books: Arc<dyn CardBooks>,
    /// The card processor.
    pub rail: Arc<dyn CardRail>,
    /// Reads the processor's deliveries; none where no endpoint secret is configured.
    pub events: Option<Arc<dyn CardEvents>>,
    /// Makes and recognises challenges.
    pub secrets: Secrets,
    /// Names accounts.
    pub account_key: AccountKey,
    /// Makes agent tokens.
    pub tokens: Arc<dyn AgentTokens>,
    /// The protection space of challenges.
    pub realm: String,
    /// How long a challenge can be paid.
    pub challenge_ttl_ms: i64,
    /// Challenges are bound to the body that they were asked with.
    pub bind_bodies: bool,
    /// How long a credential that paid tells who asks, in milliseconds.
    pub used_credential_ms: i64,
    /// Real money.
    pub livemode: bool,
    /// What peers may cost at the processor.
    pub looks: Looks,
    /// What is sold in advance; nothing where no route takes credits.
    pub pack: Option<Pack>,
}

/// Credits that are sold in advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pack {
    /// Its name in requests.
    pub id: &'static str,
    /// How many credits it buys.
    pub credits: Credits,
    /// What it costs.
    pub price: UsdCents,
}

// === impl Pack ===

impl Pack {
    /// As the product text shows it.
    pub fn shown(&self) -> serde_json::Value {
        serde_json::json!({"id": self.id, "credits": self.credits.get(), "price_usd": self.price.to_string()})
    }
}
