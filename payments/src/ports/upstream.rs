//! Who is behind us.

use async_trait::async_trait;

use crate::{
    checkout::Admission,
    ids::PaymentId,
    intent::StoredAnswer,
    ports::{Creations, UpstreamWay},
};

/// What the upstream made of a creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamAnswer {
    /// The billable thing exists.
    Created {
        /// The answer for the client.
        answer: StoredAnswer,
        /// The new thing's id.
        launch_id: String,
    },
    /// A final refusal by the profile's list.
    Refused(StoredAnswer),
    /// The upstream did not do it, and may later: it was never reached, or it turned us away before
    /// it looked at the request.
    NotDone(String),
    /// None of these: a timeout, a broken body, a status that is no final refusal.
    Unknown(String),
}

/// What the upstream holds under our key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    /// The creation of that key, answered as it was.
    Found {
        /// The answer for the client.
        answer: StoredAnswer,
        /// The thing's id.
        launch_id: String,
    },
    /// The upstream is sure that nothing was created under the key.
    Absent,
    /// It did not say.
    Unreachable(String),
}

/// A call that is not a creation did not come through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No connection, no answer in time, or a broken one.
    #[error("the upstream does not answer: {0}")]
    Unreachable(String),
    /// Its budget or breaker is closed.
    #[error("the upstream is not taking requests now")]
    Busy {
        /// When to come back, in seconds.
        retry_after_s: u64,
    },
    /// It refuses the gateway itself: no call is charged meanwhile.
    #[error("the upstream refuses the gateway itself")]
    RefusesUs {
        /// When to come back, in seconds.
        retry_after_s: u64,
    },
}

/// The API that Turnpike stands in front of. It accepts an [`Admission`] and nothing else.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// Creates the billable thing under the intent's id as idempotency key.
    async fn create(&self, admission: Admission) -> UpstreamAnswer;

    /// Whether a creation may be sent again under its key without a second thing being made. Where
    /// it may not, a creation whose answer was lost is never repeated: it is looked up, or waits
    /// for an operator.
    fn repeats_safely(&self) -> bool {
        true
    }

    /// What exists under an intent's key.
    async fn look_up(&self, core_key: &str) -> LookUp;

    /// Whether it can be asked for what a key created.
    fn looks_up(&self) -> bool {
        true
    }

    /// A page of everything that was created through us, oldest first, after this place; the empty
    /// text is the beginning.
    ///
    /// # Errors
    /// [`UpstreamError`] when there is no whole answer.
    async fn creations(&self, _after: &str) -> Result<Creations, UpstreamError> {
        Ok(Creations::NotOffered)
    }

    /// Forwards a call that creates nothing billable.
    ///
    /// # Errors
    /// [`UpstreamError`] when there is no whole answer.
    async fn forward(&self, admission: Admission) -> Result<StoredAnswer, UpstreamError>;

    /// What may be sent now of what is paid for.
    fn way(&self) -> UpstreamWay {
        UpstreamWay::Open
    }

    /// Whether a creation may be sent now: asked before anything is claimed, and takes nothing.
    ///
    /// # Errors
    /// [`UpstreamError::Busy`] or [`UpstreamError::RefusesUs`], with the time to come back.
    fn gate(&self) -> Result<(), UpstreamError>;

    /// Takes a unit of the upstream's budget for the creation of this payment, with its claim.
    ///
    /// # Errors
    /// [`UpstreamError::Busy`] when there is none.
    fn take_unit(&self, _payment: PaymentId) -> Result<(), UpstreamError> {
        Ok(())
    }

    /// Gives that unit back, if nothing was sent for the payment.
    fn give_unit_back(&self, _payment: PaymentId) {}

    /// Whether the upstream answers. One question serves all who ask meanwhile, and none waits long
    /// for it.
    ///
    /// # Errors
    /// [`UpstreamError`] when it does not.
    async fn ready(&self) -> Result<(), UpstreamError>;
}
