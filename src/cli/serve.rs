//! `turnpike serve`: until SIGTERM or Ctrl-C, then a drain.

use std::process::ExitCode;

use super::{
    exit::{Exit, Failure},
    refused,
};
use crate::{app, config::Config, telemetry};

/// Serves until the process is told to stop.
pub fn run(config: &Config) -> ExitCode {
    telemetry::start("info");
    block_on(async {
        let running = match app::start(config).await {
            Ok(running) => running,
            Err(error) => return refused(&error),
        };
        let (agents, operators, chain) = (running.agents, running.operators, &running.rpc_url);
        eprintln!(
            "turnpike: agents on http://{agents}, operators on http://{operators}, chain {chain}"
        );
        stop_signal().await;
        match running.stop().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(unwritten) => {
                tracing::error!(error = %unwritten, "gateway.stopped_unwritten");
                Failure::from_error(Exit::Failed, &unwritten).report()
            }
        }
    })
}

/// Runs a command's work on the runtime.
pub(super) fn block_on(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => refused(&error),
    }
}

/// Ends when the process is told to stop.
#[cfg(unix)]
pub(super) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "signal.sigterm_not_handled");
            drop(tokio::signal::ctrl_c().await);
        }
    }
}

#[cfg(not(unix))]
pub(super) async fn stop_signal() {
    drop(tokio::signal::ctrl_c().await);
}
