//! A key that arrives again: what each state of the work answers to the same request, and to another.

use std::sync::Arc;

use axum::response::Response;
use payments::ports::{ClaimKey, Known};

use super::{
    answer::{self, Delivered},
    call::Call,
    delivery::Attendance,
    error::{GatewayError, KnownBy},
    state::Api,
};

pub(super) async fn answer(api: &Arc<Api>, call: &Call, key: &ClaimKey, known: Known) -> Result<Response, GatewayError> {
    let Some(intent) = known.intent else { return Err(GatewayError::UsedForIdentity) };
    if known.fingerprint != call.fingerprint {
        let known_by = if named_before(api, key).await? { KnownBy::IdempotencyKey } else { KnownBy::Proof };
        return Err(GatewayError::UsedForAnother { payment: intent.id, known_by });
    }
    answer::name_payment(intent.id);
    tracing::info!(payment_id = %intent.id, state = intent.state.word(), "payment.asked_again");
    let attendance = Attendance::visitor(Arc::clone(&api.world.books), intent.id);
    if intent.state.is_terminal() {
        return answer::of_intent(api, &intent, attendance, Delivered::Again).await;
    }
    answer::awaited(api, call, intent.id, attendance, Delivered::Again).await
}

/// Whether it was the client's own key that was known, and not the proof.
async fn named_before(api: &Api, key: &ClaimKey) -> Result<bool, GatewayError> {
    let proof_alone = ClaimKey { idempotency: None, ..key.clone() };
    Ok(api.world.books.known(&proof_alone).await.map_err(|error| GatewayError::internal(&error))?.is_none())
}
