//! One function moves an intent, one saved step at a time.

use crate::{
    checkout::{
        World,
        charge::{charge, grant},
        create::create,
        pay::pay,
    },
    intent::{Intent, State, TransitionError},
    ports::{BooksError, Sent},
};

/// A payment that waits for a signer is left to the settlers for so long.
const QUEUED_LOOK_MS: u64 = 1_000;

/// What a driver remembers between steps. Losing it costs a repeated question, never money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The claim was made by this driver: nothing was sent before, so sending comes first.
    pub(super) fresh: bool,
    /// Times that the saved bytes were sent by this driver.
    pub(super) sends: u32,
    /// What the node said to the last of them.
    pub(super) sent: Sent,
    /// Creations that this driver sent.
    pub(super) creations: u32,
    /// This driver took the intent into FORWARDING: no other driver can have sent the creation.
    pub(super) forwarded: bool,
    /// What this driver sent last may have been done, or not: no later answer takes that back.
    pub(super) in_doubt: bool,
    /// It is sent once although the way to the upstream is closed, to see whether it still is.
    pub(super) probe: bool,
    /// Questions about the same step without an answer.
    pub(super) polls: u32,
    /// The node refuses the question what became of the payment.
    pub(super) refused: bool,
    /// A sender that is neither ours nor a known relayer settled it.
    pub(super) by_stranger: bool,
    /// The fee that is called for is above what the payment may cost in gas: it waits for a lower
    /// one.
    pub(super) at_gas_bound: bool,
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A step was saved; there may be a next one at once.
    Moved(Intent),
    /// Not known yet: ask again after this many milliseconds.
    Wait(Intent, u64),
    /// Nothing can be done for so many milliseconds, or for long: whoever drives it lets go of it
    /// meanwhile, and somebody takes it up again.
    Park(Intent, u64),
    /// The intent is terminal.
    Done(Intent),
}

/// A step could not be saved.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The books refused or failed; a stale guard means that another driver took over.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// A state that the drawing does not have.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// A row that lacks what its state requires.
    #[error("intent {0} lacks what its state requires")]
    Incomplete(crate::ids::PaymentId),
}

/// Moves the intent by at most one saved step.
///
/// # Errors
/// [`DriveError`] when a step could not be saved. The intent is then as it was, and the recovery
/// loop takes it.
pub async fn drive(
    world: &World,
    intent: Intent,
    progress: &mut Progress,
) -> Result<Step, DriveError> {
    let (before, payer) = (intent.state, intent.payer.clone());
    let step = step(world, intent, progress).await;
    // Credits change with the last step. One that the books did not answer may have been saved.
    if step
        .as_ref()
        .map_or(true, |step| matches!(step, Step::Moved(moved) if moved.state.is_terminal()))
    {
        world.forget_balance(&payer).await;
    }
    let step = step?;
    if let Step::Moved(moved) = &step
        && moved.state != before
    {
        progress.polls = 0;
        progress.forwarded |= moved.state == State::Forwarding;
    }
    Ok(step)
}

async fn step(world: &World, intent: Intent, progress: &mut Progress) -> Result<Step, DriveError> {
    Ok(match intent.state {
        State::Signed | State::Submitted | State::SubmitUnknown if intent.charge.is_some() => {
            charge(world, intent, progress).await?
        }
        State::Signed | State::Submitted | State::SubmitUnknown => {
            pay(world, intent, progress).await?
        }
        State::Charged => grant(world, intent).await?,
        State::Forwarding | State::CoreUnknown => create(world, intent, progress).await?,
        State::PayFailed | State::Created | State::Rejected | State::Released | State::Granted => {
            Step::Done(intent)
        }
        // A settler takes it, whose round moves it: see `settle_queued`.
        State::Queued => Step::Park(intent, QUEUED_LOOK_MS),
    })
}

/// Drives until the intent is terminal, waiting by the world's clock.
///
/// # Errors
/// See [`drive`].
pub async fn run(
    world: &World,
    mut intent: Intent,
    mut progress: Progress,
) -> Result<Intent, DriveError> {
    loop {
        match drive(world, intent, &mut progress).await? {
            Step::Done(done) => return Ok(done),
            Step::Moved(moved) => intent = moved,
            Step::Wait(same, ms) | Step::Park(same, ms) => {
                world.clock.sleep_ms(ms).await;
                intent = same;
            }
        }
    }
}

// === impl Progress ===

impl Progress {
    /// For the request that just made the claim.
    pub const fn live() -> Self {
        Self {
            fresh: true,
            sends: 0,
            sent: Sent::Unknown,
            creations: 0,
            forwarded: true,
            in_doubt: false,
            probe: false,
            polls: 0,
            refused: false,
            by_stranger: false,
            at_gas_bound: false,
        }
    }

    /// For an intent that another driver left behind: look up its outcome first.
    pub const fn recovered() -> Self {
        Self {
            fresh: false,
            sends: 0,
            sent: Sent::Unknown,
            creations: 0,
            forwarded: false,
            in_doubt: false,
            probe: false,
            polls: 0,
            refused: false,
            by_stranger: false,
            at_gas_bound: false,
        }
    }

    /// For an intent that the upstream is known not to have done, to be sent once though the way is
    /// closed.
    pub const fn probing() -> Self {
        Self { probe: true, ..Self::recovered() }
    }

    /// The payment waits because a higher fee would cost more than it may.
    pub const fn at_gas_bound(self) -> bool {
        self.at_gas_bound
    }

    /// The node refuses the question that the payment waits for.
    pub const fn is_refused(self) -> bool {
        self.refused
    }

    /// A stranger's transaction settled the payment.
    pub const fn settled_by_stranger(self) -> bool {
        self.by_stranger
    }

    /// No creation can have left for this intent yet.
    pub(super) fn first_creation(self) -> bool {
        self.forwarded && self.creations == 0
    }

    /// Counts an unanswered question and says how long to wait: quickly at first, for chains that
    /// mine at once, then each second.
    pub(super) fn wait_ms(&mut self) -> u64 {
        let waits_ms = [20, 50, 100, 200, 400, 1_000];
        let index = usize::try_from(self.polls).unwrap_or(usize::MAX).min(waits_ms.len() - 1);
        self.polls = self.polls.saturating_add(1);
        waits_ms[index]
    }

    /// The same for what the upstream is known not to have done: nothing is urgent that another
    /// answer has to change first.
    pub(super) fn patient_wait_ms(&mut self) -> u64 {
        let waits_ms = [100, 250, 500, 1_000, 2_000];
        let index = usize::try_from(self.polls).unwrap_or(usize::MAX).min(waits_ms.len() - 1);
        self.polls = self.polls.saturating_add(1);
        waits_ms[index]
    }
}
