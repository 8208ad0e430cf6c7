//! A card credential, or one half of it, that arrives again.

use std::sync::Arc;

use axum::response::Response;
use payments::ports::{ClaimKey, HalfKnown, Known};

use super::super::{
    call::Call,
    error::{GatewayError, card::CardRequestError},
    replay,
    state::Api,
};

/// A key that arrives again. Who holds one half of a credential gets nobody's answer.
pub(in super::super) async fn repeated(api: &Arc<Api>, call: &Call, key: &ClaimKey, known: Known) -> Result<Response, GatewayError> {
    match known.half_known {
        None => replay::answer(api, call, key, known).await,
        Some(HalfKnown::Challenge) => Err(CardRequestError::ChallengeUsed.into()),
        Some(HalfKnown::Token) if known.intent.as_ref().is_some_and(|intent| !intent.state.is_terminal()) => {
            Err(CardRequestError::PaymentTokenInUse.into())
        }
        Some(HalfKnown::Token) => Err(CardRequestError::PaymentTokenUsed.into()),
    }
}
