//! A key that arrives again: what each state of the work answers to the same request, and to another.

use std::sync::Arc;

use axum::response::Response;
use payments::{
    challenge::{Phase, Retry},
    ports::{ClaimKey, Known},
};

use super::{
    answer::{self, Delivered},
    call::Call,
    delivery::Attendance,
    fault::Fault,
    faults::{named, used_for_identity},
    state::Api,
};
use crate::upstream::profile::Condition;

pub(super) async fn answer(api: &Arc<Api>, call: &Call, key: &ClaimKey, known: Known) -> Result<Response, Fault> {
    let Some(intent) = known.intent else { return Err(used_for_identity()) };
    if known.fingerprint != call.fingerprint {
        return Err(Fault::new(Condition::Conflict, "this proof or key was used for another request; nothing was done")
            .reason(if named_before(api, key).await? { "idempotency_key_used" } else { "proof_used" })
            .phase(Phase::Verify)
            .retry(Retry::Never)
            .payment(intent.id));
    }
    named(intent.id);
    tracing::info!(payment_id = %intent.id, state = intent.state.word(), "payment.asked_again");
    let attendance = Attendance::visitor(Arc::clone(&api.world.books), intent.id);
    if intent.state.is_terminal() {
        return answer::of_intent(api, &intent, attendance, Delivered::Again).await;
    }
    answer::awaited(api, call, intent.id, attendance, Delivered::Again).await
}

/// Whether it was the client's own key that was known, and not the proof.
async fn named_before(api: &Api, key: &ClaimKey) -> Result<bool, Fault> {
    let proof_alone = ClaimKey { idempotency: None, ..key.clone() };
    Ok(api.world.books.known(&proof_alone).await.map_err(|error| Fault::internal(&error))?.is_none())
}
