//! What operators watch: read from books, chain and cache every few seconds, and kept for whoever
//! scrapes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use payments::{
    ports::{Clock, RailError},
    sequence::SequenceWatch,
    time::UnixMs,
};
use tokio_util::sync::CancellationToken;

use super::drives::chain;
use crate::{
    books::{Inspect, Pulse},
    telemetry::{ChainPulse, NodePulse, Telemetry},
};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How far back the first look goes for what must never happen: what did while nobody watched is
/// said by the next process.
const FIRST_LOOK_BACK_MS: i64 = 86_400_000;
/// What was saved in this time may not be seen yet: its transaction bears a moment before its
/// commit.
const COMMIT_LAG_MS: i64 = 10_000;

/// Somebody who knows the chain.
#[async_trait]
pub trait ChainWatch: Send + Sync {
    /// The signer's balance and the newest block.
    ///
    /// # Errors
    /// [`RailError`].
    async fn pulse(&self) -> Result<ChainPulse, RailError>;

    /// What was learned of its node.
    fn node(&self) -> NodePulse;
}

/// What is looked at.
pub struct Vitals {
    /// The books as a whole.
    pub books: Arc<dyn Inspect>,
    /// The chain.
    pub chain: Arc<dyn ChainWatch>,
    /// What the rounds saw of the signers' nonces.
    pub signers: Arc<SequenceWatch>,
    /// Whether the shared cache answers.
    pub cache_up: Box<dyn Fn() -> bool + Send + Sync>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where it is shown.
    pub telemetry: Arc<Telemetry>,
}

/// Looks until the token is cancelled. A node that hangs holds up nothing but its own figures,
/// which grow older meanwhile.
pub async fn run(vitals: Vitals, stop: CancellationToken) {
    let looks = async {
        tokio::join!(vitals.look_at_books(), vitals.look_at_chain());
    };
    tokio::select! {
        () = looks => {}
        () = stop.cancelled() => {}
    }
}

impl Vitals {
    async fn look_at_books(&self) {
        let mut seen = self.clock.now().plus_ms(-FIRST_LOOK_BACK_MS);
        loop {
            let now = self.clock.now();
            let until = now.plus_ms(-COMMIT_LAG_MS).max(seen);
            match self.books.pulse(seen, until).await {
                Ok(pulse) => {
                    self.told(&pulse, now);
                    seen = until;
                }
                Err(error) => tracing::warn!(error = %chain(&error), "vitals.books_not_read"),
            }
            self.telemetry.show_cache((self.cache_up)());
            self.telemetry.upkeep();
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn told(&self, pulse: &Pulse, now: UnixMs) {
        if pulse.paid_not_served > 0 || pulse.served_not_paid > 0 {
            let (paid_not_served, served_not_paid) = (pulse.paid_not_served, pulse.served_not_paid);
            tracing::error!(
                paid_not_served,
                served_not_paid,
                hint = "turnpike ledger verify",
                "books.broken_promise"
            );
        }
        self.telemetry.show_books(pulse, now);
    }

    async fn look_at_chain(&self) {
        let mut last = None;
        loop {
            match self.chain.pulse().await {
                Ok(pulse) => last = Some(pulse),
                Err(error) => tracing::debug!(%error, "vitals.chain_not_read"),
            }
            if let Some(pulse) = &last {
                self.telemetry.show_chain(pulse, self.clock.now());
            }
            self.telemetry.show_node(&self.chain.node());
            self.telemetry.show_signers(&self.signers.states(), self.clock.now());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
