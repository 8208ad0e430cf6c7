//! A card credential, or one half of it, that arrives again.

use std::sync::Arc;

use axum::response::Response;
use payments::{
    challenge::{Phase, Retry},
    mpp::error::ProblemType,
    ports::{ClaimKey, HalfKnown, Known},
};

use super::super::{call::Call, fault::Fault, replay, state::Api};
use crate::upstream::profile::Condition;

/// A key that arrives again. Who holds one half of a credential gets nobody's answer.
pub(in super::super) async fn repeated(api: &Arc<Api>, call: &Call, key: &ClaimKey, known: Known) -> Result<Response, Fault> {
    match known.half_known {
        None => replay::answer(api, call, key, known).await,
        Some(HalfKnown::Challenge) => {
            Err(Fault::new(Condition::Conflict, "this challenge was paid with another payment token; nothing was done")
                .reason("challenge_used")
                .phase(Phase::Verify)
                .retry(Retry::Never))
        }
        // A challenge now would be paid with another token, on top of the charge that is open.
        Some(HalfKnown::Token) if known.intent.as_ref().is_some_and(|intent| !intent.state.is_terminal()) => Err(Fault::new(
            Condition::Conflict,
            "this payment token is being charged under another challenge; repeat that request unchanged",
        )
        .reason("payment_token_in_use")
        .phase(Phase::Settle)
        .retry(Retry::Wait)),
        Some(HalfKnown::Token) => {
            Err(Fault::new(Condition::MppInvalid, "this payment token was used for another payment; nothing was charged")
                .reason("payment_token_used")
                .phase(Phase::Verify)
                .retry(Retry::PayAgain)
                .card_problem(ProblemType::VerificationFailed)
                .challenged())
        }
    }
}
