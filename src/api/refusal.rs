//! A body that is refused before anything is claimed: every finding with its member, in the form that the launch core uses too.

use payments::challenge::Retry;
use serde_json::json;

use super::{
    body_rules::{BodyFinding, BodyRefusal},
    fault::Fault,
};
use crate::upstream::{contract::BodyError, profile::Condition};

/// Seconds after which a rule that could not be checked may be asked again.
const RETRY_AFTER_S: u64 = 2;

/// What the schema says.
pub(super) fn of_schema(findings: &[BodyError]) -> Fault {
    let details = findings.iter().map(|error| BodyFinding {
        field: error.field.clone(),
        message: error.message.clone(),
        expected: error.expected.clone(),
        got: error.got.clone(),
    });
    let details: Vec<_> = details.collect();
    let message = details.first().map_or("the body is not valid", |first| &first.message);
    let fault = Fault::new(Condition::Validation, message).reason("invalid_body").retry(Retry::FixRequest);
    match details.first() {
        Some(first) => fault.field(&first.field, &first.expected, &first.got).member("details", json!(details)),
        None => fault,
    }
}

/// What the upstream's own rules say. A status of 500 and more means that they could not be asked.
pub(super) fn of_rules(refused: &BodyRefusal) -> Fault {
    if refused.status >= 500 {
        return Fault::unavailable(&refused.message, RETRY_AFTER_S).with_code(refused.status, &refused.code).reason("upstream_unavailable");
    }
    Fault::new(Condition::Validation, &refused.message)
        .with_code(refused.status, &refused.code)
        .reason("invalid_body")
        .retry(Retry::FixRequest)
        .field(&refused.field, &refused.expected, &refused.got)
        .member("details", json!(refused.details))
}
