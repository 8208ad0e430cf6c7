//! The comparison of the books with the world, in a loop of its own: a source that hangs holds up
//! nobody but it.

use std::time::Duration;

use payments::{
    ports::Source,
    reconcile::{self, Reconciler, Report, RunError, Scope},
};
use tokio_util::sync::CancellationToken;

use super::drives::chain;

/// How long a comparison may go on while the process ends.
const GRACE: Duration = Duration::from_secs(2);

/// Once per day the comparison is over everything: from this hour on, in UTC.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// Between the end of one comparison and the next.
    pub every: Duration,
    /// The hour.
    pub full_at_utc_hour: u8,
}

/// Runs until the token is cancelled. A comparison that is cut off by the end of the process is
/// none: its lease ends by itself.
pub async fn run(parts: Reconciler, rhythm: Rhythm, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = once(&parts, rhythm) => {}
            () = long_after(&stop) => return,
        }
        tokio::select! {
            () = tokio::time::sleep(rhythm.every) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// A comparison that is nearly done gives its turn back by itself.
async fn long_after(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

async fn once(parts: &Reconciler, rhythm: Rhythm) {
    let scope = match reconcile::full_is_due(parts, rhythm.full_at_utc_hour).await {
        Ok(true) => Scope::Full,
        Ok(false) => Scope::Recent,
        Err(error) => return tracing::warn!(error = %chain(&error), "reconcile.failed"),
    };
    match reconcile::run(parts, scope, false).await {
        Ok(report) => told(&report),
        Err(RunError::Busy) => tracing::debug!("reconcile.another_has_the_turn"),
        Err(error) => tracing::warn!(error = %chain(&error), "reconcile.failed"),
    }
}

fn told(report: &Report) {
    let compared: u64 = report.sources.iter().map(|source| source.compared).sum();
    let (scope, opened, closed) = (report.scope, report.opened, report.closed);
    match opened {
        0 => tracing::info!(scope, compared, opened, closed, "reconcile.done"),
        _ => tracing::error!(scope, compared, opened, closed, "reconcile.found_differences"),
    }
    for source in report.sources.iter().filter(|source| source.outcome == "could_not_check") {
        let name: Source = source.source;
        tracing::warn!(source = name.word(), why = source.detail, "reconcile.could_not_check");
    }
}
