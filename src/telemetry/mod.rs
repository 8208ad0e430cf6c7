//! What shows how a running gateway does, beside its books: logs, metrics for Prometheus, and
//! traces by the W3C's headers.
//!
//! | file | one thing |
//! |---|---|
//! | `logs` | one line per event |
//! | `names` | every metric: its name, kind, unit and what it counts |
//! | `registry`, `number` | the recorder behind them; the one file with floats, which is what Prometheus has for numbers |
//! | `routes` | counts of the agents' requests, by handles that are made at the start |
//! | `payments` | counts of what becomes of payments, read off the steps that are saved |
//! | `gauges` | what is read now and then: from the books, the chain and the cache |
//! | `trace` | W3C trace context, from the agent to the upstream |
//!
//! No label names a payer, and no label's values grow without bound.

mod gauges;
mod logs;
mod names;
mod number;
mod payments;
mod registry;
mod routes;
pub mod trace;

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::State, response::IntoResponse, routing::get};
use http::header;

pub use gauges::{ChainPulse, NodePulse};
pub use logs::start;
use registry::{Registry, Words};
pub use routes::{Rail, Verdict};
use routes::{Routes, status_label};

use names::{RATE_LIMITED, UPSTREAM_DURATION, VERIFICATIONS, VERIFY_DURATION};

/// The metrics of one gateway process.
pub struct Telemetry {
    registry: Registry,
    routes: Routes,
    reasons: Words,
}

impl Telemetry {
    /// For these routes: each with its number in the table, its key, and whether it asks for a
    /// proof.
    pub fn new<'a>(routes: impl Iterator<Item = (usize, &'a str, bool)>) -> Arc<Self> {
        let registry = Registry::new();
        let routes = Routes::new(&registry, routes);
        let telemetry = Self { registry, routes, reasons: Words::default() };
        telemetry.begin_payments();
        telemetry.begin_gauges();
        Arc::new(telemetry)
    }

    /// One answer to an agent; `None` for what no route has.
    pub fn answered(&self, route: Option<usize>, status: u16, took: Duration) {
        self.routes.answered(&self.registry, route, status, took);
    }

    /// One challenge that went out. Without a credential nothing is looked up: that is the answer
    /// which strangers ask for most.
    pub fn challenged(&self, route: Option<usize>, rail: Rail, reason: Option<&str>) {
        let plain = rail == Rail::None && reason == Some(routes::NO_CREDENTIAL);
        if plain {
            self.routes.challenged(route)
        } else {
            self.routes.challenged_because(
                &self.registry,
                route,
                rail,
                &self.reasons.bounded(reason),
            )
        }
    }

    /// What was counted of challenges since the last time, by the route's key; for the books.
    pub fn take_challenges(&self) -> Vec<(String, u64)> {
        self.routes.take_challenges()
    }

    /// Gives back what could not be written.
    pub fn give_back_challenges(&self, counts: &[(String, u64)]) {
        self.routes.give_back_challenges(counts);
    }

    /// What came of a credential.
    pub fn verified(&self, rail: Rail, verdict: Verdict, reason: Option<&str>) {
        let reason = match verdict {
            Verdict::Valid => String::from("none"),
            Verdict::Refused | Verdict::Unknown => self.reasons.bounded(reason),
        };
        let labels =
            [("rail", rail.word()), ("result", verdict.word()), ("reason", reason.as_str())];
        self.registry.counter(VERIFICATIONS, &labels).increment(1);
    }

    /// How long the offline check of a credential took.
    pub fn verify_took(&self, rail: Rail, took: Duration) {
        self.registry.histogram(VERIFY_DURATION, &[("rail", rail.word())]).record(took);
    }

    /// A request was refused by a limit of its peer (no rail) or its agent.
    pub fn rate_limited(&self, rail: Rail) {
        self.registry.counter(RATE_LIMITED, &[("rail", rail.word())]).increment(1);
    }

    /// A call to the upstream ended; without a status there was no whole answer.
    pub fn upstream_answered(&self, status: Option<u16>, took: Duration) {
        let status = status.map_or("none", status_label);
        self.registry.histogram(UPSTREAM_DURATION, &[("status", status)]).record(took);
    }

    /// Everything, in the text form of Prometheus.
    pub fn render(&self) -> String {
        self.show_books_errors();
        self.registry.render()
    }

    /// Puts what was measured into its buckets; without a turn now and then it would pile up until
    /// somebody reads.
    pub fn upkeep(&self) {
        self.registry.upkeep();
    }
}

/// `GET /metrics`, for the operators' listener.
pub fn router(telemetry: Arc<Telemetry>) -> Router {
    Router::new().route("/metrics", get(rendered)).with_state(telemetry)
}

async fn rendered(State(telemetry): State<Arc<Telemetry>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], telemetry.render())
}
