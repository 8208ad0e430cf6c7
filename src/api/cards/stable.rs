//! Credits of a card that the processor does not know again: told before they are bought, and looked at once more after it.

use axum::{body::Body, response::Response};
use http::header;
use payments::{ids::PaymentId, ports::StablePayer};
use serde_json::{Value, json};

use super::{
    super::{
        error::{GatewayError, card::CardRequestError},
        state::Api,
    },
    desk::CardDesk,
};

/// The longest answer about a pack.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
const WARNING: &str = "the card processor names this card differently from one payment token to the next: send the agent token with every \
     request that is to spend these credits, or the card is charged";

/// Refuses a pack that only the agent token of its answer could spend, until the buyer says that this is known.
///
/// # Errors
/// 400 with what to send.
pub(super) fn check(stable: Option<&StablePayer>, agent_token_only: bool) -> Result<(), CardRequestError> {
    match stable {
        Some(StablePayer::TokenAlone) if !agent_token_only => Err(CardRequestError::CardNotRecognised),
        Some(StablePayer::TokenAlone | StablePayer::CardFingerprint(_) | StablePayer::LinkEmail(_)) | None => Ok(()),
    }
}

/// Compares what the token said with what its charge says, once the pack is paid; where they differ, the answer says what follows.
pub(super) async fn compared(
    api: &Api,
    desk: &CardDesk,
    response: Response,
    stable: Option<StablePayer>,
) -> Result<Response, GatewayError> {
    let Some(told) = stable.filter(|_| response.status().is_success()) else { return Ok(response) };
    let named = response.headers().get("x-payment-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    if !differs(api, desk, named, &told).await {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, MAX_ANSWER_BYTES).await.map_err(|error| GatewayError::internal(&error))?;
    let Ok(mut answer) = serde_json::from_slice::<Value>(&bytes) else { return Ok(Response::from_parts(parts, Body::from(bytes))) };
    answer["data"]["warning"] = json!(WARNING);
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(answer.to_string())))
}

/// The pack is paid and granted whatever the processor says now.
async fn differs(api: &Api, desk: &CardDesk, payment: Option<PaymentId>, told: &StablePayer) -> bool {
    let Some(id) = payment else { return false };
    let Ok(Some(intent)) = api.world.books.intent(id).await else { return false };
    let Some(charge) = intent.settlement.as_ref().and_then(|settled| settled.charge()) else { return false };
    match desk.rail.payer_of(&charge.payment_intent).await {
        Ok(payer) => *told == StablePayer::TokenAlone || payer != *told,
        Err(error) => {
            tracing::warn!(%error, payment_id = %id, "cards.payer_not_compared");
            false
        }
    }
}
