//! What the node answers to a submission or a look, and how it fails.

use crate::settlement::{Attempt, PaymentFailure, SettlementProof};

/// The transaction could not be prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PreparationError {
    /// The signer cannot pay the fee. Operators see it in readiness.
    #[error("the signer is out of gas")]
    OutOfGas,
    /// The fee is above the configured cap.
    #[error("the chain's fee is above the configured cap")]
    FeeAboveCap,
    /// Signing or sealing failed.
    #[error("the settling transaction could not be signed")]
    Signing,
}

/// What a node said to a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It has it.
    Accepted,
    /// No answer, or an answer that proves nothing.
    Unknown,
}

/// What the chain says of a payment. Unknown is unknown: nothing is ever guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Proven paid.
    Settled(SettlementProof),
    /// Proven not paid.
    Failed(PaymentFailure),
    /// Neither.
    Pending {
        /// The authorization can still be used: the same bytes may be sent again.
        may_send: bool,
    },
}

/// What came of looking whether a transaction needs a higher fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raised {
    /// The same under the same nonce with a higher fee, to be saved before it is sent.
    Higher(Attempt),
    /// A higher fee is not called for yet, or the signer cannot pay it.
    NotNow,
    /// The fee that is called for is above what the payment may cost in gas, or above the cap: it
    /// waits.
    AtBound,
}

/// The node cannot be asked, or cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RailError {
    /// No answer in time, or an error answer.
    #[error("the chain node does not answer: {0}")]
    Unreachable(String),
    /// The node answers for another chain, or the token is another one than configured.
    #[error("the chain node is not the configured chain: {0}")]
    WrongChain(String),
    /// The token's issuer has stopped all transfers.
    #[error("payments cannot be settled: the token is paused")]
    TokenPaused,
    /// The node refuses a question, however small it is.
    #[error("the chain node refuses a question: {0}")]
    Refused(String),
    /// The node answers, but nothing can be settled now.
    #[error("payments cannot be settled: {0}")]
    NotReady(String),
}
