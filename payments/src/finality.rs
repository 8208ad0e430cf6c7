//! A settlement counts once it has its confirmations, and a reorganisation may still take it back.
//! Until the chain calls its block final it is looked at again: a new block is noted, a loss is a
//! finding and the saved transaction goes out again while the token would take it.

use crate::{
    checkout::{DriveError, World},
    intent::Intent,
    ports::{Outcome, Seen, Sighting, Standing},
    settlement::{AttemptKind, SettlementProof},
    time::UnixMs,
};

/// How many settlements one round looks at, in one question to the node.
const ROUND_LIMIT: u32 = 256;
/// The shortest time between two looks: reorganisations are young.
const LOOK_AGAIN_MIN_MS: i64 = 5_000;
/// The longest time between two looks.
const LOOK_AGAIN_MAX_MS: i64 = 300_000;

const SENDING_AGAIN: &str = "not on the chain; the saved transaction is sent again";
const CANNOT_SEND: &str =
    "not on the chain, and nothing that could settle it is kept: collect or write off by hand";
const WORTHLESS: &str =
    "not on the chain, and its authorization can pay no more: collect or write off by hand";

/// What one round found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// Settlements that were looked at.
    pub looked: usize,
    /// Those in another block than before.
    pub moved: Vec<crate::ids::PaymentId>,
    /// Those that are not on the chain.
    pub lost: Vec<crate::ids::PaymentId>,
    /// There may be more that are due.
    pub more: bool,
}

/// Looks at the settlements that are due.
///
/// # Errors
/// [`DriveError::Books`] when the books do not answer. A node that does not answer ends the round;
/// the next one asks again.
pub async fn look_at_settlements(world: &World) -> Result<Round, DriveError> {
    let due = world
        .books
        .recent_settlements(world.rail.chain_id(), world.clock.now(), ROUND_LIMIT)
        .await?;
    let due: Vec<(Intent, SettlementProof)> = due
        .into_iter()
        .filter_map(|i| i.transfer_proof().cloned().map(|proof| (i, proof)))
        .collect();
    let mut round =
        Round { looked: due.len(), more: due.len() == ROUND_LIMIT as usize, ..Round::default() };
    let booked: Vec<SettlementProof> = due.iter().map(|(_, proof)| proof.clone()).collect();
    let Ok(standings) = world.rail.standing(&booked).await else { return Ok(Round::default()) };
    let (mut settled, mut failed) = (Vec::new(), None);
    for ((intent, proof), standing) in due.iter().zip(standings) {
        let seen = match standing {
            Standing::Final => Seen::Final,
            Standing::Stands => Seen::Same { stands: true },
            Standing::NotKnown => Seen::Same { stands: false },
            Standing::Displaced => match displaced(world, intent).await {
                Some(seen) => seen,
                // A node that hangs would hang for each of them.
                None => break,
            },
        };
        let sighting = sighting(intent, proof, seen, world.clock.now());
        match &sighting.seen {
            Seen::Same { .. } | Seen::Final => {
                settled.push(sighting);
                continue;
            }
            Seen::Moved(_) => round.moved.push(intent.id),
            Seen::Lost { .. } => round.lost.push(intent.id),
        }
        // Each in a commit of its own: two logs of one transaction that move by one place meet each
        // other's key until both have moved.
        failed = world.books.note_sightings(&[sighting]).await.err().or(failed);
    }
    if !settled.is_empty() {
        world.books.note_sightings(&settled).await?;
    }
    failed.map_or(Ok(round), |error| Err(error.into()))
}

/// Its block is gone: where is it now?
async fn displaced(world: &World, intent: &Intent) -> Option<Seen> {
    let terms = intent.transfer.as_ref()?;
    Some(match world.rail.outcome(terms, &intent.attempts).await {
        Ok(Outcome::Settled(proof)) => Seen::Moved(proof),
        Ok(Outcome::Failed(_)) => Seen::Lost { detail: WORTHLESS },
        Ok(Outcome::Pending { may_send: true }) => {
            Seen::Lost { detail: send_again(world, intent).await }
        }
        // Used and not confirmed, or too late for the newest block and not for the safe one: the
        // next look knows more.
        Ok(Outcome::Pending { may_send: false }) => Seen::Same { stands: false },
        Err(_) => return None,
    })
}

async fn send_again(world: &World, intent: &Intent) -> &'static str {
    match intent
        .attempts
        .iter()
        .rev()
        .find(|attempt| attempt.kind == AttemptKind::Transfer && !attempt.sealed_tx.is_empty())
    {
        Some(kept) => {
            world.rail.send(kept).await;
            SENDING_AGAIN
        }
        None => CANNOT_SEND,
    }
}

fn sighting(intent: &Intent, booked: &SettlementProof, seen: Seen, at: UnixMs) -> Sighting {
    let age_ms = at.ms().saturating_sub(intent.forwarding_since.unwrap_or(intent.created_at).ms());
    let wait_ms = match &seen {
        // Until it is found or final, a loss is looked at as often as a young settlement.
        Seen::Moved(_) | Seen::Lost { detail: SENDING_AGAIN } => LOOK_AGAIN_MIN_MS,
        _ => (age_ms / 4).clamp(LOOK_AGAIN_MIN_MS, LOOK_AGAIN_MAX_MS),
    };
    Sighting {
        intent: intent.id,
        booked_in: booked.block_hash,
        seen,
        at,
        next_at: at.plus_ms(wait_ms),
    }
}
