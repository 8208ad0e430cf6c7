//! A settlement counts once it has its confirmations, and a reorganisation may still take it back. Until the chain calls its block final it is
//! looked at again: a new block is noted, a loss is a finding and the saved transaction goes out again while the token would take it.

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
const CANNOT_SEND: &str = "not on the chain, and nothing that could settle it is kept: collect or write off by hand";
const WORTHLESS: &str = "not on the chain, and its authorization can pay no more: collect or write off by hand";

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
/// [`DriveError::Books`] when the books do not answer. A node that does not answer ends the round; the next one asks again.
pub async fn look_at_settlements(world: &World) -> Result<Round, DriveError> {
    let due = world.books.recent_settlements(world.rail.chain_id(), world.clock.now(), ROUND_LIMIT).await?;
    let due: Vec<(Intent, SettlementProof)> = due.into_iter().filter_map(|i| i.transfer_proof().cloned().map(|proof| (i, proof))).collect();
    let mut round = Round { looked: due.len(), more: due.len() == ROUND_LIMIT as usize, ..Round::default() };
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
        // Each in a commit of its own: two logs of one transaction that move by one place meet each other's key until both have moved.
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
        Ok(Outcome::Pending { may_send: true }) => Seen::Lost { detail: send_again(world, intent).await },
        // Used and not confirmed, or too late for the newest block and not for the safe one: the next look knows more.
        Ok(Outcome::Pending { may_send: false }) => Seen::Same { stands: false },
        Err(_) => return None,
    })
}

async fn send_again(world: &World, intent: &Intent) -> &'static str {
    match intent.attempts.iter().rev().find(|attempt| attempt.kind == AttemptKind::Transfer && !attempt.sealed_tx.is_empty()) {
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
    Sighting { intent: intent.id, booked_in: booked.block_hash, seen, at, next_at: at.plus_ms(wait_ms) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        checkout::{Progress, claim, run},
        ports::{Books, Claimed, Finding},
        recovery::close_nonces,
        testing::{
            rail::{Say, unreachable},
            run::block_on,
            wallet::TestWallet,
            world::TestWorld,
        },
    };

    fn delivered(test: &TestWorld) -> Intent {
        let asked = test.launch(&TestWallet::numbered(1), 1, false);
        let Claimed::New(intent) = block_on(claim(&test.world, asked)).unwrap() else { panic!("not new") };
        block_on(run(&test.world, intent, Progress::live())).unwrap()
    }

    fn look(test: &TestWorld) -> Round {
        test.clock.turn_ms(LOOK_AGAIN_MAX_MS);
        block_on(look_at_settlements(&test.world)).unwrap()
    }

    fn findings(test: &TestWorld, intent: &Intent) -> Vec<Finding> {
        block_on(test.books.evidence(intent.id)).unwrap().unwrap().findings
    }

    #[test]
    fn a_lost_settlement_is_sent_again_and_closed_when_it_is_back() {
        let test = TestWorld::new();
        let paid = delivered(&test);
        test.rail.standing_next([Ok(Standing::Displaced)]);
        test.rail.say_next([Say::Pending { may_send: true }]);
        assert_eq!(look(&test).lost, [paid.id]);
        assert_eq!(test.rail.sends(), [paid.attempts[0].tx_hash; 2], "the saved bytes, once more");
        assert_eq!(findings(&test, &paid)[0].detail, SENDING_AGAIN);
        test.rail.say_next([Say::Settled]);
        assert_eq!(look(&test).moved, [paid.id]);
        assert!(findings(&test, &paid)[0].closed_at.is_some());
        assert_eq!(test.upstream.creation_keys(), [paid.core_key()]);
    }

    #[test]
    fn the_nonce_of_a_lost_settlement_is_filled_by_its_transfer_and_after_its_end_by_nothing() {
        let test = TestWorld::new();
        let paid = delivered(&test);
        test.rail.standing_next([Ok(Standing::Displaced)]);
        test.rail.say_next([Say::Pending { may_send: true }]);
        test.rail.nonce_used_next([Ok(false)]);
        test.clock.turn_ms(20_000);
        assert_eq!(block_on(look_at_settlements(&test.world)).unwrap().lost, [paid.id]);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
        assert_eq!(test.rail.sends(), [paid.attempts[0].tx_hash; 3]);
        let valid_for_s = paid.transfer.as_ref().unwrap().valid_before_unix_s - test.world.clock.now().protocol_s();
        test.clock.turn_ms(i64::try_from(valid_for_s).unwrap() * 1_000);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
        let after = block_on(test.books.intent(paid.id)).unwrap().unwrap();
        assert_eq!(after.attempts.last().unwrap().kind, AttemptKind::Void);
    }

    #[test]
    fn what_is_lost_for_good_stays_open_and_says_so() {
        let test = TestWorld::new();
        let paid = delivered(&test);
        test.rail.standing_next([Ok(Standing::Displaced)]);
        test.rail.say_next([Say::Failed(crate::settlement::PaymentFailure::Expired)]);
        assert_eq!(look(&test).lost, [paid.id]);
        assert_eq!(look(&test).lost, [paid.id]);
        let [found] = findings(&test, &paid).try_into().unwrap();
        assert_eq!((found.detail.as_str(), found.closed_at), (WORTHLESS, None));
        assert_eq!(test.rail.sends(), [paid.attempts[0].tx_hash], "the first time only");
    }

    #[test]
    fn a_node_that_does_not_answer_proves_no_loss() {
        let test = TestWorld::new();
        let paid = delivered(&test);
        test.rail.standing_next([Err(unreachable()), Ok(Standing::NotKnown), Ok(Standing::Displaced)]);
        assert_eq!(look(&test), Round::default());
        test.rail.say_next([Say::Unreachable, Say::Pending { may_send: false }]);
        for _ in 0..3 {
            assert_eq!(look(&test).lost, []);
        }
        assert_eq!(findings(&test, &paid), []);
    }

    #[test]
    fn a_final_settlement_is_asked_for_no_more() {
        let test = TestWorld::new();
        let paid = delivered(&test);
        assert!(!paid.attempts[0].sealed_tx.is_empty());
        test.rail.standing_next([Ok(Standing::Final)]);
        assert_eq!(look(&test).looked, 1);
        assert_eq!(look(&test).looked, 0);
        assert!(block_on(test.books.intent(paid.id)).unwrap().unwrap().attempts[0].sealed_tx.is_empty());
    }
}
