//! A small agent that pays with x402: it reads a 402, decides whether it may pay what is asked,
//! signs an EIP-3009 authorization and repeats the request with it.
//!
//! [`Agent::ask`] -> [`Spending::choose`] -> [`Proof::sign`] -> [`Agent::present`] ->
//! [`receipt::of`]: one method a step, so that a person can be shown each of them. It opens no
//! connection itself ([`Transport`]), reads no clock and draws no randomness ([`Moment`]). With a
//! card it pays by MPP instead: [`card`].

pub mod card;
pub mod challenge;
pub mod proof;
pub mod receipt;
mod spending;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::Value;

pub use card::{Card, CardAgreed, CardProof, CardRefusal, CardSpending, Mint, MintError};
pub use challenge::{Challenge, ChallengeError, Offer, Reading};
pub use proof::Proof;
pub use spending::{Agreed, Refusal, Spending};

/// How often one proof is sent at most: the first time, and again while the outcome is not known.
const MOST_SENDINGS: u32 = 6;
/// The pause where the server names none.
const USUAL_PAUSE_S: u64 = 1;
/// The longest pause that is waited for.
const LONGEST_PAUSE_S: u64 = 30;

/// How requests leave: one request, one whole answer.
pub trait Transport: Send + Sync {
    /// Sends a request and reads the whole answer.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> + Send;
}

/// Why there is no whole answer. What it says holds no credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection could be made.
    #[error("cannot reach {host}: {why}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// The error and its causes.
        why: String,
    },
    /// The connection ended before the answer began.
    #[error("the connection to {host} broke: {why}")]
    Broken {
        /// Host and port.
        host: String,
        /// The error and its causes.
        why: String,
    },
    /// The answer ended early, or is too large.
    #[error("the answer of {host} broke off or is larger than {max_bytes} bytes")]
    Incomplete {
        /// Host and port.
        host: String,
        /// How much is read at most.
        max_bytes: usize,
    },
    /// It took too long.
    #[error("no whole answer within {limit_s} s")]
    TimedOut {
        /// How long was waited.
        limit_s: u64,
    },
}

/// What an authorization needs and an agent must not make up: the time, and a number that nobody
/// can guess.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Seconds since 1970.
    pub now_unix_s: u64,
    /// Fresh randomness; an authorization is named by it.
    pub nonce: [u8; 32],
}

/// The agent's side of HTTP.
pub struct Agent<T> {
    /// Which version of the protocol it reads.
    pub reading: Reading,
    /// The way out.
    pub transport: T,
}

/// The answer to a request without payment.
#[derive(Debug)]
pub enum Asked {
    /// Something else than 402.
    Answered(Response<Bytes>),
    /// 402, and what it asks for.
    Challenged(Response<Bytes>, Challenge),
}

/// Why the agent got no answer that it could use.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The server was not reached, or the connection broke.
    #[error(transparent)]
    Connection(#[from] TransportError),
    /// The agent token cannot be sent.
    #[error("the agent token is no header value")]
    InvalidAgentToken,
    /// The 402 cannot be paid by this agent: it does not say how.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
}

// === impl Agent ===

impl<T: Transport> Agent<T> {
    /// Sends the request as it is.
    ///
    /// # Errors
    /// [`AgentError::Connection`], or a 402 that cannot be read.
    pub async fn ask(&self, request: &Request<Bytes>) -> Result<Asked, AgentError> {
        let response = self.send(request).await?;
        if response.status() != StatusCode::PAYMENT_REQUIRED {
            return Ok(Asked::Answered(response));
        }
        let challenge = Challenge::read(&response, self.reading)?;
        Ok(Asked::Challenged(response, challenge))
    }

    /// Sends the request as it is, and takes any answer.
    ///
    /// # Errors
    /// [`AgentError::Connection`].
    pub async fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, AgentError> {
        Ok(self.transport.send(request.clone()).await?)
    }

    /// Sends the request with the proof. While the outcome is not known the very same proof is sent
    /// again: it can be settled only once, whereas a new one would be a second payment.
    ///
    /// # Errors
    /// [`AgentError::Connection`] after the last try.
    pub async fn present(
        &self,
        request: &Request<Bytes>,
        proof: &Proof,
    ) -> Result<Response<Bytes>, AgentError> {
        let mut paid = request.clone();
        paid.headers_mut().insert(proof.header_name(), proof.header_value());
        self.until_known(&paid).await
    }

    /// The same by card. An agent token beside it names the account, instead of the card.
    ///
    /// # Errors
    /// [`AgentError::Connection`] after the last try; [`AgentError::InvalidAgentToken`].
    pub async fn present_card(
        &self,
        request: &Request<Bytes>,
        proof: &CardProof,
        agent_token: Option<&str>,
    ) -> Result<Response<Bytes>, AgentError> {
        let mut paid = request.clone();
        paid.headers_mut().insert(header::AUTHORIZATION, proof.header_value());
        if let Some(token) = agent_token {
            paid.headers_mut().insert("x-agent-token", secret_value(token)?);
        }
        self.until_known(&paid).await
    }

    /// Sends the request as the holder of an agent token: it spends the account's credits, and
    /// reads what is the account's. Sent again only under an `Idempotency-Key`: without one a
    /// repeat would spend another credit.
    ///
    /// # Errors
    /// [`AgentError::Connection`] after the last try; [`AgentError::InvalidAgentToken`].
    pub async fn present_token(
        &self,
        request: &Request<Bytes>,
        agent_token: &str,
    ) -> Result<Response<Bytes>, AgentError> {
        let mut named = request.clone();
        named
            .headers_mut()
            .insert(header::AUTHORIZATION, secret_value(&format!("Bearer {agent_token}"))?);
        if named.headers().contains_key("idempotency-key") {
            self.until_known(&named).await
        } else {
            Ok(self.transport.send(named).await?)
        }
    }

    async fn until_known(&self, paid: &Request<Bytes>) -> Result<Response<Bytes>, AgentError> {
        let mut sendings = 0;
        loop {
            sendings += 1;
            let answer = self.transport.send(paid.clone()).await;
            let pause_s = match &answer {
                Ok(response) if !is_unknown_outcome(response) => {
                    return Ok(answer?);
                }
                Ok(response) => retry_after_s(response),
                Err(_) => USUAL_PAUSE_S,
            };
            if sendings == MOST_SENDINGS {
                return Ok(answer?);
            }
            tokio::time::sleep(Duration::from_secs(pause_s)).await;
        }
    }
}

fn secret_value(text: &str) -> Result<HeaderValue, AgentError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| AgentError::InvalidAgentToken)?;
    value.set_sensitive(true);
    Ok(value)
}

/// 503 PAYMENT_005: the money may have moved, and nobody knows yet.
fn is_unknown_outcome(response: &Response<Bytes>) -> bool {
    let code = || {
        serde_json::from_slice::<Value>(response.body())
            .ok()?
            .pointer("/error/code")?
            .as_str()
            .map(str::to_owned)
    };
    response.status() == StatusCode::SERVICE_UNAVAILABLE && code().as_deref() == Some("PAYMENT_005")
}

fn retry_after_s(response: &Response<Bytes>) -> u64 {
    let named = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    named.unwrap_or(USUAL_PAUSE_S).min(LONGEST_PAUSE_S)
}
