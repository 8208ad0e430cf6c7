//! The rail that moves money by card.

use async_trait::async_trait;

use crate::{
    charge::{Charge, ChargeProof, Mischarge, PaymentToken, Refund},
    ids::PaymentId,
    money::UsdCents,
    ports::PreparationError,
    proof::ChargeKey,
    settlement::PaymentFailure,
    time::UnixMs,
};

/// Whose card it is, by the processor's own data: what stays the same from one token to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StablePayer {
    /// The card's fingerprint.
    CardFingerprint(String),
    /// The e-mail address of a Link account.
    LinkEmail(String),
    /// The processor names nothing stable: the account is this token's alone.
    TokenAlone,
}

/// What the processor says of a payment token, before anything is claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    /// Whose card it is.
    pub payer: StablePayer,
    /// The business network profile of the agent that was granted it.
    pub agent_profile: Option<String>,
    /// Real money, by the processor's own word.
    pub livemode: bool,
    /// Why it can no longer be charged (`consumed`, `expired`, `revoked`, ...), if so.
    pub deactivated: Option<String>,
    /// Its currency, in lower case; none where the processor does not say.
    pub currency: Option<String>,
    /// How much it may still be charged, in the currency's minor unit; none where the processor
    /// does not say.
    pub left_minor: Option<u64>,
    /// From this second on it cannot be charged.
    pub expires_unix_s: Option<u64>,
}

/// A charge that is to be prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCharge {
    /// The challenge and the token's hash.
    pub key: ChargeKey,
    /// What is charged.
    pub token: PaymentToken,
    /// How much.
    pub amount: UsdCents,
    /// The route's key, for the processor's metadata.
    pub route: String,
    /// SHA-256 of the agent token that a settled charge is answered with.
    pub agent_token_sha256: [u8; 32],
}

/// What became of a charge. Unknown is unknown: nothing is ever guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardOutcome {
    /// Proven paid: the right amount and currency.
    Settled(ChargeProof),
    /// Proven not paid, and it never will be: what needed somebody's action is cancelled.
    Failed(PaymentFailure),
    /// Something else was taken than what was asked for.
    Mischarged(Mischarge),
    /// The processor has it and has not decided.
    Pending,
}

/// What became of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The money is on its way back. The card's bank may still return it: the same refund fails
    /// then.
    Refunded,
    /// The processor has it and has not decided.
    Pending,
    /// The processor refuses for good, or the money came back to us.
    Failed,
    /// It refuses the amount, because so much of the charge went back by refunds that are not ours.
    Elsewhere {
        /// In the charge's minor unit.
        back_minor: u64,
    },
}

/// The processor's answer about a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundAnswer {
    /// Its name, `re_...`, where there is such a refund.
    pub id: Option<String>,
    /// What became of it.
    pub outcome: RefundOutcome,
}

/// The processor cannot be asked, or does not take our calls. Never the payer's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// No answer in time, a broken one, or a fault on its side: what was asked may have happened.
    #[error("the card processor does not answer: {0}")]
    Unreachable(String),
    /// It asks for patience; nothing happened.
    #[error("the card processor is busy")]
    Busy {
        /// When to come back, in seconds.
        retry_after_s: u64,
    },
    /// Our key, version or parameters are wrong; nothing happened. An operator must look.
    #[error("the card processor refuses our calls: {0}")]
    Misconfigured(String),
    /// It does not know the token, or not for us.
    #[error("the card processor does not know the payment token")]
    UnknownToken,
}

/// What the processor says now of a settled charge: refunds and disputes, ours or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChargeFacts {
    /// Refunded in all, by refunds that did not fail, in cents.
    pub refunded_cents: u64,
    /// Of that, by refunds that we asked for.
    pub ours_cents: u64,
    /// Its disputes, oldest first; inquiries too.
    pub disputes: Vec<Dispute>,
    /// Warnings that it was probably made with a stolen card.
    pub warnings: Vec<FraudWarning>,
    /// Refunds whose state is not known here: while there are any, nothing is booked of what went
    /// back.
    pub unrecognised: Vec<UnrecognisedState>,
}

/// An object for whose state the processor has a word that we do not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnrecognisedState {
    /// The processor's name of it.
    pub id: String,
    /// The word.
    pub status: String,
}

/// The card network's warning about a charge, before any dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FraudWarning {
    /// The processor's name of it, `issfr_...`.
    pub id: String,
    /// Its kind in the processor's word, `made_with_stolen_card`.
    pub kind: String,
}

/// One dispute of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The processor's name of it, `dp_...`.
    pub id: String,
    /// The disputed amount in cents.
    pub amount_cents: u64,
    /// Where it stands.
    pub state: DisputeState,
    /// The same in the processor's word, `needs_response`.
    pub status: String,
    /// Why, in the processor's word, `fraudulent`.
    pub reason: String,
    /// Until when evidence is taken.
    pub due_by: Option<UnixMs>,
}

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeState {
    /// The bank asks, or asked, and takes nothing: an inquiry, or a dispute that was prevented.
    Inquiry,
    /// Not decided: the money is taken from us meanwhile.
    Open,
    /// Decided for us: the money is back.
    Won,
    /// Decided against us.
    Lost,
    /// The processor has a word for it that we do not know: nothing is booked, and an operator must
    /// look.
    Unrecognised,
}

/// The card processor behind MPP.
#[async_trait]
pub trait CardRail: Send + Sync {
    /// What a token is, before anything is claimed.
    ///
    /// # Errors
    /// [`CardError`]: nothing may be claimed then.
    async fn token(&self, token: &PaymentToken) -> Result<TokenView, CardError>;

    /// Builds and seals the charge. No I/O.
    ///
    /// # Errors
    /// [`PreparationError::Signing`] when it could not be sealed.
    fn prepare(
        &self,
        intent: PaymentId,
        charge: NewCharge,
        at: UnixMs,
    ) -> Result<Charge, PreparationError>;

    /// Sends the saved parameters under the saved key, the same each time, and says what became of
    /// the charge. The processor keeps a key for 24 hours; after that, and once the parameters are
    /// wiped, it is looked up by our payment id and nothing is sent.
    ///
    /// # Errors
    /// [`CardError`]: the outcome stays unknown.
    async fn charge(
        &self,
        intent: PaymentId,
        charge: &Charge,
        amount: UsdCents,
        now: UnixMs,
    ) -> Result<CardOutcome, CardError>;

    /// Asks for a refund under its saved key, the same each time. One whose name is known, or that
    /// succeeded, is only looked at.
    ///
    /// # Errors
    /// [`CardError`]: the outcome stays unknown.
    async fn refund(&self, refund: &Refund, now: UnixMs) -> Result<RefundAnswer, CardError>;

    /// What is true now of a settled charge.
    ///
    /// # Errors
    /// [`CardError`].
    async fn facts(&self, payment_intent: &str) -> Result<ChargeFacts, CardError>;

    /// Passes once the account at the processor is known to be the one that the books were begun
    /// with.
    ///
    /// # Errors
    /// [`CardError::Misconfigured`] for another account, any other while it is not known.
    async fn account_known(&self) -> Result<(), CardError> {
        Ok(())
    }

    /// The payment that a refund, dispute, charge or warning is about, where the processor names
    /// one.
    ///
    /// # Errors
    /// [`CardError`].
    async fn payment_of(&self, _object: &str) -> Result<Option<String>, CardError> {
        Ok(None)
    }

    /// Whose card a settled payment charged, by what stays the same from one token to the next.
    ///
    /// # Errors
    /// [`CardError`].
    async fn payer_of(&self, _payment_intent: &str) -> Result<StablePayer, CardError> {
        Ok(StablePayer::TokenAlone)
    }

    /// Whether the processor takes our key.
    ///
    /// # Errors
    /// [`CardError`], or what is missing.
    async fn ready(&self) -> Result<(), CardError>;
}
