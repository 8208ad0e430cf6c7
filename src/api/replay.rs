//! A key that arrives again: the table of design.md section 6.

use std::sync::Arc;

use axum::response::Response;
use payments::{
    challenge::{Phase, Retry},
    ports::Known,
};

use super::{
    Api,
    answer::{self, Delivered},
    delivery::Attendance,
    dispatch::Call,
    priced::used_for_identity,
    problem::Fault,
};
use crate::upstream::profile::Condition;

pub(super) async fn answer(api: &Arc<Api>, call: &Call, known: Known) -> Result<Response, Fault> {
    let Some(intent) = known.intent else { return Err(used_for_identity()) };
    if known.fingerprint != call.fingerprint {
        return Err(Fault::new(Condition::Conflict, "this proof or key was used for another request; nothing was done")
            .reason("proof_used")
            .phase(Phase::Verify)
            .retry(Retry::Never)
            .payment(intent.id));
    }
    let attendance = Attendance::visitor(Arc::clone(&api.world.books), intent.id);
    if intent.state.is_terminal() {
        return answer::of_intent(api, &intent, attendance, Delivered::Again).await;
    }
    answer::awaited(api, call, intent.id, attendance, Delivered::Again).await
}
