//! What a crash leaves behind is finished here, by the same [`crate::checkout::drive`].

use crate::{
    checkout::{DriveError, World},
    intent::Intent,
    settlement::{Attempt, AttemptKind},
    time::UnixMs,
};

/// How many intents one round takes.
const ROUND_LIMIT: u32 = 64;
/// An unused nonce is filled this long after its last transaction was saved.
const VOID_AFTER_MS: i64 = 15_000;
/// How long the receipt of a used nonce is waited for.
const RECEIPT_WAIT_MS: i64 = 600_000;

/// Takes the intents in transient states that nobody drives. Each must then be run by the caller under its new lease.
///
/// # Errors
/// [`DriveError::Books`] when the books do not answer.
pub async fn take_stuck(world: &World) -> Result<Vec<Intent>, DriveError> {
    let now = world.clock.now();
    Ok(world.books.take_stuck(now, now.plus_ms(world.settings.lease_ms), ROUND_LIMIT).await?)
}

/// Entitlements past their deadline become refunds that are due.
///
/// # Errors
/// [`DriveError::Books`] when the books do not answer.
pub async fn expire_entitlements(world: &World) -> Result<u64, DriveError> {
    Ok(world.books.expire_entitlements(world.clock.now()).await?)
}

/// Drops the notes of proofs that were refused because a day's free calls were used up, once that day is over.
///
/// # Errors
/// [`DriveError::Books`] when the books do not answer.
pub async fn drop_refused_proofs(world: &World) -> Result<u64, DriveError> {
    Ok(world.books.drop_refused_proofs(world.clock.now()).await?)
}

/// A signed nonce is always used: by its transfer or, when that may no longer be sent, by an empty transaction of the signer to itself.
/// A gap would hold up every later payment of the signer. Says how many nonces are still open.
///
/// # Errors
/// [`DriveError::Books`] when the books do not answer. A node that does not answer ends the round; the nonces stay open for the next one.
pub async fn close_nonces(world: &World) -> Result<usize, DriveError> {
    let mut open = 0;
    // A page for each signer whose key is here: one without gas holds up no other, and what only another process can close is left to it.
    for signer in world.rail.signers() {
        for intent in world.books.open_nonces(signer, ROUND_LIMIT).await? {
            let Some(last) = intent.attempts.last() else { continue };
            match close_nonce(world, &intent, last).await? {
                Nonce::Closed => {}
                Nonce::Open => open += 1,
                // A node that hangs would hang for each of them.
                Nonce::Unanswered => return Ok(open + 1),
            }
        }
    }
    Ok(open)
}

/// How a look at one nonce ended.
enum Nonce {
    Closed,
    Open,
    Unanswered,
}

async fn close_nonce(world: &World, intent: &Intent, last: &Attempt) -> Result<Nonce, DriveError> {
    match world.rail.nonce_used(last.signer, last.eoa_nonce).await {
        Ok(true) => return close_used(world, intent, last).await,
        Ok(false) => {}
        Err(_) => return Ok(Nonce::Unanswered),
    }
    let now = world.clock.now();
    if now < last.saved_at.plus_ms(VOID_AFTER_MS) {
        return Ok(Nonce::Open);
    }
    // Settled by somebody else and not created yet: whoever drives it must keep its guard, and the transfer is there to be sent.
    if last.kind == AttemptKind::Transfer && !intent.state.is_terminal() {
        world.rail.send(last).await;
        return Ok(Nonce::Open);
    }
    let new = match last.kind {
        // Its settlement was taken back by a reorganisation: the transfer itself goes under the nonce again while the token would take it.
        AttemptKind::Transfer if may_settle_again(intent, last, now) => world.rail.bump(intent.id, last, now).await.unwrap_or(None),
        AttemptKind::Void if !last.sealed_tx.is_empty() => world.rail.bump(intent.id, last, now).await.unwrap_or(None),
        AttemptKind::Void | AttemptKind::Transfer => match world.rail.void(intent.id, last, now).await {
            Ok(void) => Some(void),
            Err(_) => return Ok(Nonce::Open),
        },
    };
    if let Some(new) = &new {
        world.books.save_attempt(intent.id, intent.guard, new).await?;
    }
    world.rail.send(new.as_ref().unwrap_or(last)).await;
    Ok(Nonce::Open)
}

/// What the mined transaction cost is kept before its nonce is closed, whatever it did. A node that shows none of them yet is behind the one
/// that counted the nonce, and is asked again for a while: since the intent moved last, however long its transaction had waited before.
async fn close_used(world: &World, intent: &Intent, last: &Attempt) -> Result<Nonce, DriveError> {
    let same_nonce = |attempt: &&Attempt| (attempt.signer, attempt.eoa_nonce) == (last.signer, last.eoa_nonce);
    let rivals: Vec<Attempt> = intent.attempts.iter().filter(same_nonce).cloned().collect();
    let Ok(fees_wei) = world.rail.fees_paid(&rivals).await else { return Ok(Nonce::Unanswered) };
    if fees_wei.is_empty() && world.clock.now() < intent.updated_at.max(last.saved_at).plus_ms(RECEIPT_WAIT_MS) {
        return Ok(Nonce::Open);
    }
    world.books.note_fees(&fees_wei).await?;
    world.books.close_nonce(last.signer, last.eoa_nonce).await?;
    Ok(Nonce::Closed)
}

/// Only a lost settlement opens the nonce of our own settling transaction again.
fn may_settle_again(intent: &Intent, last: &Attempt, now: UnixMs) -> bool {
    let terms = intent.transfer.as_ref().filter(|_| intent.own_settlement().is_some() && !last.sealed_tx.is_empty());
    terms.is_some_and(|terms| now.protocol_s() < terms.valid_before_unix_s)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        checkout::{Progress, claim, run},
        intent::State,
        ports::{Books, Claimed},
        settlement::PaymentFailure,
        testing::{
            rail::{Asked, FEE_WEI, SIGNER, Say, unreachable},
            run::block_on,
            wallet::TestWallet,
            world::TestWorld,
        },
    };

    fn paid(test: &TestWorld, number: u64) -> Intent {
        match block_on(claim(&test.world, test.launch(&TestWallet::numbered(1), number, false))).unwrap() {
            Claimed::New(intent) => intent,
            other => panic!("{other:?}"),
        }
    }

    fn expired(test: &TestWorld) -> Intent {
        test.rail.say_next([Say::Failed(PaymentFailure::Expired)]);
        block_on(run(&test.world, paid(test, 1), Progress::live())).unwrap()
    }

    #[test]
    fn what_a_crash_left_behind_is_finished_without_its_client() {
        let test = TestWorld::new();
        let left = paid(&test, 1);
        assert_eq!(block_on(take_stuck(&test.world)).unwrap(), [], "its driver may still live");
        test.clock.turn_ms(test.world.settings.lease_ms + 1);
        let taken = block_on(take_stuck(&test.world)).unwrap();
        assert_eq!(taken.iter().map(|intent| intent.id).collect::<Vec<_>>(), [left.id]);
        assert_eq!(block_on(take_stuck(&test.world)).unwrap(), []);
        let done = block_on(run(&test.world, taken[0].clone(), Progress::recovered())).unwrap();
        assert_eq!((done.state, test.upstream.creation_keys()), (State::Created, vec![left.core_key()]));
    }

    #[test]
    fn an_unused_nonce_is_filled_after_15_s_and_saved_before_it_is_sent() {
        let test = TestWorld::new();
        let failed = expired(&test);
        let before = test.rail.sends().len();
        test.rail.nonce_used_next([Ok(false)]);
        test.clock.turn_ms(VOID_AFTER_MS - 1);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
        assert_eq!(test.rail.sends().len(), before, "its own transfer may still be mined");
        test.clock.turn_ms(1);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
        let voided = block_on(test.books.intent(failed.id)).unwrap().unwrap();
        let void = voided.attempts.last().unwrap();
        assert_eq!((void.kind, void.eoa_nonce), (AttemptKind::Void, failed.attempts[0].eoa_nonce));
        assert_eq!(test.rail.sends()[before..], [void.tx_hash]);
        test.clock.turn_ms(VOID_AFTER_MS);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
        assert_eq!(test.rail.sends()[before..], [void.tx_hash; 2], "the same bytes again");
        test.rail.nonce_used_next([Ok(true)]);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 0);
        assert_eq!(block_on(test.books.open_nonces(SIGNER, 9)).unwrap(), []);
        assert_eq!(block_on(test.books.intent(failed.id)).unwrap().unwrap().state, State::PayFailed);
    }

    #[test]
    fn a_void_that_is_not_mined_pays_a_higher_fee() {
        let test = TestWorld::new();
        let failed = expired(&test);
        test.rail.nonce_used_next([Ok(false)]);
        test.clock.turn_ms(VOID_AFTER_MS);
        block_on(close_nonces(&test.world)).unwrap();
        test.rail.bump_next([true, false]);
        test.clock.turn_ms(VOID_AFTER_MS);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
        let attempts = block_on(test.books.intent(failed.id)).unwrap().unwrap().attempts;
        let [_, void, raised] = attempts.as_slice() else { panic!("{attempts:?}") };
        assert_eq!((raised.kind, raised.eoa_nonce), (AttemptKind::Void, void.eoa_nonce));
        assert!(raised.max_fee_per_gas_wei > void.max_fee_per_gas_wei);
        assert_eq!(test.rail.sends().last(), Some(&raised.tx_hash));
    }

    #[test]
    fn a_mined_transaction_closes_its_nonce_at_once() {
        let test = TestWorld::new();
        let failed = expired(&test);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 0);
        assert!(!test.rail.asked().contains(&Asked::Void));
        assert_eq!(
            block_on(test.books.intent(failed.id)).unwrap(),
            Some(Intent { attempts: vec![Attempt { fee_wei: Some(FEE_WEI), ..failed.attempts[0].clone() }], ..failed })
        );
    }

    #[test]
    fn a_silent_node_leaves_the_nonce_open() {
        let test = TestWorld::new();
        let failed = expired(&test);
        test.rail.nonce_used_next([Err(unreachable())]);
        test.clock.turn_ms(VOID_AFTER_MS);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
        assert_eq!(block_on(test.books.intent(failed.id)).unwrap(), Some(failed));
    }

    #[test]
    fn a_silent_node_is_asked_once_a_round() {
        let test = TestWorld::new();
        test.rail.say_next([Say::Failed(PaymentFailure::Expired)]);
        for number in 1..=3 {
            block_on(run(&test.world, paid(&test, number), Progress::live())).unwrap();
        }
        test.rail.nonce_used_next([Err(unreachable())]);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
        assert_eq!(test.rail.asked().iter().filter(|asked| matches!(asked, Asked::NonceUsed(_))).count(), 1);
    }

    #[test]
    fn the_gas_of_what_moved_nothing_is_kept_before_its_nonce_is_closed() {
        let test = TestWorld::new();
        let failed = expired(&test);
        test.rail.fees_next([Err(unreachable()), Ok(None), Ok(Some(77_000))]);
        for _ in 0..2 {
            assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1, "not known yet");
        }
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 0);
        let kept = block_on(test.books.intent(failed.id)).unwrap().unwrap();
        assert_eq!(kept.attempts[0].fee_wei, Some(77_000));
        assert_eq!(block_on(test.books.gas_spent()).unwrap().lost_wei, 77_000);
    }

    #[test]
    fn a_nonce_whose_receipt_never_shows_is_closed_in_the_end() {
        let test = TestWorld::new();
        expired(&test);
        test.rail.fees_next([Ok(None)]);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
        test.clock.turn_ms(RECEIPT_WAIT_MS);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 0);
        assert_eq!(block_on(test.books.gas_spent()).unwrap(), crate::settlement::GasSpent::default(), "unknown is not a number");
    }

    /// A stranger settled it, and its launch is being created while our own transaction is not mined: the driver must not lose its guard.
    #[test]
    fn filling_a_nonce_takes_nothing_from_a_driver() {
        let test = TestWorld::new();
        test.rail.say_next([Say::SettledByStranger]);
        let signed = paid(&test, 1);
        let mut progress = Progress::live();
        let moved = block_on(crate::checkout::drive(&test.world, signed.clone(), &mut progress)).unwrap();
        let crate::checkout::Step::Moved(forwarding) = moved else { panic!("{moved:?}") };
        test.rail.nonce_used_next([Ok(false)]);
        test.clock.turn_ms(VOID_AFTER_MS);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
        let sent = signed.attempts[0].tx_hash;
        assert_eq!(test.rail.sends(), [sent, sent], "its own transfer uses the nonce, and reverts");
        let done = block_on(run(&test.world, forwarding, progress)).unwrap();
        assert_eq!(done.state, State::Created);
        assert_eq!(block_on(close_nonces(&test.world)).unwrap(), 1);
        let void = block_on(test.books.intent(done.id)).unwrap().unwrap().attempts.pop().unwrap();
        assert_eq!((void.kind, test.rail.sends().last()), (AttemptKind::Void, Some(&void.tx_hash)));
    }

    #[test]
    fn entitlements_past_their_deadline_are_due() {
        let test = TestWorld::new();
        test.upstream.answer_next([crate::testing::upstream::refused()]);
        let rejected = block_on(run(&test.world, paid(&test, 1), Progress::live())).unwrap();
        assert_eq!(rejected.state, State::Rejected);
        assert_eq!(block_on(expire_entitlements(&test.world)).unwrap(), 0);
        test.clock.turn_ms(test.world.settings.entitlement_ms);
        assert_eq!(block_on(expire_entitlements(&test.world)).unwrap(), 1);
    }
}
