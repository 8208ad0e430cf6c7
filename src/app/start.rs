//! A gateway from its configuration to its end: every part is started here, in order, and stopped.

mod opened;
mod serving;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use payments::{checkout::World, ports::RefundRail};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{accounts, checks, error::AppError, listener, operator, parts, tasks, upstream};
use crate::{
    config::Config,
    http,
    upstream::profile::{OwnRoute, RouteTable},
    worker::{drives::Drives, rounds::Unwritten},
};
use opened::{Background, Parts, Tasks, recurring_work};
use serving::{api, gateway, mode, serve};

/// How long an operator's open request may still run at the end.
const OPERATOR_DRAIN: Duration = Duration::from_secs(1);

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
    let profile = Arc::new(parts::profile(config)?);
    let table = RouteTable::new(&profile, &OwnRoute::ALL)?;
    let operators = listener::listener(config.server.operator_listen).await?;
    let mut tasks = Tasks::default();
    let addresses = Addresses {
        agents: listener::address(&agents)?,
        operators: listener::address(&operators)?,
    };
    let parts = Parts::open(config, profile, &table, addresses.agents, &mut tasks).await?;
    let background = Background::start(config, &parts, &mut tasks).await?;
    let accounts = accounts::Accounts::begin(parts.world.clone(), &parts.profile).await;
    let rounds = recurring_work(&parts, &background, &accounts, &mut tasks);
    let checks = checks::all(
        &parts.world,
        &parts.way,
        parts.money.rail.refund_wallet(),
        parts.cache.check(),
    );
    let operator_side =
        operator::router(background.desk, checks, addresses.agents, background.metrics);
    let (profile, clock) = (Arc::clone(&parts.profile), parts.clock.clone());
    let (world, rpc_url) = (parts.world.clone(), parts.money.shown_rpc_url.clone());
    let stripe_url = parts.cards.as_ref().map(|cards| cards.url().to_owned());
    let drives = background.drives;
    let gateway = gateway(config, parts, table, drives.clone(), accounts, &mut tasks)?;
    let drain = Duration::from_secs(config.server.drain_s);
    let agent_side = http::router(api(config, gateway, &profile, clock));
    let servers = vec![
        serve(agents, agent_side, config, drain, &tasks.draining),
        serve(operators, operator_side, config, OPERATOR_DRAIN, &tasks.stopping),
    ];
    tracing::info!(
        agents = %addresses.agents,
        operators = %addresses.operators,
        mode = mode(config),
        "gateway.started"
    );
    Ok(Running {
        agents: addresses.agents,
        operators: addresses.operators,
        rpc_url,
        stripe_url,
        world,
        drives,
        drain,
        draining: tasks.draining,
        stopping: tasks.stopping,
        servers,
        workers: tasks.workers,
        rounds,
    })
}

/// Where the two listeners are.
struct Addresses {
    agents: SocketAddr,
    operators: SocketAddr,
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
