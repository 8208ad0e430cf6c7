//! The creating half of a drive: ask the upstream under the intent's key until it gives a final
//! answer, or until its outcome has an end without one.

use bytes::Bytes;

use crate::{
    checkout::{Admission, DriveError, Progress, Step, World, fence::still_ours},
    intent::{EndedBy, Intent, State, StoredAnswer},
    ports::{LookUp, UpstreamAnswer, UpstreamWay},
    time::UnixMs,
};

/// Between two questions to an upstream that is past its deadline and does not answer: an operator
/// is needed, not haste.
const STUCK_WAIT_MS: u64 = 5_000;
/// The longest time between them.
const MAX_STUCK_WAIT_MS: i64 = 600_000;
/// The part of its age for which what is stuck is left alone.
const STUCK_WAIT_PART: i64 = 10;
/// How long a driver waits for a pause to end; through a longer one nobody drives.
const SHORT_WAIT_MS: u64 = 5_000;
/// Between two looks at what waits for the upstream to take us again: it is woken when that
/// happens.
const CLOSED_WAIT_MS: i64 = 60_000;

pub(super) async fn create(
    world: &World,
    intent: Intent,
    progress: &mut Progress,
) -> Result<Step, DriveError> {
    if past_deadline(world, &intent) {
        return if intent.not_done {
            end(world, &intent, never_created(), Some(EndedBy::NotDone)).await
        } else {
            look_up(world, intent).await
        };
    }
    // Nothing that may have been done was sent before.
    let proven = intent.not_done || (progress.first_creation() && !progress.in_doubt);
    if !world.upstream.repeats_safely() && !proven {
        return unrepeatable(world, intent).await;
    }
    match world.upstream.way() {
        UpstreamWay::Open => {}
        UpstreamWay::Until(at) => return set_aside(world, intent, proven, at).await,
        // What is under way is heard to its end; what was turned away waits, but for the one that
        // finds out whether it still is.
        UpstreamWay::Closed if intent.not_done && !std::mem::take(&mut progress.probe) => {
            let at = world.clock.now().plus_ms(CLOSED_WAIT_MS);
            return set_aside(world, intent, proven, at).await;
        }
        UpstreamWay::Closed => {}
    }
    // A send counts even if its process dies: the note is written first.
    let intent = if intent.not_done {
        world.books.note_not_done(intent.id, intent.guard, false).await?
    } else {
        intent
    };
    still_ours(world, &intent).await?;
    progress.creations = progress.creations.saturating_add(1);
    let Some(admission) = Admission::for_intent(&intent) else {
        return Err(DriveError::Incomplete(intent.id));
    };
    match world.upstream.create(admission).await {
        UpstreamAnswer::Created { answer, launch_id } => {
            created(world, &intent, answer, launch_id).await
        }
        UpstreamAnswer::Refused(answer) => end(world, &intent, answer, None).await,
        UpstreamAnswer::NotDone(_) if proven => not_done(world, intent, progress).await,
        UpstreamAnswer::NotDone(_) | UpstreamAnswer::Unknown(_) => {
            progress.in_doubt = true;
            let wait_ms = progress.wait_ms();
            Ok(Step::Wait(unknown(world, intent).await?, wait_ms))
        }
    }
}

/// Kept with the intent, so that whoever takes it up knows it too, and its deadline ends it without
/// a question.
async fn not_done(
    world: &World,
    intent: Intent,
    progress: &mut Progress,
) -> Result<Step, DriveError> {
    let intent = unknown(world, intent).await?;
    let intent = world.books.note_not_done(intent.id, intent.guard, true).await?;
    let left_ms = deadline(world, &intent).ms().saturating_sub(world.clock.now().ms());
    let wait_ms = progress.patient_wait_ms().min(u64::try_from(left_ms).unwrap_or(0).max(1));
    Ok(Step::Wait(intent, wait_ms))
}

/// Until that moment, or the deadline, nothing is sent. What nobody can have done yet is noted as
/// such: its next driver may send it.
async fn set_aside(
    world: &World,
    intent: Intent,
    proven: bool,
    until: UnixMs,
) -> Result<Step, DriveError> {
    let intent = if proven {
        let intent = unknown(world, intent).await?;
        world.books.note_not_done(intent.id, intent.guard, true).await?
    } else {
        intent
    };
    // Before it is unknown, no deadline ends it.
    let until = if intent.state == State::CoreUnknown {
        until.min(deadline(world, &intent))
    } else {
        until
    };
    let left_ms = until.ms().saturating_sub(world.clock.now().ms());
    let wait_ms = u64::try_from(left_ms).unwrap_or(0).max(1);
    Ok(if wait_ms <= SHORT_WAIT_MS {
        Step::Wait(intent, wait_ms)
    } else {
        Step::Park(intent, wait_ms)
    })
}

async fn unknown(world: &World, intent: Intent) -> Result<Intent, DriveError> {
    Ok(match intent.state {
        State::Forwarding => world.books.apply(intent.core_unknown(world.clock.now())?).await?,
        _ => intent,
    })
}

/// It may have been sent before, and sent again it could be made twice: only a look-up or an
/// operator can tell.
async fn unrepeatable(world: &World, intent: Intent) -> Result<Step, DriveError> {
    match intent.state {
        State::Forwarding => Ok(Step::Moved(unknown(world, intent).await?)),
        _ => look_up(world, intent).await,
    }
}

fn past_deadline(world: &World, intent: &Intent) -> bool {
    intent.state == State::CoreUnknown && world.clock.now() >= deadline(world, intent)
}

fn deadline(world: &World, intent: &Intent) -> UnixMs {
    intent.forwarding_since.unwrap_or(intent.created_at).plus_ms(world.settings.core_deadline_ms)
}

/// After the deadline nothing is sent any more; what exists under the key decides. No answer
/// decides nothing, and neither does "there is none" while a copy may still arrive: it would be
/// created after it was refunded.
async fn look_up(world: &World, intent: Intent) -> Result<Step, DriveError> {
    match world.upstream.look_up(&intent.core_key()).await {
        LookUp::Found { answer, launch_id } => created(world, &intent, answer, launch_id).await,
        LookUp::Absent if world.clock.now() < silent_since(world, &intent) => {
            Ok(Step::Park(intent, STUCK_WAIT_MS))
        }
        LookUp::Absent => end(world, &intent, never_created(), None).await,
        LookUp::Unreachable(_) => stuck(world, intent).await,
    }
}

/// When no copy of a creation can be under way any more. An intent that nobody drove for long is
/// sent once more before it is unknown.
fn silent_since(world: &World, intent: &Intent) -> UnixMs {
    let settings = &world.settings;
    intent.silent_since(settings.core_deadline_ms, settings.core_late_copy_ms)
}

/// Nobody can say what became of it. It waits without a driver, the longer the older it is, until
/// somebody says so, an operator ends it, or the time is over for which an outcome may be unknown.
async fn stuck(world: &World, intent: Intent) -> Result<Step, DriveError> {
    let now = world.clock.now();
    let since = intent.forwarding_since.unwrap_or(intent.created_at);
    let mut wait_ms =
        (now.ms().saturating_sub(since.ms()) / STUCK_WAIT_PART).min(MAX_STUCK_WAIT_MS);
    if let Some(after_ms) = world.settings.unknown_after_ms {
        let over_at = since.plus_ms(after_ms).max(silent_since(world, &intent));
        if now >= over_at {
            return end(world, &intent, never_known(), Some(EndedBy::Policy)).await;
        }
        wait_ms = wait_ms.min(over_at.ms().saturating_sub(now.ms()));
    }
    Ok(Step::Park(intent, u64::try_from(wait_ms).unwrap_or(0).max(STUCK_WAIT_MS)))
}

async fn created(
    world: &World,
    intent: &Intent,
    answer: StoredAnswer,
    launch_id: String,
) -> Result<Step, DriveError> {
    let transition = intent.created(answer, launch_id, world.clock.now())?;
    Ok(Step::Moved(world.books.apply(transition).await?))
}

async fn end(
    world: &World,
    intent: &Intent,
    answer: StoredAnswer,
    by: Option<EndedBy>,
) -> Result<Step, DriveError> {
    let now = world.clock.now();
    let refused = intent.refused(answer, now.plus_ms(world.settings.entitlement_ms), now)?;
    let ended = match by {
        Some(by) => refused.brought_by(by),
        None => refused,
    };
    Ok(Step::Moved(world.books.apply(ended).await?))
}

/// The answer for a creation that the upstream never finished and says it does not hold, or never
/// began.
pub(super) fn never_created() -> StoredAnswer {
    unavailable(br#"{"error":{"code":"SERVER_001","message":"the launch service did not create the launch in time; nothing was created"}}"#)
}

/// The answer for a creation of which nobody could say what became of it.
fn never_known() -> StoredAnswer {
    unavailable(br#"{"error":{"code":"SERVER_001","message":"the launch service never said whether it created the launch; what was paid is owed"}}"#)
}

fn unavailable(body: &'static [u8]) -> StoredAnswer {
    StoredAnswer {
        status: 502,
        headers: vec![(String::from("content-type"), String::from("application/json"))],
        body: Bytes::from_static(body),
    }
}
