//! What the card processor tells us by itself.

use crate::{ids::PaymentId, time::UnixMs};

/// One event. It only says that something changed: what is true now is asked of the processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardEvent {
    /// The processor's name of it, `evt_...`: deliveries repeat.
    pub id: String,
    /// Its type, as the processor words it.
    pub kind: String,
    /// Of real money.
    pub livemode: bool,
    /// The object that it holds or names.
    pub object: Option<String>,
    /// The payment it is about, `pi_...`.
    pub payment_intent: Option<String>,
    /// Our payment, where the object's metadata names one.
    pub payment_id: Option<PaymentId>,
    /// What it speaks of.
    pub what: EventSubject,
}

/// What an event speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSubject {
    /// A payment moved.
    Payment,
    /// Money goes back.
    Refund,
    /// A dispute.
    Dispute,
    /// Not about one of our payments.
    Other,
}

/// A delivery that is not believed, or says nothing that can be read. Nothing of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventRefusal {
    /// No time, no signature of the known scheme, or not the header's form.
    #[error("the signature header cannot be read")]
    Header,
    /// Too old, or too far ahead.
    #[error("the delivery is not of now")]
    Time,
    /// Signed with another key, or for another body.
    #[error("the signature does not match")]
    Signature,
    /// Signed, and no event.
    #[error("the body is no event")]
    Body,
    /// A test event where real money is meant, or the reverse.
    #[error("the event is of the other mode")]
    Mode,
}

/// Reads the processor's deliveries.
pub trait CardEvents: Send + Sync {
    /// The event of a delivery: its signature header and its raw body.
    ///
    /// # Errors
    /// [`EventRefusal`].
    fn read(&self, signature: &str, body: &[u8], now: UnixMs) -> Result<CardEvent, EventRefusal>;
}
