//! Keeps the way to the upstream as the books have it, for all processes on them, and finds out
//! whether a closed one is open again: nobody new is charged for that.

use std::{sync::Arc, time::Duration};

use payments::{
    checkout::{Progress, World},
    ports::{BooksError, UpstreamWay, WayBooks},
};
use tokio_util::sync::CancellationToken;

use super::drives::{Drives, chain};
use crate::upstream::way::Way;

/// Between two looks into the books.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Between two payments that are sent again to find out: the longer, the longer the way is closed.
const PROBE_EVERY_MS: i64 = 2_000;
/// The longest of these times.
const MAX_PROBE_EVERY_MS: i64 = 60_000;
/// The part of its age for which a closed way is left alone.
const PROBE_PART: i64 = 4;

/// What is needed for that.
#[derive(Clone)]
pub struct WayKeeper {
    /// The ports.
    pub world: World,
    /// How it is kept.
    pub books: Arc<dyn WayBooks>,
    /// What this process knows.
    pub way: Arc<Way>,
    /// Who sends again.
    pub drives: Drives,
}

// === impl WayKeeper ===

impl WayKeeper {
    /// Looks until the token is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let mut was_closed = self.way.closed().is_some();
        while !stop.is_cancelled() {
            was_closed = match self.turn(was_closed).await {
                Ok(closed) => closed,
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "upstream.way_not_kept");
                    was_closed
                }
            };
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// What the books know and this process does not, and the other way round.
    ///
    /// # Errors
    /// [`BooksError`].
    pub async fn exchange(&self) -> Result<(), BooksError> {
        let kept = self.books.way().await?;
        match self.way.to_write() {
            (number, _) if number != kept.number => self.way.adopt(kept),
            (_, Some(row)) => {
                if let Some(number) = self.books.save_way(&row).await? {
                    self.way.written(&row, number);
                }
            }
            (_, None) => {}
        }
        Ok(())
    }

    async fn turn(&self, was_closed: bool) -> Result<bool, BooksError> {
        self.exchange().await?;
        let closed = self.way.closed();
        self.drives.telemetry().show_way(closed.is_some());
        match (&closed, was_closed) {
            (None, true) => self.books.unpark_not_done().await?,
            (Some(closed), _) => self.find_out(closed.since.ms()).await?,
            (None, false) => {}
        }
        Ok(closed.is_some())
    }

    /// By the health path, and by the oldest payment that the upstream did not do.
    async fn find_out(&self, since_ms: i64) -> Result<(), BooksError> {
        let upstream = Arc::clone(&self.world.upstream);
        // It opens the way by itself, where it can; one that hangs holds up nothing here.
        tokio::spawn(async move { upstream.ready().await });
        let now = self.world.clock.now();
        if self.world.upstream.way() != UpstreamWay::Closed {
            return Ok(());
        }
        let age_ms = now.ms().saturating_sub(since_ms);
        let next = now.plus_ms((age_ms / PROBE_PART).clamp(PROBE_EVERY_MS, MAX_PROBE_EVERY_MS));
        let Some(id) = self.books.take_probe(now, next).await? else { return Ok(()) };
        let lease_until = now.plus_ms(self.world.settings.lease_ms);
        if let Some(intent) = self.world.books.take(id, now, lease_until).await? {
            tracing::info!(payment_id = %id, "upstream.asked_again");
            self.drives.start(intent, Progress::probing());
        }
        Ok(())
    }
}
