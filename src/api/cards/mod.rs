//! Requests of agents with a card: who they are, what they have prepaid, what they are charged.

mod credits;
mod events;
mod free;
mod launch;
mod looks;
mod purchase;
mod quote;
mod reach;
mod receipt;
mod rotate;
mod stable;
mod who;

use std::sync::Arc;

use payments::{
    money::{Credits, UsdCents},
    mpp::{account::AccountKey, secrets::Secrets},
    ports::{AgentTokens, CardBooks, CardEvents, CardRail},
};

pub(super) use credits::answer as credits;
pub(super) use events::answer as events;
pub(super) use free::identified;
pub use looks::Looks;

pub(super) use launch::{by_credential, by_token, repeated};
pub(super) use purchase::{answer as purchase, granted};
pub(super) use quote::answer as quote;
pub(super) use reach::{check_payment, forwarded};
pub(super) use receipt::{charged_headers, not_paid};
pub(super) use rotate::answer as rotate;

use super::{Api, problem::Fault};
use crate::upstream::profile::Condition;

/// How an agent goes on without a payment credential, for answers about cards.
pub(super) const AGENT_TOKEN_HINT: &str = "X-Agent-Token of a paid answer, sent as Authorization: Bearer tpk_..., spends credits and reads what was \
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

/// The desk, where cards are taken.
pub(super) fn desk(api: &Api) -> Result<&CardDesk, Fault> {
    api.cards.as_ref().ok_or_else(|| {
        Fault::new(Condition::Validation, "this gateway does not take card payments; pay with x402").reason("unsupported_credential").field(
            "Authorization",
            "an x402 payment in X-PAYMENT or PAYMENT-SIGNATURE",
            "a card credential",
        )
    })
}
