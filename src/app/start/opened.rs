//! The first steps of a start: what the gateway works with is opened, then the loops beside the
//! requests begin.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use payments::{
    checkout::{Cards, Settings, World},
    ports::{Books, Upstream},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::{
    accounts, books_chain, cache, cards,
    error::AppError,
    limits, money, operator, parts, reconcile, refunds,
    settings::{self, clock},
    stores, unknowns, upstream, vitals,
};
use crate::{
    clock::SystemClock,
    config::Config,
    operator::Desk,
    telemetry::Telemetry,
    upstream::{
        profile::{Profile, RouteTable},
        way::Way,
    },
    worker::{
        drives::Drives,
        rounds::{self, Housekeeping, Unwritten},
    },
};

/// How far back an undelivered answer is joined by an equal request.
const JOIN_WINDOW_MS: i64 = 86_400_000;

/// The loops beside the requests, and what ends them.
#[derive(Default)]
pub(super) struct Tasks {
    pub(super) draining: CancellationToken,
    pub(super) stopping: CancellationToken,
    pub(super) workers: Vec<JoinHandle<()>>,
}

/// What the gateway works with: stores, rails and the upstream, each opened and checked.
pub(super) struct Parts {
    pub(super) profile: Arc<Profile>,
    pub(super) clock: SystemClock,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) cache: cache::CacheParts,
    pub(super) money: money::Money,
    pub(super) store: stores::Store,
    pub(super) cards: Option<cards::CardParts>,
    pub(super) way: Arc<Way>,
    pub(super) world: World,
}

impl Parts {
    pub(super) async fn open(
        config: &Config,
        profile: Arc<Profile>,
        table: &RouteTable,
        agents: SocketAddr,
        tasks: &mut Tasks,
    ) -> Result<Self, AppError> {
        let Tasks { stopping, workers, .. } = tasks;
        let (clock, telemetry) = (clock(config), vitals::telemetry(table));
        let (limits, shared) = (limits::agents(config), stores::are_shared(config));
        let cache = cache::parts(config, limits, shared, stopping, workers).await?;
        let money = money::money(config, &clock, stopping, workers).await?;
        // Before the card emulator: a second process on the same books must not touch the first
        // one's.
        let store = stores::serving(config).await?;
        books_chain::check(config, &*store.inspect, &*store.cards).await?;
        let sealer = Arc::clone(&money.sealer);
        let cards =
            cards::parts(config, &clock, &store.cards, sealer, agents, stopping, workers).await?;
        let (way, calls) = (Arc::default(), Arc::new(vitals::Calls(Arc::clone(&telemetry))));
        let behind = upstream::upstream(config, &profile, &clock, calls, Arc::clone(&way)).await?;
        let rail = cards.as_ref().map(cards::CardParts::world);
        let books = Arc::clone(&store.books);
        let world = world(config, behind, &clock, &money, &cache, books, rail)?;
        Ok(Self { profile, clock, telemetry, cache, money, store, cards, way, world })
    }
}

/// What drives payments, compares the books and answers operators, with its loops running.
pub(super) struct Background {
    pub(super) drives: Drives,
    pub(super) desk: Arc<Desk>,
    pub(super) metrics: Router,
    pub(super) notes: Arc<dyn Housekeeping>,
}

impl Background {
    pub(super) async fn start(
        config: &Config,
        parts: &Parts,
        tasks: &mut Tasks,
    ) -> Result<Self, AppError> {
        let Tasks { stopping, workers, .. } = tasks;
        let Parts { money, store, world, way, .. } = parts;
        let clock = Arc::new(parts.clock.clone());
        let refunds = refunds::serving(config, &money.rail, store, clock, stopping, workers);
        let cards = parts.cards.as_ref();
        let reconciler = reconcile::serving(config, world, money, store, cards, stopping, workers);
        workers.push(vitals::worker(
            &parts.telemetry,
            world,
            &money.rail,
            Arc::clone(&store.inspect),
            &parts.cache,
            stopping,
        ));
        let drives = Drives::new(world.clone(), Arc::clone(&parts.telemetry));
        workers.push(parts::way(world, &store.way, way, &drives, stopping).await?);
        let (metrics, notes) = vitals::shown(&parts.telemetry, &store.desk, world, stopping);
        let desk = operator::desk(config, world, &money.rail, store, &drives, reconciler, refunds)?;
        Ok(Self { drives, desk, metrics, notes })
    }
}

/// Starts what is done every few seconds: recovery, finality, refunds, and the days of the ledger.
pub(super) fn recurring_work(
    parts: &Parts,
    background: &Background,
    accounts: &accounts::Accounts,
    tasks: &mut Tasks,
) -> JoinHandle<Result<(), Unwritten>> {
    let (world, stop) = (&parts.world, &tasks.stopping);
    let housekeeping: Vec<Arc<dyn Housekeeping>> = vec![
        Arc::new(accounts.clone()),
        parts.cache.housekeeping(world),
        Arc::clone(&background.notes),
    ];
    let drives = background.drives.clone();
    let rounds = tokio::spawn(rounds::run(world.clone(), drives, housekeeping, stop.clone()));
    let (desk, clock) = (Arc::clone(&parts.store.desk), Arc::clone(&world.clock));
    tasks.workers.push(tokio::spawn(rounds::fold(desk, clock, stop.clone())));
    rounds
}

fn world(
    config: &Config,
    upstream: Arc<dyn Upstream>,
    clock: &SystemClock,
    money: &money::Money,
    cache: &cache::CacheParts,
    books: Arc<dyn Books>,
    cards: Option<Cards>,
) -> Result<World, AppError> {
    Ok(World {
        books,
        proofs: cache.proofs(),
        balances: cache.balances(),
        rail: money.rail.clone(),
        cards,
        upstream,
        clock: Arc::new(clock.clone()),
        ids: Arc::new(crate::clock::SystemIds(clock.clone())),
        signers: Arc::default(),
        settings: Settings {
            free_per_day_total: config.limits.free_launches_per_day_total,
            require_balance_for_free: config.x402.require_balance_for_free,
            entitlement_ms: settings::hours_ms(config.pricing.entitlement_hours),
            refused_after_pay_per_day: config.pricing.refused_after_pay_per_day,
            gas: limits::gas(config),
            reverts: limits::reverts(config),
            queue_max: config.x402.queue_max,
            core_deadline_ms: unknowns::deadline_ms(config),
            core_late_copy_ms: unknowns::late_copy_ms(config),
            unknown_after_ms: unknowns::end_ms(config),
            lease_ms: settings::seconds_ms(config.store.lease_s),
            join_window_ms: JOIN_WINDOW_MS,
        },
    })
}
