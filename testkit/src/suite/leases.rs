//! Who drives which intent.

use super::{
    Draft, assert_stale, created, finality::sighting, funded, new, not_queued, reach, rejected,
};
use crate::{
    rail::{ACCOUNT, SIGNER, attempt, by_transfer},
    run::together,
};
use payments::{
    agent::Wallet,
    ids::PaymentId,
    intent::{Intent, State},
    ports::{Books, SealedRow, Seen, SigningAccount},
    settlement::{Attempt, AttemptKind, ChainHash, PaymentFailure, seal_name},
};

fn ids(intents: &[Intent]) -> Vec<PaymentId> {
    intents.iter().map(|intent| intent.id).collect()
}

/// The payments with an open nonce of this account.
async fn open(books: &dyn Books, account: SigningAccount, limit: u32) -> Vec<PaymentId> {
    books.open_nonces(account, limit).await.unwrap().iter().map(|open| open.intent.id).collect()
}

/// The recovery loop takes what nobody drives, and nobody else writes to it afterwards.
pub async fn only_expired_leases_are_taken_and_the_old_driver_writes_no_more(books: &dyn Books) {
    let (old, young) = (Draft::numbered(1), Draft::numbered(2).later_ms(1_000));
    let driven = new(books, &old).await;
    new(books, &young).await;
    let (over, until) = (old.lease_until().plus_ms(1), old.lease_until().plus_s(30));
    assert_eq!(books.take_stuck(old.lease_until(), until, 64).await.unwrap(), []);
    let taken = books.take_stuck(over, until, 64).await.unwrap();
    assert_eq!(ids(&taken), [old.id()]);
    assert_eq!(books.take_stuck(over, until, 64).await.unwrap(), [], "the new lease holds");
    assert!(!books.renew_lease(old.id(), driven.guard.fence, until).await.unwrap());
    assert_stale(books.apply(driven.submitted(over).unwrap()).await, old.id());
    let moved = books.apply(taken[0].submitted(over).unwrap()).await.unwrap();
    assert_eq!((moved.state, moved.guard.fence), (State::Submitted, driven.guard.fence + 1));
    let again = books.take_stuck(until.plus_ms(1), until.plus_s(30), 64).await.unwrap();
    assert_eq!(ids(&again).len(), 2);
}

/// Two replicas look at once: each intent goes to one of them.
pub async fn stuck_intents_are_taken_once_by_takers_at_once(books: &dyn Books) {
    let drafts: Vec<Draft> = (1..=12).map(Draft::numbered).collect();
    for draft in &drafts {
        new(books, draft).await;
    }
    let now = drafts[0].lease_until().plus_ms(1);
    let rounds = together((0..4).map(|_| books.take_stuck(now, now.plus_s(30), 5))).await;
    let rounds: Vec<Vec<PaymentId>> =
        rounds.into_iter().map(|taken| ids(&taken.unwrap())).collect();
    assert!(rounds.iter().all(|taken| taken.len() <= 5), "{rounds:?}");
    let mut all: Vec<PaymentId> = rounds.concat();
    all.sort();
    assert_eq!(all, drafts.iter().map(Draft::id).collect::<Vec<_>>());
}

/// A driver that was replaced keeps nothing.
pub async fn a_lease_is_kept_by_its_fence_alone(books: &dyn Books) {
    let draft = Draft::numbered(1);
    let driven = new(books, &draft).await;
    let (over, until) = (draft.lease_until().plus_ms(1), draft.lease_until().plus_s(20));
    assert!(!books.renew_lease(draft.id(), driven.guard.fence + 1, until).await.unwrap());
    assert!(books.renew_lease(draft.id(), driven.guard.fence, until).await.unwrap());
    assert_eq!(books.take_stuck(over, until, 64).await.unwrap(), []);
    assert_eq!(
        books.intent(draft.id()).await.unwrap(),
        Some(driven.clone()),
        "a lease is no write of the intent"
    );
    books.release_lease(draft.id(), driven.guard.fence + 1).await.unwrap();
    assert_eq!(books.take_stuck(over, until, 64).await.unwrap(), []);
    assert_eq!(
        ids(&books.take_stuck(until.plus_ms(1), until.plus_s(30), 64).await.unwrap()),
        [draft.id()]
    );
}

/// A driver that gives up does not make the recovery loop wait.
pub async fn a_released_lease_is_taken_at_once(books: &dyn Books) {
    let draft = Draft::numbered(1);
    let driven = new(books, &draft).await;
    books.release_lease(draft.id(), driven.guard.fence).await.unwrap();
    let taken = books.take_stuck(draft.at.plus_ms(1), draft.lease_until(), 64).await.unwrap();
    assert_eq!(ids(&taken), [draft.id()]);
}

/// Every transient state is taken, no terminal one.
pub async fn terminal_intents_are_never_taken(books: &dyn Books) {
    let mut transient = Vec::new();
    for (number, state) in (1..).zip(not_queued()) {
        let draft = Draft::numbered(number).of_wallet(u8::try_from(number).unwrap());
        reach(books, &draft, state).await;
        if !state.is_terminal() {
            transient.push(draft.id());
        }
    }
    let now = Draft::numbered(1).lease_until().plus_ms(1);
    let mut taken = ids(&books.take_stuck(now, now.plus_s(30), 64).await.unwrap());
    taken.sort();
    assert_eq!(taken, transient);
    assert_eq!(transient.len(), 6);
}

/// Our own settlement uses its nonce; any other end leaves it open until it is closed by name.
pub async fn nonces_stay_open_until_a_mined_transaction_uses_them(books: &dyn Books) {
    let settled =
        funded(books, &new(books, &Draft::numbered(1)).await, Draft::numbered(1).at).await;
    created(books, &settled, settled.updated_at).await;
    rejected(books, &Draft::numbered(2), Draft::numbered(2).at).await;
    new(books, &Draft::numbered(3)).await;
    assert_eq!(
        open(books, ACCOUNT, 64).await,
        [],
        "used by their own transfers, or still to be sent"
    );
    let failed = new(books, &Draft::numbered(4)).await;
    let failed = books
        .apply(failed.pay_failed(PaymentFailure::Expired, failed.created_at).unwrap())
        .await
        .unwrap();
    let stranger = new(books, &Draft::numbered(5)).await;
    let log = by_transfer(ChainHash([7; 32]), 0);
    let stranger = books.apply(stranger.funded(log, stranger.created_at).unwrap()).await.unwrap();
    created(books, &stranger, stranger.updated_at).await;
    assert_eq!(open(books, ACCOUNT, 64).await, [failed.id, stranger.id]);
    assert_eq!(open(books, ACCOUNT, 1).await, [failed.id]);
    let void = attempt(
        AttemptKind::Void,
        failed.id,
        failed.attempts[0].eoa_nonce,
        2_000,
        failed.updated_at,
    );
    let voided = books.save_attempt(failed.id, failed.guard, &void).await.unwrap();
    assert_eq!((voided.state, voided.attempts.last()), (State::PayFailed, Some(&void)));
    let other = SigningAccount { address: Wallet::new([0x52; 20]), ..ACCOUNT };
    assert_eq!(open(books, other, 64).await, [], "only its own signer can empty a nonce");
    books.close_nonce(other, void.eoa_nonce).await.unwrap();
    assert_eq!(open(books, ACCOUNT, 64).await, [failed.id, stranger.id], "another signer's nonce");
    books.close_nonce(ACCOUNT, void.eoa_nonce).await.unwrap();
    assert_eq!(open(books, ACCOUNT, 64).await, [stranger.id]);
    let closed = books.intent(failed.id).await.unwrap().unwrap();
    assert!(closed.attempts.iter().all(|attempt| attempt.sealed_tx.is_empty()));
}

/// A key may be dropped once its signer has nothing open, and nothing that a reorganisation could
/// take back.
pub async fn a_signer_is_at_work_until_nothing_of_it_is_open_or_can_be_taken_back(
    books: &dyn Books,
) {
    assert_eq!(books.signers_at_work().await.unwrap(), []);
    let settled =
        funded(books, &new(books, &Draft::numbered(1)).await, Draft::numbered(1).at).await;
    let settled = created(books, &settled, settled.updated_at).await;
    let failed = new(books, &Draft::numbered(2)).await;
    assert_eq!(
        books.signers_at_work().await.unwrap(),
        [(SIGNER, 2)],
        "one that may be taken back, one still to be sent"
    );
    let failed = books
        .apply(failed.pay_failed(PaymentFailure::Expired, failed.created_at).unwrap())
        .await
        .unwrap();
    let void = attempt(
        AttemptKind::Void,
        failed.id,
        failed.attempts[0].eoa_nonce,
        2_000,
        failed.updated_at,
    );
    books.save_attempt(failed.id, failed.guard, &void).await.unwrap();
    assert_eq!(
        books.signers_at_work().await.unwrap(),
        [(SIGNER, 2)],
        "two transactions under one nonce"
    );
    books.close_nonce(ACCOUNT, void.eoa_nonce).await.unwrap();
    assert_eq!(books.signers_at_work().await.unwrap(), [(SIGNER, 1)]);
    books.note_sightings(&[sighting(&settled, Seen::Final)]).await.unwrap();
    assert_eq!(books.signers_at_work().await.unwrap(), []);
}

/// What a lost seal key would mean can be counted: every row that is still needed, under the name
/// that it opens by.
pub async fn what_is_sealed_is_listed_until_it_is_wiped(books: &dyn Books) {
    assert!(books.sealed(9).await.unwrap().is_empty());
    let intent = new(books, &Draft::numbered(1)).await;
    let row = |attempt: &Attempt| SealedRow {
        name: seal_name(attempt.kind, attempt.tx_hash),
        bytes: attempt.sealed_tx.clone(),
    };
    assert!(books.sealed(9).await.unwrap() == [row(&intent.attempts[0])]);
    let other = new(books, &Draft::numbered(2)).await;
    assert_eq!(
        (books.sealed(9).await.unwrap().len(), books.sealed(1).await.unwrap().len()),
        (2, 1)
    );
    let other = books
        .apply(other.pay_failed(PaymentFailure::Expired, other.created_at).unwrap())
        .await
        .unwrap();
    books.close_nonce(ACCOUNT, other.attempts[0].eoa_nonce).await.unwrap();
    let settled = funded(books, &intent, intent.created_at).await;
    let settled = created(books, &settled, settled.updated_at).await;
    assert!(
        books.sealed(9).await.unwrap() == [row(&settled.attempts[0])],
        "a settlement that may be taken back is sent again"
    );
    books.note_sightings(&[sighting(&settled, Seen::Final)]).await.unwrap();
    assert!(books.sealed(9).await.unwrap().is_empty());
}
