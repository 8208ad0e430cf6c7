//! Why the demo broke off.

use http::StatusCode;
use payments::{ids::PaymentId, ports::BooksError};
use sandbox::agent::{AgentError, CardRefusal, MintError, Refusal, TransportError};
use serde_json::Value;

use crate::{
    app::AppError,
    clock::NoRandomness,
    config::ConfigErrors,
    worker::{drives::chain, rounds::Unwritten},
};

/// Why the story could not be told to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// Somebody stopped it.
    #[error("interrupted")]
    Interrupted,
    /// No listener could be opened.
    #[error("no free port: {0}")]
    NoPort(std::io::Error),
    /// The listener does not say where it is.
    #[error(transparent)]
    NoAddress(std::io::Error),
    /// The gateway's settings are wrong.
    #[error(transparent)]
    Configuration(#[from] ConfigErrors),
    /// The gateway did not start.
    #[error("{}", chain(.0))]
    Start(Box<AppError>),
    /// The gateway left something unwritten.
    #[error(transparent)]
    Stop(#[from] Unwritten),
    /// Something that must be there is not.
    #[error("{0}")]
    Missing(&'static str),
    /// The agent would not pay what was asked.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The card's agent would not.
    #[error(transparent)]
    CardRefused(#[from] CardRefusal),
    /// The agent got no answer that it could use.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// No payment token was minted.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The chain or the card processor did not answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A request could not be written.
    #[error(transparent)]
    Request(#[from] http::Error),
    /// An answer is no JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// No randomness for a nonce.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The books cannot be read.
    #[error("{}", chain(.0))]
    Books(#[source] BooksError),
    /// The books name a payment by something else than its id.
    #[error("{0} is no payment id")]
    NoPaymentId(String),
    /// A payment of the list is not in the books.
    #[error("{0} has no evidence")]
    NoEvidence(PaymentId),
    /// An answer without a challenge.
    #[error("{uri} was answered with {status} and not with 402")]
    NotChallenged {
        /// Of what.
        uri: String,
        /// Its status.
        status: StatusCode,
    },
    /// Another status than the story has.
    #[error("answered with {status} and not with {expected}: {body}")]
    Status {
        /// What it was.
        status: StatusCode,
        /// What it had to be.
        expected: u16,
        /// What it says.
        body: Value,
    },
    /// The same, of this address.
    #[error("{uri}: {why}")]
    At {
        /// The address.
        uri: String,
        /// What is wrong.
        why: Box<DemoError>,
    },
    /// The chain refused a question.
    #[error("{method}: {error}")]
    Chain {
        /// What was asked.
        method: String,
        /// Its own error.
        error: Value,
    },
    /// The chain answered something else than a number.
    #[error("{0} is no number")]
    NoNumber(Value),
    /// The card processor lists nothing.
    #[error("the processor lists no payments: {0}")]
    NoPayments(Value),
}

impl From<&'static str> for DemoError {
    fn from(missing: &'static str) -> Self {
        Self::Missing(missing)
    }
}
