//! A card credential, or one half of it, that arrives again.

use std::sync::Arc;

use payments::ports::{ClaimKey, HalfKnown, Known};

use super::super::{
    error::{CardRequestError, GatewayError},
    replay,
    reply::GatewayReply,
    request::GatewayRequest,
    state::Gateway,
};

/// A key that arrives again. Who holds one half of a credential gets nobody's answer.
pub async fn repeated(
    gateway: &Arc<Gateway>,
    call: &GatewayRequest,
    key: &ClaimKey,
    known: Known,
) -> Result<GatewayReply, GatewayError> {
    match known.half_known {
        None => replay::answer_known(gateway, call, key, known).await,
        Some(HalfKnown::Challenge) => Err(CardRequestError::ChallengeUsed.into()),
        Some(HalfKnown::Token)
            if known.intent.as_ref().is_some_and(|intent| !intent.state.is_terminal()) =>
        {
            Err(CardRequestError::PaymentTokenInUse.into())
        }
        Some(HalfKnown::Token) => Err(CardRequestError::PaymentTokenUsed.into()),
    }
}
