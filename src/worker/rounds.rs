//! The loops that finish what nobody else does.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use payments::{
    agent::Wallet,
    checkout::{DriveError, Progress, World},
    finality,
    ports::{BooksError, CardBooks, CardRail, Clock, desk::DeskBooks},
    recovery,
    refunds::{RefundRound, refund_round},
    sequence,
    usdc_refunds::{UsdcRefunds, usdc_refund_round},
};
use tokio_util::sync::CancellationToken;

use super::{
    drives::{Drives, chain},
    queue,
};
use crate::books::errors;

/// Between two looks for intents that nobody drives.
const RECOVER_EVERY: Duration = Duration::from_secs(2);
/// Between two writes of what waits for a commit.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// Between two looks for postings that are there for good.
const FOLD_EVERY: Duration = Duration::from_secs(15);
/// Between two pieces of what is there: payments come first.
const FOLD_PIECES: Duration = Duration::from_millis(200);

/// Work of a backend that needs a regular turn, e.g. carrying remembered proofs to the books.
#[async_trait]
pub trait Housekeeping: Send + Sync {
    /// One turn; it must not fail, only log.
    async fn turn(&self);

    /// How many things that must not be forgotten the books still lack.
    fn unwritten(&self) -> usize {
        0
    }
}

/// What a process that ends could not write.
#[derive(Debug, thiserror::Error)]
pub enum Unwritten {
    /// Notes of clients, or of requests.
    #[error("what waited for the books could not be written: {}", errors::sentence(.0))]
    Notes(BooksError),
    /// Proofs that are used up; each of them works once more.
    #[error("{count} used proofs could not be written to the books and will be forgotten: {why}")]
    Proofs {
        /// How many.
        count: usize,
        /// In the words of operators.
        why: String,
    },
}

/// Runs the loops until the token is cancelled, and one last flush after that.
///
/// # Errors
/// [`Unwritten`]: what that flush left.
pub async fn run(
    world: World,
    drives: Drives,
    housekeeping: Vec<Arc<dyn Housekeeping>>,
    stop: CancellationToken,
) -> Result<(), Unwritten> {
    let ((), (), (), (), last) = tokio::join!(
        queue::settle(&world, &drives, &stop),
        recover(&world, &drives, &stop),
        close_nonces(&world, &stop),
        look_at_settlements(&world, &drives, &stop),
        flush(&world, &housekeeping, &stop)
    );
    last
}

async fn recover(world: &World, drives: &Drives, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = recover_once(world, drives).await {
            tracing::warn!(error = %chain(&error), "recovery.round_failed");
        }
        pause(RECOVER_EVERY, stop).await;
    }
}

async fn recover_once(world: &World, drives: &Drives) -> Result<(), DriveError> {
    for intent in recovery::take_stuck(world).await? {
        tracing::info!(payment_id = %intent.id, state = intent.state.word(), "recovery.taken");
        drives.start(intent, Progress::recovered());
    }
    let due = recovery::expire_entitlements(world).await?;
    recovery::drop_refused_proofs(world).await?;
    if due > 0 {
        tracing::info!(count = due, "recovery.refunds_due");
    }
    Ok(())
}

/// A loop of its own: it asks the node, and a node that hangs must not hold up what is finished
/// without it.
async fn close_nonces(world: &World, stop: &CancellationToken) {
    let mut holes = Vec::new();
    while !stop.is_cancelled() {
        if let Err(error) = recovery::close_nonces(world).await {
            tracing::warn!(error = %chain(&error), "recovery.nonces_failed");
        }
        heal_sequences(world, &mut holes).await;
        pause(RECOVER_EVERY, stop).await;
    }
}

/// Says once of each hole that it is there, and that it is filled.
async fn heal_sequences(world: &World, holes: &mut Vec<(Wallet, u64)>) {
    if let Err(error) = sequence::heal(world).await {
        return tracing::warn!(error = %chain(&error), "signer.sequence_failed");
    }
    let states = world.signers.states();
    let now: Vec<(Wallet, u64)> = states
        .iter()
        .flat_map(|state| state.holes.iter().map(|nonce| (state.signer, *nonce)))
        .collect();
    for (signer, nonce) in now.iter().filter(|hole| !holes.contains(hole)) {
        tracing::warn!(%signer, nonce, "signer.hole");
    }
    for (signer, nonce) in holes.iter().filter(|hole| !now.contains(hole)) {
        tracing::info!(%signer, nonce, "signer.hole_closed");
    }
    *holes = now;
}

/// A loop of its own, for the same reason: settlements that may still be taken back are looked at
/// until they are final.
async fn look_at_settlements(world: &World, drives: &Drives, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let round = match finality::look_at_settlements(world).await {
            Ok(round) => round,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "finality.round_failed");
                finality::Round::default()
            }
        };
        for id in &round.moved {
            tracing::warn!(payment_id = %id, "settlement.moved_by_reorganisation");
        }
        for id in &round.lost {
            drives.telemetry().settlement_lost();
            tracing::error!(payment_id = %id, "settlement.lost");
        }
        if !round.more {
            pause(RECOVER_EVERY, stop).await;
        }
    }
}

/// Asks for approved refunds until their outcome is known; a loop of its own, because it asks the
/// card processor.
pub async fn refunds(
    rail: Arc<dyn CardRail>,
    books: Arc<dyn CardBooks>,
    clock: Arc<dyn Clock>,
    stuck_after_hours: u32,
    stop: CancellationToken,
) {
    let stuck_after_ms = i64::from(stuck_after_hours).saturating_mul(3_600_000);
    while !stop.is_cancelled() {
        match refund_round(&*rail, &*books, &*clock, stuck_after_ms).await {
            Ok(round) => note_refunds(&round),
            Err(error) => tracing::warn!(error = %chain(&error), "refunds.round_failed"),
        }
        pause(RECOVER_EVERY, &stop).await;
    }
}

fn note_refunds(round: &RefundRound) {
    for id in &round.refunded {
        tracing::info!(payment_id = %id, "refund.given_back");
    }
    for id in &round.failed {
        tracing::warn!(payment_id = %id, "refund.failed");
    }
    for id in &round.reversed {
        tracing::error!(payment_id = %id, "refund.failed_after_success");
    }
    for id in &round.stuck {
        tracing::warn!(payment_id = %id, "refund.stuck");
    }
}

/// Sends approved refunds in USDC until what became of them is final; a loop of its own, because it
/// asks the node.
pub async fn usdc_refunds(refunds: UsdcRefunds, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match usdc_refund_round(&refunds).await {
            Ok(round) => {
                let (refunded, failed, stuck) = (round.refunded, round.failed, round.stuck);
                for id in &round.lost {
                    tracing::error!(payment_id = %id, "refund.lost_by_reorganisation");
                }
                note_refunds(&RefundRound {
                    looks: round.looks,
                    refunded,
                    failed,
                    reversed: Vec::new(),
                    stuck,
                });
            }
            Err(error) => tracing::warn!(error = %chain(&error), "refunds.round_failed"),
        }
        pause(RECOVER_EVERY, &stop).await;
    }
}

/// Folds what was posted into the sums of its day, behind every payment.
pub async fn fold(books: Arc<dyn DeskBooks>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let wait = match books.fold(clock.now()).await {
            Ok(0) => FOLD_EVERY,
            Ok(_) => FOLD_PIECES,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "desk.fold_failed");
                FOLD_EVERY
            }
        };
        pause(wait, &stop).await;
    }
}

async fn flush(
    world: &World,
    housekeeping: &[Arc<dyn Housekeeping>],
    stop: &CancellationToken,
) -> Result<(), Unwritten> {
    loop {
        let last = stop.is_cancelled();
        for work in housekeeping {
            work.turn().await;
        }
        let flushed = world.books.flush().await;
        if let Err(error) = &flushed {
            tracing::warn!(error = %chain(error), "books.flush_failed");
        }
        if last {
            flushed.map_err(Unwritten::Notes)?;
            return all_written(world, housekeeping).await;
        }
        pause(FLUSH_EVERY, stop).await;
    }
}

async fn all_written(
    world: &World,
    housekeeping: &[Arc<dyn Housekeeping>],
) -> Result<(), Unwritten> {
    let count = housekeeping.iter().map(|work| work.unwritten()).sum();
    if count == 0 {
        return Ok(());
    }
    let why =
        world.books.ready().await.err().map_or_else(
            || String::from("the log has the cause"),
            |error| errors::sentence(&error),
        );
    Err(Unwritten::Proofs { count, why })
}

async fn pause(time: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = stop.cancelled() => {}
    }
}
