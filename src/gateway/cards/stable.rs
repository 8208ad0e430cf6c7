//! Credits of a card that the processor does not know again: told before they are bought, and
//! looked at once more after it.

use payments::{ids::PaymentId, ports::StablePayer};
use serde_json::{Value, json};

use super::{
    super::{error::CardRequestError, reply::GatewayReply, state::Gateway},
    desk::CardDesk,
};

const WARNING: &str = "the card processor names this card differently from one payment token to the next: send the agent token with every \
     request that is to spend these credits, or the card is charged";

/// Refuses a pack that only the agent token of its answer could spend, until the buyer says that
/// this is known.
///
/// # Errors
/// [`CardRequestError::CardNotRecognised`].
pub fn check(stable: Option<&StablePayer>, agent_token_only: bool) -> Result<(), CardRequestError> {
    match stable {
        Some(StablePayer::TokenAlone) if !agent_token_only => {
            Err(CardRequestError::CardNotRecognised)
        }
        Some(
            StablePayer::TokenAlone | StablePayer::CardFingerprint(_) | StablePayer::LinkEmail(_),
        )
        | None => Ok(()),
    }
}

/// Compares what the token said with what its charge says, once the pack is paid; where they
/// differ, the answer says what follows.
pub async fn compared(
    gateway: &Gateway,
    desk: &CardDesk,
    mut reply: GatewayReply,
    stable: Option<StablePayer>,
) -> GatewayReply {
    let Some(told) = stable.filter(|_| reply.is_success()) else { return reply };
    let payment = reply.get("x-payment-id").and_then(|id| id.parse().ok());
    if !differs(gateway, desk, payment, &told).await {
        return reply;
    }
    if let Ok(mut answer) = serde_json::from_slice::<Value>(&reply.body) {
        answer["data"]["warning"] = json!(WARNING);
        reply.replace_body(answer.to_string());
    }
    reply
}

/// The pack is paid and granted whatever the processor says now.
async fn differs(
    gateway: &Gateway,
    desk: &CardDesk,
    payment: Option<PaymentId>,
    told: &StablePayer,
) -> bool {
    let Some(id) = payment else { return false };
    let Ok(Some(intent)) = gateway.world.books.intent(id).await else { return false };
    let Some(charge) = intent.settlement.as_ref().and_then(|settled| settled.charge()) else {
        return false;
    };
    match desk.rail.payer_of(&charge.payment_intent).await {
        Ok(payer) => *told == StablePayer::TokenAlone || payer != *told,
        Err(error) => {
            tracing::warn!(%error, payment_id = %id, "cards.payer_not_compared");
            false
        }
    }
}
