//! A gateway from its configuration to its end: every part is started here, in order, and stopped.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use payments::{
    challenge::ErrorShapeSetting,
    checkout::{Cards, Settings, World},
    ports::{Books, RefundRail, Upstream},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    accounts, books_chain, cache, cards, checks,
    error::AppError,
    limits, listener, money, operator, parts, reconcile, refunds,
    settings::{self, clock, public_url},
    stores, tasks, unknowns, upstream, vitals,
};
use crate::{
    clock::SystemClock,
    config::{Config, ErrorShape, X402Mode},
    gateway::{Gateway, GatewaySettings, Limits, Load, Turns},
    http::{self, Api, ApiSettings, Descriptions, TrustedProxies, server::ServeLimits},
    upstream::profile::{OwnRoute, Profile, RouteTable},
    worker::{
        drives::Drives,
        rounds::{self, Housekeeping, Unwritten},
    },
};

/// Connections at the same time.
const MAX_CONNECTIONS: usize = 20_000;
/// How far back an undelivered answer is joined by an equal request.
const JOIN_WINDOW_MS: i64 = 86_400_000;
/// How long an operator's open request may still run at the end.
const OPERATOR_DRAIN: Duration = Duration::from_secs(1);
/// How long an open request waits for its intent once the process drains.
const DRAIN_ANSWER: Duration = Duration::from_secs(5);

/// A running gateway.
pub struct Running {
    /// Where agents call.
    pub agents: SocketAddr,
    /// Where operators call.
    pub operators: SocketAddr,
    /// The node behind x402.
    pub rpc_url: String,
    /// The card processor, or the emulator that stands in for it; none where no cards are taken.
    #[cfg_attr(not(feature = "sandbox"), expect(dead_code, reason = "only the demo mints tokens"))]
    pub stripe_url: Option<String>,
    /// The parts, for commands that run beside the listeners.
    #[cfg_attr(not(feature = "sandbox"), expect(dead_code, reason = "only the demo looks inside"))]
    pub world: World,
    drives: Drives,
    drain: Duration,
    draining: CancellationToken,
    stopping: CancellationToken,
    servers: Vec<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
    rounds: JoinHandle<Result<(), Unwritten>>,
}

/// Starts everything that the configuration names and returns once both listeners are open.
///
/// # Errors
/// [`AppError`] names the part that could not start; nothing is served then.
pub async fn start(config: &Config) -> Result<Running, AppError> {
    start_on(config, listener::listener(config.server.listen).await?).await
}

/// The same with agents on a listener that is open already: a caller who let the system choose the
/// port knows it, and can name it in `server.public_url`.
///
/// # Errors
/// [`AppError`]; the listener is closed then.
pub async fn start_on(config: &Config, agents: TcpListener) -> Result<Running, AppError> {
    let clock = clock(config);
    let profile = Arc::new(parts::profile(config)?);
    let table = RouteTable::new(&profile, &OwnRoute::ALL)?;
    let telemetry = vitals::telemetry(&table);
    let operators = listener::listener(config.server.operator_listen).await?;
    let (stopping, draining) = (CancellationToken::new(), CancellationToken::new());
    let mut workers = Vec::new();
    let cache = cache::parts(
        config,
        limits::agents(config),
        stores::are_shared(config),
        &stopping,
        &mut workers,
    )
    .await?;
    let money = money::money(config, &clock, &stopping, &mut workers).await?;
    let (agent_address, operator_address) =
        (listener::address(&agents)?, listener::address(&operators)?);
    // Before the card emulator: a second process on the same books must not touch the first one's.
    let store = stores::serving(config).await?;
    books_chain::check(config, &*store.inspect, &*store.cards).await?;
    let cards = cards::parts(
        config,
        &clock,
        &store.cards,
        Arc::clone(&money.sealer),
        agent_address,
        &stopping,
        &mut workers,
    )
    .await?;
    let stripe_url = cards.as_ref().map(|cards| cards.url().to_owned());
    let (way, calls) = (Arc::default(), Arc::new(vitals::Calls(Arc::clone(&telemetry))));
    let behind = upstream::upstream(config, &profile, &clock, calls, Arc::clone(&way)).await?;
    let refunds = refunds::serving(
        config,
        &money.rail,
        &store,
        Arc::new(clock.clone()),
        &stopping,
        &mut workers,
    );
    let world = world(
        config,
        behind,
        &clock,
        &money,
        &cache,
        Arc::clone(&store.books),
        cards.as_ref().map(cards::CardParts::world),
    )?;
    let reconciler =
        reconcile::serving(config, &world, &money, &store, cards.as_ref(), &stopping, &mut workers);
    workers.push(vitals::worker(
        &telemetry,
        &world,
        &money.rail,
        Arc::clone(&store.inspect),
        &cache,
        &stopping,
    ));
    let drives = Drives::new(world.clone(), Arc::clone(&telemetry));
    workers.push(parts::way(&world, &store.way, &way, &drives, &stopping).await?);
    let (metrics, notes) = vitals::shown(&telemetry, &store.desk, &world, &stopping);
    let desk = operator::desk(config, &world, &money.rail, &store, &drives, reconciler, refunds)?;
    let accounts = accounts::Accounts::begin(world.clone(), &profile).await;
    let housekeeping: Vec<Arc<dyn Housekeeping>> =
        vec![Arc::new(accounts.clone()), cache.housekeeping(&world), notes];
    let rounds =
        tokio::spawn(rounds::run(world.clone(), drives.clone(), housekeeping, stopping.clone()));
    workers.push(tokio::spawn(rounds::fold(store.desk, world.clock.clone(), stopping.clone())));
    let gateway = Arc::new(Gateway {
        world: world.clone(),
        drives: drives.clone(),
        challenges: parts::challenges(config, &table, &money, cards.as_ref())?,
        cards: cards.map(|cards| cards.desk(store.cards, table.takes_credits())),
        table,
        turns: Turns::default(),
        limits: Limits::new(limits::settings(config), cache.limiter()),
        load: Load::new(limits::load(config)),
        body_rules: accounts::body_rules(&profile, accounts),
        settings: gateway_settings(config, &profile),
        telemetry,
        draining: draining.clone(),
    });
    workers.extend(parts::beside(
        &gateway,
        config.refunds.stuck_after_hours,
        &money.sealer,
        &stopping,
    ));
    let checks = checks::all(&world, &way, money.rail.refund_wallet(), cache.check());
    let servers = vec![
        serve(
            agents,
            http::router(api(config, gateway, &profile, clock)),
            config,
            Duration::from_secs(config.server.drain_s),
            &draining,
        ),
        serve(
            operators,
            operator::router(desk, checks, agent_address, metrics),
            config,
            OPERATOR_DRAIN,
            &stopping,
        ),
    ];
    tracing::info!(agents = %agent_address, operators = %operator_address, mode = mode(config), "gateway.started");
    Ok(Running {
        agents: agent_address,
        operators: operator_address,
        rpc_url: money.shown_rpc_url,
        stripe_url,
        world,
        drives,
        drain: Duration::from_secs(config.server.drain_s),
        draining,
        stopping,
        servers,
        workers,
        rounds,
    })
}

impl Running {
    /// Drains: takes no new connection, answers what is open, drives what is begun, and writes what
    /// waits for a commit. What is not done within the one time for all of it is let go.
    ///
    /// # Errors
    /// [`Unwritten`]: what the books did not take. It stopped all the same.
    pub async fn stop(self) -> Result<(), Unwritten> {
        tracing::info!(intents = self.drives.count(), "gateway.draining");
        self.draining.cancel();
        let mut servers = self.servers.into_iter();
        let drained = async {
            if let Some(agents) = servers.next() {
                tasks::joined(agents).await;
            }
            self.drives.idle().await;
        };
        if tokio::time::timeout(self.drain, drained).await.is_err() {
            tracing::warn!(intents = self.drives.count(), "gateway.drain_timed_out");
        }
        self.stopping.cancel();
        for task in servers.chain(self.workers) {
            tasks::joined(task).await;
        }
        let written = self.rounds.await.unwrap_or_else(|error| {
            tracing::error!(%error, "task.panicked");
            Ok(())
        });
        // Last, or the recovery loop would take up again what is let go.
        self.drives.let_go().await;
        tracing::info!("gateway.stopped");
        written
    }
}

/// Serves the launch core alone, under the secret that the gateways sign with.
///
/// # Errors
/// [`AppError`].
pub async fn serve_core(
    config: &Config,
    listen: SocketAddr,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), AppError> {
    upstream::serve_core(config, listen, stop).await
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

fn serve(
    listener: TcpListener,
    router: axum::Router,
    config: &Config,
    drain: Duration,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    let limits = ServeLimits {
        header_read: Duration::from_secs(config.server.header_read_timeout_s),
        idle: Duration::from_secs(config.server.idle_timeout_s),
        write: Duration::from_secs(config.server.write_timeout_s),
        header_bytes: usize::try_from(config.limits.header_bytes).unwrap_or(usize::MAX),
        connections: MAX_CONNECTIONS,
        drain,
    };
    tokio::spawn(http::server::serve(listener, router, limits, stop.clone()))
}

fn gateway_settings(config: &Config, profile: &Profile) -> GatewaySettings {
    GatewaySettings {
        answer_deadline: Duration::from_secs(config.server.answer_deadline_s),
        drain_deadline: DRAIN_ANSWER,
        max_window_s: config.x402.max_window_s,
        quotas: profile.quotas(),
    }
}

/// The agents' listener in front of the gateway.
fn api(config: &Config, gateway: Arc<Gateway>, profile: &Profile, clock: SystemClock) -> Arc<Api> {
    let settings = ApiSettings {
        public_url: public_url(config).to_owned(),
        body_bytes: usize::try_from(config.limits.body_bytes).unwrap_or(usize::MAX),
        body_timeout: Duration::from_secs(config.server.body_timeout_s),
        error_shape: match config.x402.error_shape {
            ErrorShape::Object => ErrorShapeSetting::Object,
            ErrorShape::String => ErrorShapeSetting::String,
            ErrorShape::Auto => ErrorShapeSetting::Auto,
        },
        rate_headers: profile.rate_headers.clone().unwrap_or_default(),
        sandbox: config.x402.mode == X402Mode::Sandbox,
        api_keys: profile.api_keys.clone(),
    };
    Arc::new(Api {
        gateway,
        codes: profile.codes.clone(),
        envelope: profile.envelope.clone(),
        descriptions: Descriptions::of(&profile.name),
        trusted_proxies: TrustedProxies::new(config.server.trusted_proxies.clone()),
        clock,
        settings,
    })
}

fn mode(config: &Config) -> &'static str {
    if config.x402.mode == X402Mode::Sandbox { "sandbox" } else { "chain" }
}
