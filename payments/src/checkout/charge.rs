//! The paying half of a drive by card: send what was saved, hear what became of it, book it. And
//! the second half of a pack: its credits.

use crate::{
    checkout::{DriveError, Progress, Step, World, fence::still_ours},
    funding::Funding,
    intent::{Intent, State},
    money::Amount,
    ports::{CardError, CardOutcome},
    settlement::Settlement,
};

/// Unanswered questions before the intent is marked as waiting, so that operators and clients see
/// it.
const POLLS_BEFORE_MARK: u32 = 2;

/// Each round sends the same parameters under the same key: the processor answers a key that it
/// knows with what became of it.
pub(super) async fn charge(
    world: &World,
    intent: Intent,
    progress: &mut Progress,
) -> Result<Step, DriveError> {
    let (Some(cards), Some(charge), Amount::Usd(amount)) =
        (&world.cards, intent.charge.clone(), intent.price)
    else {
        return Err(DriveError::Incomplete(intent.id));
    };
    still_ours(world, &intent).await?;
    match cards.rail.charge(intent.id, &charge, amount, world.clock.now()).await {
        Ok(CardOutcome::Settled(proof)) => settled(world, &intent, Settlement::Charge(proof)).await,
        Ok(CardOutcome::Failed(failure)) => {
            save(world, intent.pay_failed(failure, world.clock.now())?).await
        }
        Ok(CardOutcome::Mischarged(mischarge)) => {
            save(world, intent.mischarged(mischarge, world.clock.now())?).await
        }
        Ok(CardOutcome::Pending) => {
            mark_or_wait(world, intent, progress, State::Submitted, 0).await
        }
        Err(CardError::Busy { retry_after_s }) => {
            mark_or_wait(world, intent, progress, State::SubmitUnknown, retry_after_s).await
        }
        Err(_) => mark_or_wait(world, intent, progress, State::SubmitUnknown, 0).await,
    }
}

async fn settled(world: &World, intent: &Intent, proof: Settlement) -> Result<Step, DriveError> {
    let now = world.clock.now();
    match intent.funding {
        Funding::MppPack { .. } => save(world, intent.charged(proof, now)?).await,
        _ => save(world, intent.funded(proof, now)?).await,
    }
}

/// The credits of a pack that is paid for. Books that refuse them now are asked again: the money is
/// there, and so they will be.
pub(super) async fn grant(world: &World, intent: Intent) -> Result<Step, DriveError> {
    save(world, intent.granted(world.clock.now())?).await
}

async fn mark_or_wait(
    world: &World,
    intent: Intent,
    progress: &mut Progress,
    mark: State,
    at_least_s: u64,
) -> Result<Step, DriveError> {
    let wait_ms = progress.wait_ms().max(at_least_s.min(30).saturating_mul(1_000));
    if progress.polls < POLLS_BEFORE_MARK {
        return Ok(Step::Wait(intent, wait_ms));
    }
    let now = world.clock.now();
    let marked = match (intent.state, mark) {
        (State::Signed | State::SubmitUnknown, State::Submitted) => {
            world.books.apply(intent.submitted(now)?).await?
        }
        (State::Signed, State::SubmitUnknown) => {
            world.books.apply(intent.submit_unknown(now)?).await?
        }
        _ => intent,
    };
    Ok(Step::Wait(marked, wait_ms))
}

async fn save(world: &World, transition: crate::intent::Transition) -> Result<Step, DriveError> {
    Ok(Step::Moved(world.books.apply(transition).await?))
}
