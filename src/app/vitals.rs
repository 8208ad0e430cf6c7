//! What is watched of a serving gateway: its calls to the upstream, its books, its chain and its
//! cache.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use http::HeaderMap;
use payments::{
    checkout::World,
    ports::{RailError, desk::DeskBooks},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::cache::CacheParts;
use crate::{
    books::Inspect,
    clock::Stopwatch,
    rails::base::BaseRail,
    telemetry::{ChainPulse, NodePulse, Telemetry, router, trace},
    upstream::{
        forwarder::Witness,
        profile::{OwnRoute, Route, RouteTable, Target},
    },
    worker::{
        challenges::ChallengeNotes,
        rounds::Housekeeping,
        vitals::{ChainWatch, Vitals, run},
    },
};

/// The metrics of these routes.
pub(super) fn telemetry(table: &RouteTable) -> Arc<Telemetry> {
    Telemetry::new(
        table.routes().map(|route| (route.number, route.key.as_str(), asks_for_proof(route))),
    )
}

fn asks_for_proof(route: &Route) -> bool {
    match &route.target {
        Target::Upstream(upstream) => upstream.access.asks_for_proof(),
        Target::Own(own) => !matches!(
            own,
            OwnRoute::RotateToken | OwnRoute::CardEvents | OwnRoute::OpenApi | OwnRoute::Llms
        ),
    }
}

/// The loop that reads what is watched.
pub(super) fn worker(
    telemetry: &Arc<Telemetry>,
    world: &World,
    rail: &Arc<BaseRail>,
    books: Arc<dyn Inspect>,
    cache: &CacheParts,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    let vitals = Vitals {
        books,
        chain: rail.clone(),
        signers: Arc::clone(&world.signers),
        cache_up: cache.up(),
        clock: Arc::clone(&world.clock),
        telemetry: Arc::clone(telemetry),
    };
    tokio::spawn(run(vitals, stop.clone()))
}

/// What is counted: for whoever scrapes, and for the books by the day.
pub(super) fn shown(
    telemetry: &Arc<Telemetry>,
    desk: &Arc<dyn DeskBooks>,
    world: &World,
    stop: &CancellationToken,
) -> (Router, Arc<dyn Housekeeping>) {
    let notes = ChallengeNotes::new(
        Arc::clone(telemetry),
        Arc::clone(desk),
        Arc::clone(&world.clock),
        stop.clone(),
    );
    (router(Arc::clone(telemetry)), Arc::new(notes))
}

#[async_trait]
impl ChainWatch for BaseRail {
    async fn pulse(&self) -> Result<ChainPulse, RailError> {
        let (balance_wei, head_unix_s) = self.vitals().await?;
        Ok(ChainPulse { balance_wei, head_unix_s })
    }

    fn node(&self) -> NodePulse {
        let learned = self.learned_limits();
        NodePulse {
            limits: [("batch", learned.batch_calls), ("logs", learned.log_blocks)],
            refused: learned.refused,
        }
    }
}

/// Measures every call, and ties it to the trace of what it is made for.
pub(super) struct Calls(pub(super) Arc<Telemetry>);

impl Witness for Calls {
    fn leaving(&self, headers: &mut HeaderMap) -> Box<dyn FnOnce(Option<u16>) + Send> {
        trace::write(headers);
        let (telemetry, watch) = (Arc::clone(&self.0), Stopwatch::start());
        Box::new(move |status| {
            let took = watch.elapsed();
            tracing::debug!(
                status,
                took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "upstream.answered"
            );
            telemetry.upstream_answered(status, took);
        })
    }
}
