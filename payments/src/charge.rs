//! Facts about money on a card: what is saved before it is asked for, what proves that it arrived,
//! what goes back.

pub use crate::mpp::stripe::token::PaymentToken;

use crate::{ids::PaymentId, money::UsdCents, proof::ChargeKey, time::UnixMs};

/// One charge, saved before it is sent. It is sent again under the same key with the same
/// parameters, however often that takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The challenge, and the token's hash.
    pub key: ChargeKey,
    /// The idempotency key at the processor, `tp_<payment id>`: never the token.
    pub stripe_key: String,
    /// The exact parameters under the seal key, token included. Empty once the intent is terminal.
    pub sealed_params: Vec<u8>,
    /// SHA-256 of the agent token that a settled charge is answered with.
    pub agent_token_sha256: [u8; 32],
    /// When it was saved.
    pub saved_at: UnixMs,
}

/// Proof that exactly the required amount was charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeProof {
    /// The processor's name of the payment, `pi_...`.
    pub payment_intent: String,
    /// The charge behind it, `ch_...`; the processor's refunds and disputes name it.
    pub charge: Option<String>,
    /// Real money, by the processor's own word.
    pub livemode: bool,
}

/// Money that the processor took, but not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mischarge {
    /// The processor's name of the payment.
    pub payment_intent: String,
    /// How much it says it took, in the currency's minor unit.
    pub amount_minor: u64,
    /// Of what, in lower case.
    pub currency: String,
}

/// Money on its way back to a card: saved before it is asked for, and asked for under the same key
/// however often that takes. Each approval has a key of its own: behind the key of one that failed
/// the processor keeps the old refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The payment that is given back.
    pub intent: PaymentId,
    /// The processor's name of the payment.
    pub payment_intent: String,
    /// How much, in the minor unit of what was taken.
    pub amount_minor: u64,
    /// How many times it was approved, this time included.
    pub approvals: u32,
    /// The idempotency key at the processor, `refund_<payment id>_<approvals>`.
    pub stripe_key: String,
    /// Where it stands.
    pub state: RefundState,
    /// When it was approved.
    pub approved_at: UnixMs,
    /// The processor's name of it, `re_...`, once it answered.
    pub refund_id: Option<String>,
    /// Looks since something last changed.
    pub looks: u32,
}

/// Where a refund stands. The words are those of `audit_obligations.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundState {
    /// Approved and saved; it may or may not have been asked for.
    Sent,
    /// Requested; the outcome is unknown.
    Unknown,
    /// The processor gave it back.
    Refunded,
    /// The processor will not; it is due again, and an operator must look.
    Failed,
}

// === impl Charge ===

impl Charge {
    /// The processor's idempotency key for the charge of an intent.
    #[must_use]
    pub fn stripe_key_of(intent: PaymentId) -> String {
        format!("tp_{intent}")
    }
}

// === impl Refund ===

impl Refund {
    /// A refund that is approved now, for the `approvals`th time, and was not asked for.
    #[must_use]
    pub fn approved(
        intent: PaymentId,
        payment_intent: String,
        amount_minor: u64,
        approvals: u32,
        at: UnixMs,
    ) -> Self {
        let stripe_key = Self::stripe_key_of(intent, approvals);
        let (state, approved_at) = (RefundState::Sent, at);
        Self {
            intent,
            payment_intent,
            amount_minor,
            approvals,
            stripe_key,
            state,
            approved_at,
            refund_id: None,
            looks: 0,
        }
    }

    /// The processor's idempotency key for one approval of the refund of an intent.
    #[must_use]
    pub fn stripe_key_of(intent: PaymentId, approvals: u32) -> String {
        format!("refund_{intent}_{approvals}")
    }
}

// === impl RefundState ===

impl RefundState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Sent, Self::Unknown, Self::Refunded, Self::Failed];

    /// Whether the processor may still carry it out, or has not said that it did.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Sent | Self::Unknown => true,
            Self::Refunded | Self::Failed => false,
        }
    }

    /// The word in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sent => "refund_sent",
            Self::Unknown => "refund_unknown",
            Self::Refunded => "refunded",
            Self::Failed => "refund_failed",
        }
    }

    /// The state that a stored word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

// === impl Mischarge ===

impl Mischarge {
    /// The amount in cents, where it was US dollars at all.
    #[must_use]
    pub fn usd(&self) -> Option<UsdCents> {
        (self.currency == "usd").then(|| UsdCents::new(self.amount_minor))
    }
}
