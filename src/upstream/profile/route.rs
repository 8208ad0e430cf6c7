//! What one route of an upstream costs, who may call it, and how its answers are judged.

use std::sync::Arc;

use http::Method;
use payments::rail::Rail;
use payments::route::Access;
use serde_json::Value;

use super::outcome::{DoneRule, OutcomeRules, SeenAnswer};
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
        Self {
            key: format!("{method} {pattern}"),
            method,
            pattern: pattern.to_owned(),
            target,
            number: 0,
        }
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
    /// Rails that are offered only where they can take the price; any other that cannot is refused
    /// at start.
    pub offered_if_available: Vec<Rail>,
    /// Which answers mean that the work was done; always present on a priced route.
    pub done: Option<DoneRule>,
    /// JSON pointer to the id of what was made.
    pub result_id: Option<String>,
    /// What a body must look like before anything is claimed.
    pub body: Option<BodySchema>,
    /// Whether the claim of a proof must be durable before the request is forwarded.
    pub durable_claim: bool,
    /// What stands before the canonical path at the upstream: empty, or a stripped prefix such as
    /// `/v1`.
    pub upstream_prefix: String,
}

impl UpstreamRoute {
    /// What an answer of the upstream to a paid call means. `rules` is [`super::Profile::outcome`].
    #[must_use]
    pub fn judge(&self, rules: &OutcomeRules, answer: &SeenAnswer<'_>) -> Judgement {
        let done =
            |rule: &DoneRule| rule.matches(answer.status, answer.body.unwrap_or(&Value::Null));
        if self.done.as_ref().is_some_and(done) {
            Judgement::Done
        } else if rules.refused.matches(answer) {
            Judgement::Refused
        } else {
            Judgement::Unknown
        }
    }

    /// The id of what was made, in the answer that says so.
    #[must_use]
    pub fn result_id<'a>(&self, answer: &'a Value) -> Option<&'a str> {
        answer.pointer(self.result_id.as_deref()?)?.as_str()
    }
}

/// The three meanings of an upstream's answer to a paid call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// The work was done.
    Done,
    /// Refused for good.
    Refused,
    /// Neither: ask again with the same key, then look it up.
    Unknown,
}

/// The contract of a route's body.
#[derive(Debug, Clone)]
pub struct BodySchema {
    /// The compiled schema.
    pub contract: Arc<BodyContract>,
}
