//! The same agent with a card: it answers a Payment challenge (MPP) with a shared payment token
//! that it lets somebody mint for exactly the price, and reads the receipt and the agent token of
//! the answer.
//!
//! [`CardSpending::choose`] -> [`Mint::token`] -> [`CardProof::new`] ->
//! [`super::Agent::present_card`] -> [`receipt`], [`agent_token`].

mod mint;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use payments::money::UsdCents;
use payments::mpp::client::{MalformedChallenge, ReceivedChallenge, challenges};
use payments::mpp::receipt::{RECEIPT_HEADER, ReceivedReceipt};
use payments::mpp::stripe::token::PaymentToken;
use payments::time::UnixMs;

pub use mint::{Card, Mint, MintError};

/// The only currency that this agent pays in.
const CURRENCY: &str = "usd";

/// What the owner allows.
#[derive(Clone, Copy, Debug)]
pub struct CardSpending {
    /// The most that one request may cost.
    pub most: UsdCents,
}

/// A charge that the agent agreed to. Only [`CardSpending::choose`] makes one, and only for this is
/// a token minted.
#[derive(Clone, Debug)]
pub struct CardAgreed {
    challenge: ReceivedChallenge,
    amount: UsdCents,
    network_id: String,
    expires: Option<UnixMs>,
}

/// Why the agent does not pay by card. No token was minted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardRefusal {
    /// The 402 has no challenge for a charge by shared payment token.
    #[error(
        "refused to pay: the server offers no charge by card here; a free route wants --agent-token instead"
    )]
    NoOffer,
    /// There is one, and it is broken.
    #[error("refused to pay: {0}")]
    Malformed(#[from] MalformedChallenge),
    /// Another currency.
    #[error("refused to pay: the server asks for {0:?}, this agent pays in usd only")]
    Currency(String),
    /// Above the limit.
    #[error("refused to pay: {asked} USD is asked for, the limit is {most} USD (--max-usd)")]
    AboveLimit {
        /// What is asked for.
        asked: UsdCents,
        /// The limit.
        most: UsdCents,
    },
}

/// The credential of one charge. Sends itself, and is never shown.
#[derive(Clone, Debug)]
pub struct CardProof(HeaderValue);

// === impl CardSpending ===

impl CardSpending {
    /// The first charge that the agent agrees to.
    ///
    /// # Errors
    /// [`CardRefusal`]: of the first charge that is offered, or that none is.
    pub fn choose(&self, response: &Response<Bytes>) -> Result<CardAgreed, CardRefusal> {
        let mut refusal = None;
        let fields = response.headers().get_all(header::WWW_AUTHENTICATE);
        for received in fields.iter().filter_map(|field| field.to_str().ok()).flat_map(challenges) {
            match received.map_err(CardRefusal::from).and_then(|challenge| self.check(challenge)) {
                Ok(agreed) => return Ok(agreed),
                // Another payment method is no reason; a charge that is too dear is one.
                Err(CardRefusal::NoOffer) => {}
                Err(other) => refusal = refusal.or(Some(other)),
            }
        }
        Err(refusal.unwrap_or(CardRefusal::NoOffer))
    }

    fn check(&self, challenge: ReceivedChallenge) -> Result<CardAgreed, CardRefusal> {
        let terms = challenge.stripe_charge().ok_or(CardRefusal::NoOffer)?;
        if terms.currency != CURRENCY {
            return Err(CardRefusal::Currency(terms.currency.to_owned()));
        }
        let amount = UsdCents::new(terms.amount_minor);
        if amount > self.most {
            return Err(CardRefusal::AboveLimit { asked: amount, most: self.most });
        }
        let (network_id, expires) = (terms.network_id.to_owned(), terms.expires);
        Ok(CardAgreed { challenge, amount, network_id, expires })
    }
}

// === impl CardAgreed ===

impl CardAgreed {
    /// What will be paid.
    #[must_use]
    pub const fn amount(&self) -> UsdCents {
        self.amount
    }

    /// The seller's profile: who will be paid.
    #[must_use]
    pub fn network_id(&self) -> &str {
        &self.network_id
    }

    /// The challenge as it came.
    #[must_use]
    pub const fn challenge(&self) -> &ReceivedChallenge {
        &self.challenge
    }
}

// === impl CardProof ===

impl CardProof {
    /// Answers the challenge with a token. `source` is a label that proves nothing.
    #[must_use]
    pub fn new(agreed: &CardAgreed, token: &PaymentToken, source: Option<&str>) -> Self {
        let credential = agreed.challenge.authorization(token, source);
        // The scheme and base64url have no byte that a header may not hold.
        let mut value =
            HeaderValue::from_str(&credential).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        Self(value)
    }

    pub(super) fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// What was charged, as the answer says; `None` when nothing was charged now.
#[must_use]
pub fn receipt(response: &Response<Bytes>) -> Option<ReceivedReceipt> {
    ReceivedReceipt::decode(response.headers().get(RECEIPT_HEADER)?.to_str().ok()?)
}

/// The account's agent token: whoever holds it spends its credits.
#[must_use]
pub fn agent_token(response: &Response<Bytes>) -> Option<&str> {
    response.headers().get("x-agent-token")?.to_str().ok()
}
