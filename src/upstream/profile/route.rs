//! What one route of an upstream costs, who may call it, and how its answers are judged.

use std::sync::Arc;

use http::Method;
use payments::route::{Access, Rail};
use serde_json::Value;

use super::own::OwnRoute;
use crate::upstream::contract::BodyContract;

/// One method on one path pattern.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method, exactly; `HEAD` is not implied by `GET`.
    pub method: Method,
    /// The pattern without `/v1`, for example `/launches/:id`.
    pub pattern: String,
    /// Method and pattern, for example `POST /launches`: the name in prices, challenges and logs.
    pub key: String,
    /// Who answers.
    pub target: Target,
    /// Its place among all routes of the table, from 0.
    pub number: usize,
}

impl Route {
    pub(super) fn new(method: Method, pattern: &str, target: Target) -> Self {
        Self { key: format!("{method} {pattern}"), method, pattern: pattern.to_owned(), target, number: 0 }
    }

    /// The upstream's side of the route, or `None` for a route of the gateway.
    #[must_use]
    pub fn upstream(&self) -> Option<&UpstreamRoute> {
        match &self.target {
            Target::Upstream(route) => Some(route),
            Target::Own(_) => None,
        }
    }
}

/// Who answers a route.
#[derive(Debug, Clone)]
pub enum Target {
    /// The upstream, after identification, limits and funding.
    Upstream(Box<UpstreamRoute>),
    /// The gateway itself.
    Own(OwnRoute),
}

/// A route that is forwarded.
#[derive(Debug, Clone)]
pub struct UpstreamRoute {
    /// What the route is for, in one sentence, for the generated descriptions.
    pub summary: Option<String>,
    /// What it asks of who calls it.
    pub access: Access,
    /// The API's own keys pass through here, unpaid.
    pub takes_api_keys: bool,
    /// Rails that are offered only where they can take the price; any other that cannot is refused at start.
    pub offered_if_available: Vec<Rail>,
    /// Which answers mean that the work was done; always present on a priced route.
    pub billable: Option<Billable>,
    /// JSON pointer to the id of what was created.
    pub resource_id: Option<String>,
    /// What a body must look like before anything is claimed.
    pub body: Option<BodySchema>,
    /// Whether the claim of a proof must be durable before the request is forwarded.
    pub durable_claim: bool,
    /// What stands before the canonical path at the upstream: empty, or a stripped prefix such as `/v1`.
    pub upstream_prefix: String,
}

impl UpstreamRoute {
    /// What an answer of the upstream to a creation means. `refused` is [`super::Profile::refused`]; `body` is the parsed
    /// answer, `None` when it is not JSON.
    #[must_use]
    pub fn judge(&self, refused: &[u16], status: u16, body: Option<&Value>) -> Judgement {
        let done = |billable: &Billable| billable.matches(status, body.unwrap_or(&Value::Null));
        if self.billable.as_ref().is_some_and(done) {
            Judgement::Done
        } else if refused.contains(&status) {
            Judgement::Refused
        } else {
            Judgement::Unknown
        }
    }

    /// The id of what an answer created.
    #[must_use]
    pub fn resource_id<'a>(&self, answer: &'a Value) -> Option<&'a str> {
        answer.pointer(self.resource_id.as_deref()?)?.as_str()
    }
}

/// The three meanings of an upstream's answer to a creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// The work was done.
    Done,
    /// Refused for good.
    Refused,
    /// Neither: ask again with the same key, then look it up.
    Unknown,
}

/// A predicate on answers: all parts must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Billable {
    /// One of these statuses.
    pub status: Vec<u16>,
    /// This JSON pointer leads to something that is not null.
    pub has: Option<String>,
    /// Each pointer leads to exactly this value.
    pub equals: Vec<(String, Value)>,
    /// No pointer leads to its value.
    pub unless: Vec<(String, Value)>,
}

impl Billable {
    /// Whether an answer says that the work was done.
    #[must_use]
    pub fn matches(&self, status: u16, body: &Value) -> bool {
        let is = |(pointer, wanted): &(String, Value)| body.pointer(pointer) == Some(wanted);
        let has = |pointer: &String| body.pointer(pointer).is_some_and(|found| !found.is_null());
        self.status.contains(&status) && self.has.as_ref().is_none_or(has) && self.equals.iter().all(is) && !self.unless.iter().any(is)
    }
}

/// The contract of a route's body.
#[derive(Debug, Clone)]
pub struct BodySchema {
    /// The compiled schema.
    pub contract: Arc<BodyContract>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_billable_answer_holds_in_all_parts() {
        let billable = Billable {
            status: vec![200, 201],
            has: Some("/data/id".into()),
            equals: vec![("/ok".into(), json!(true))],
            unless: vec![("/duplicate".into(), json!(true))],
        };
        let good = json!({"ok": true, "data": {"id": "x"}});
        assert!(billable.matches(201, &good));
        assert!(!billable.matches(202, &good));
        for bad in [
            json!({"ok": true, "data": {"id": null}}),
            json!({"ok": true, "data": {}}),
            json!({"ok": false, "data": {"id": "x"}}),
            json!({"data": {"id": "x"}}),
            json!({"ok": true, "duplicate": true, "data": {"id": "x"}}),
            json!(null),
        ] {
            assert!(!billable.matches(201, &bad), "{bad}");
        }
    }
}
