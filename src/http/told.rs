//! What an answer says to the metrics: read off the answer once it is made, so that no way to it is
//! forgotten.

use axum::response::Response;
use payments::challenge::Phase;

use super::{
    asked::{Asked, RATE_LIMITED, Refused},
    state::Api,
};
use crate::telemetry::{Rail, Verdict};

/// Counts what came of the request's credential, and whether a limit refused it.
pub(super) fn of(api: &Api, asked: &Asked, response: &Response) {
    let refused = response.extensions().get::<Refused>();
    let reason = refused.and_then(|refused| refused.reason.as_deref());
    if reason == Some(RATE_LIMITED) {
        api.gateway.telemetry.rate_limited(asked.rail);
    }
    if asked.rail != Rail::None {
        api.gateway.telemetry.verified(
            asked.rail,
            verdict(refused, response.status().as_u16()),
            reason,
        );
    }
}

/// Whatever is refused after the credential was checked leaves it valid.
fn verdict(refused: Option<&Refused>, status: u16) -> Verdict {
    let Some(refused) = refused else { return Verdict::Valid };
    match (refused.phase, status) {
        (Some(Phase::Verify), 500..) => Verdict::Unknown,
        (Some(Phase::Verify), _) | (_, 401) => Verdict::Refused,
        _ if refused.unverified => Verdict::Refused,
        _ => Verdict::Valid,
    }
}
