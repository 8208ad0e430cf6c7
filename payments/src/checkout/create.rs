//! The creating half of a drive: ask the upstream under the intent's key until it gives a final answer.

use bytes::Bytes;

use crate::{
    checkout::{Admission, DriveError, Progress, Step, World},
    intent::{Intent, State, StoredAnswer},
    ports::{LookUp, UpstreamAnswer},
    time::UnixMs,
};

/// Between two questions to an upstream that is past its deadline and does not answer: an operator is needed, not haste.
const STUCK_WAIT_MS: u64 = 5_000;

pub(super) async fn create(world: &World, intent: Intent, progress: &mut Progress) -> Result<Step, DriveError> {
    if past_deadline(world, &intent) {
        return look_up(world, intent).await;
    }
    if !world.upstream.repeats_safely() && !progress.first_creation() {
        return unrepeatable(world, intent).await;
    }
    progress.creations = progress.creations.saturating_add(1);
    let Some(admission) = Admission::for_intent(&intent) else { return Err(DriveError::Incomplete(intent.id)) };
    match world.upstream.create(admission).await {
        UpstreamAnswer::Created { answer, launch_id } => created(world, &intent, answer, launch_id).await,
        UpstreamAnswer::Refused(answer) => refused(world, &intent, answer).await,
        UpstreamAnswer::Unknown(_) => {
            let wait_ms = progress.wait_ms();
            let intent = match intent.state {
                State::Forwarding => world.books.apply(intent.core_unknown(world.clock.now())?).await?,
                _ => intent,
            };
            Ok(Step::Wait(intent, wait_ms))
        }
    }
}

/// It may have been sent before, and sent again it could be made twice: only a look-up or an operator can tell.
async fn unrepeatable(world: &World, intent: Intent) -> Result<Step, DriveError> {
    match intent.state {
        State::Forwarding => Ok(Step::Moved(world.books.apply(intent.core_unknown(world.clock.now())?).await?)),
        _ => look_up(world, intent).await,
    }
}

fn past_deadline(world: &World, intent: &Intent) -> bool {
    intent.state == State::CoreUnknown && world.clock.now() >= deadline(world, intent)
}

fn deadline(world: &World, intent: &Intent) -> UnixMs {
    intent.forwarding_since.unwrap_or(intent.created_at).plus_ms(world.settings.core_deadline_ms)
}

/// When no copy of a creation can be under way any more. An intent that nobody drove for long is sent once more before it is unknown.
fn silent_since(world: &World, intent: &Intent) -> UnixMs {
    deadline(world, intent).max(intent.updated_at).plus_ms(world.settings.core_late_copy_ms)
}

/// After the deadline nothing is sent any more; what exists under the key decides. No answer decides nothing, and neither does "there is
/// none" while a copy may still arrive: it would be created after it was refunded.
async fn look_up(world: &World, intent: Intent) -> Result<Step, DriveError> {
    match world.upstream.look_up(&intent.core_key()).await {
        LookUp::Found { answer, launch_id } => created(world, &intent, answer, launch_id).await,
        LookUp::Absent if world.clock.now() < silent_since(world, &intent) => Ok(Step::Wait(intent, STUCK_WAIT_MS)),
        LookUp::Absent => refused(world, &intent, never_created()).await,
        LookUp::Unreachable(_) => Ok(Step::Wait(intent, STUCK_WAIT_MS)),
    }
}

async fn created(world: &World, intent: &Intent, answer: StoredAnswer, launch_id: String) -> Result<Step, DriveError> {
    let transition = intent.created(answer, launch_id, world.clock.now())?;
    Ok(Step::Moved(world.books.apply(transition).await?))
}

async fn refused(world: &World, intent: &Intent, answer: StoredAnswer) -> Result<Step, DriveError> {
    let now = world.clock.now();
    let entitled_until = now.plus_ms(world.settings.entitlement_ms);
    Ok(Step::Moved(world.books.apply(intent.refused(answer, entitled_until, now)?).await?))
}

/// The answer for a creation that the upstream never finished and says it does not hold.
fn never_created() -> StoredAnswer {
    let body = br#"{"error":{"code":"SERVER_001","message":"the launch service did not create the launch in time; nothing was created"}}"#;
    StoredAnswer {
        status: 502,
        headers: vec![(String::from("content-type"), String::from("application/json"))],
        body: Bytes::from_static(body),
    }
}
