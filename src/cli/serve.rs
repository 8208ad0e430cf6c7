//! `turnpike serve`: until SIGTERM or Ctrl-C, then a drain.

use std::process::ExitCode;

use super::refused;
use crate::{app, config::Config, telemetry};

/// Serves until the process is told to stop.
pub fn run(config: &Config) -> ExitCode {
    telemetry::start("info");
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refused(&error),
    };
    runtime.block_on(async {
        let running = match app::start(config).await {
            Ok(running) => running,
            Err(error) => return refused(&error),
        };
        eprintln!("turnpike: agents on http://{}, operators on http://{}", running.agents, running.operators);
        stop_signal().await;
        running.stop().await;
        ExitCode::SUCCESS
    })
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "no SIGTERM handler; stop with Ctrl-C");
            drop(tokio::signal::ctrl_c().await);
        }
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    drop(tokio::signal::ctrl_c().await);
}
