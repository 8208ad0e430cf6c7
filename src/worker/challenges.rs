//! Challenges by route and day, carried from the counters to the books now and then: what strangers
//! ask costs the books a row per route and day, however often they ask.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use payments::ports::{Clock, desk::DeskBooks};
use tokio_util::sync::CancellationToken;

use super::{drives::chain, rounds::Housekeeping};
use crate::telemetry::Telemetry;

/// Turns between two writes: about 10 seconds.
const TURNS: u32 = 20;
/// How long the books may take; a count that is late is counted later.
const PATIENCE: Duration = Duration::from_secs(2);

/// Carries them.
pub struct ChallengeNotes {
    telemetry: Arc<Telemetry>,
    desk: Arc<dyn DeskBooks>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    turns: AtomicU32,
}

impl ChallengeNotes {
    /// From these counters to these books; once more when the process ends.
    pub fn new(
        telemetry: Arc<Telemetry>,
        desk: Arc<dyn DeskBooks>,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) -> Self {
        Self { telemetry, desk, clock, stop, turns: AtomicU32::new(0) }
    }
}

#[async_trait]
impl Housekeeping for ChallengeNotes {
    async fn turn(&self) {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        if turn % TURNS != TURNS - 1 && !self.stop.is_cancelled() {
            return;
        }
        let counts = self.telemetry.take_challenges();
        if counts.is_empty() {
            return;
        }
        // Given up in the middle it may be counted twice, and never not at all: these figures are
        // no money.
        let noted =
            tokio::time::timeout(PATIENCE, self.desk.note_challenges(self.clock.now(), &counts))
                .await;
        match noted {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = %chain(&error), "challenges.not_written");
                self.telemetry.give_back_challenges(&counts);
            }
            Err(_) => self.telemetry.give_back_challenges(&counts),
        }
    }
}
