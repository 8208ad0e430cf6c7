//! A key that arrives again: what each state of the work answers to the same request, and to
//! another.

use std::sync::Arc;

use payments::ports::{ClaimKey, Known};

use super::{
    answer::{self, Delivered},
    attendance::Attendance,
    error::{GatewayError, KnownBy},
    reply::GatewayReply,
    request::GatewayRequest,
    state::Gateway,
};

/// Answers a request whose proof or key is known: the same request as it was answered, another one
/// with a refusal.
///
/// # Errors
/// The proof or key was used for another request, or the outcome is not known yet.
pub async fn answer_known(
    gateway: &Arc<Gateway>,
    call: &GatewayRequest,
    key: &ClaimKey,
    known: Known,
) -> Result<GatewayReply, GatewayError> {
    let Some(intent) = known.intent else { return Err(GatewayError::UsedForIdentity) };
    if known.fingerprint != call.fingerprint {
        let known_by = if named_before(gateway, key).await? {
            KnownBy::IdempotencyKey
        } else {
            KnownBy::Proof
        };
        return Err(GatewayError::UsedForAnother { payment: intent.id, known_by });
    }
    answer::name_payment(intent.id);
    tracing::info!(payment_id = %intent.id, state = intent.state.word(), "payment.asked_again");
    let attendance = Attendance::visitor(Arc::clone(&gateway.world.books), intent.id);
    if intent.state.is_terminal() {
        return answer::of_intent(gateway, &intent, attendance, Delivered::Again).await;
    }
    answer::awaited(gateway, call, intent.id, attendance, Delivered::Again).await
}

/// Whether it was the client's own key that was known, and not the proof.
async fn named_before(gateway: &Gateway, key: &ClaimKey) -> Result<bool, GatewayError> {
    let proof_alone = ClaimKey { idempotency: None, ..key.clone() };
    Ok(gateway
        .world
        .books
        .known(&proof_alone)
        .await
        .map_err(|error| GatewayError::internal(&error))?
        .is_none())
}
