//! One guarded update of one row, with all that belongs to it, or nothing.

use sha2::{Digest, Sha256};

use super::{
    Draft, assert_stale, created, everything, finality::sighting, funded, new, not_queued, reach,
};
use crate::{
    clock::numbered_id,
    rail::{attempt, by_transfer, proof},
    upstream::answer,
};
use payments::{
    intent::{Guard, Intent, State, Transition},
    ports::{Books, BooksError, Seen},
    settlement::{AttemptKind, ChainHash, PaymentFailure, Settlement},
    time::UnixMs,
};

/// Every change that the intent's state allows.
fn allowed(intent: &Intent, at: UnixMs) -> Vec<Transition> {
    let hash = ChainHash([9; 32]);
    [
        intent.submitted(at),
        intent.submit_unknown(at),
        intent.funded(by_transfer(hash, 0), at),
        intent.pay_failed(PaymentFailure::Cancelled, at),
        intent.core_unknown(at),
        intent.granted(at),
        intent.created(answer(201, "late"), String::from("late"), at),
        intent.refused(answer(422, "late"), at, at),
    ]
    .into_iter()
    .filter_map(Result::ok)
    .collect()
}

/// Every state; that of what waits for a signer last, because what is claimed after it waits too.
fn queued_last() -> impl Iterator<Item = State> {
    State::ALL.into_iter().rev()
}

/// What was written is what is read.
pub async fn every_state_is_reached_and_loaded_back_equal(books: &dyn Books) {
    for (number, state) in (1..).zip(queued_last()) {
        let draft = Draft::numbered(number).of_wallet(u8::try_from(number).unwrap());
        let intent = reach(books, &draft, state).await;
        assert_eq!(intent.state, state);
        assert_eq!(books.intent(draft.id()).await.unwrap(), Some(intent.clone()));
        let key =
            if intent.charge.is_some() { draft.clone().pack(number).key() } else { draft.key() };
        let known = books.known(&key).await.unwrap().unwrap();
        assert_eq!(known.intent.as_ref(), Some(&intent));
        assert_eq!(books.evidence(draft.id()).await.unwrap().unwrap().intent, intent);
        assert_eq!(
            intent.answer.is_some(),
            matches!(state, State::Created | State::Rejected | State::Released)
        );
        assert_eq!(intent.failure.is_some(), state == State::PayFailed);
        assert_eq!(intent.entitled_until.is_some(), state == State::Rejected);
        assert_eq!(intent.launch_id.is_some(), state == State::Created);
    }
}

/// Two drivers of one version: the second changes nothing, whatever it wanted.
pub async fn a_transition_is_applied_once(books: &dyn Books) {
    let mut number = 0;
    for state in queued_last().filter(|state| !state.is_terminal()) {
        for which in 0..7 {
            number += 1;
            let draft = Draft::numbered(number).of_wallet(u8::try_from(number).unwrap());
            let intent = reach(books, &draft, state).await;
            let changes = allowed(&intent, draft.at.plus_ms(50));
            let Some(first) = changes.get(which) else { continue };
            let settles = |change: &Transition| {
                matches!(change.change(), payments::intent::Change::Funded { .. })
            };
            let first =
                if settles(first) { own_settlement(&intent, draft.at) } else { first.clone() };
            let moved = books.apply(first.clone()).await.unwrap();
            assert_eq!((moved.state, moved.guard.version), (first.to(), intent.guard.version + 1));
            let before = everything(books, draft.id()).await;
            for late in changes.into_iter().chain([first]) {
                assert_stale(books.apply(late).await, draft.id());
            }
            assert_eq!(everything(books, draft.id()).await, before);
        }
    }
}

/// By its own transaction, or by a stranger's where it has none.
fn own_settlement(intent: &Intent, at: UnixMs) -> Transition {
    let own = intent.attempts.first().map(|attempt| attempt.tx_hash);
    let stranger = ChainHash(Sha256::digest(intent.id.to_string()).into());
    intent.funded(by_transfer(own.unwrap_or(stranger), 0), at).unwrap()
}

/// The lease went to somebody else, and the row is as it was.
pub async fn a_stale_fence_changes_nothing(books: &dyn Books) {
    // What waits for a signer is taken otherwise: see `a_late_settler_signs_nothing`.
    for (number, state) in (1..).zip(not_queued().filter(|state| !state.is_terminal())) {
        let draft = Draft::numbered(number);
        let old = reach(books, &draft, state).await;
        let now = draft.lease_until().plus_ms(1);
        let taken = books.take_stuck(now, now.plus_s(30), 100).await.unwrap();
        let taken = taken.into_iter().find(|intent| intent.id == draft.id()).unwrap();
        assert_eq!(
            taken,
            Intent { guard: Guard { fence: old.guard.fence + 1, ..old.guard }, ..old.clone() }
        );
        let before = everything(books, draft.id()).await;
        for late in allowed(&old, now) {
            assert_stale(books.apply(late).await, draft.id());
        }
        assert_stale(
            books
                .save_attempt(
                    draft.id(),
                    old.guard,
                    &attempt(AttemptKind::Void, draft.id(), 9, 9, now),
                )
                .await,
            draft.id(),
        );
        assert_eq!(everything(books, draft.id()).await, before);
    }
}

/// The right version and fence of a row that stands elsewhere.
pub async fn a_wrong_state_changes_nothing(books: &dyn Books) {
    let draft = Draft::numbered(1);
    let forwarding = reach(books, &draft, State::Forwarding).await;
    let before = everything(books, draft.id()).await;
    for state in [State::Signed, State::Submitted, State::SubmitUnknown, State::CoreUnknown] {
        for wrong in allowed(&Intent { state, ..forwarding.clone() }, draft.at) {
            assert_stale(books.apply(wrong).await, draft.id());
        }
    }
    assert_eq!(everything(books, draft.id()).await, before);
}

/// There is no row.
pub async fn an_unknown_intent_is_stale(books: &dyn Books) {
    let signed = new(books, &Draft::numbered(1)).await;
    let nobody = numbered_id(99);
    for state in [State::Signed, State::Forwarding] {
        for change in allowed(&Intent { id: nobody, state, ..signed.clone() }, signed.created_at) {
            assert_stale(books.apply(change).await, nobody);
        }
    }
    assert_eq!(books.trial_balance().await.unwrap(), []);
}

/// One log of the chain is one payment.
pub async fn one_log_settles_one_intent(books: &dyn Books) {
    let first = new(books, &Draft::numbered(1)).await;
    let second = new(books, &Draft::numbered(2)).await;
    let log = proof(first.attempts[0].tx_hash, 0);
    books
        .apply(first.funded(Settlement::Transfer(log.clone()), first.created_at).unwrap())
        .await
        .unwrap();
    let before = everything(books, second.id).await;
    let stolen = books
        .apply(second.funded(Settlement::Transfer(log.clone()), second.created_at).unwrap())
        .await;
    assert!(matches!(stolen, Err(BooksError::Unavailable(_))), "{stolen:?}");
    assert_eq!(everything(books, second.id).await, before);
    let same_transaction =
        payments::settlement::SettlementProof { log_index: log.log_index + 2, ..log };
    books
        .apply(second.funded(Settlement::Transfer(same_transaction), second.created_at).unwrap())
        .await
        .unwrap();
}

/// A replacement is saved before it is sent, by the driver alone.
pub async fn a_further_attempt_is_saved_under_the_guard(books: &dyn Books) {
    let signed = new(books, &Draft::numbered(1)).await;
    let raised = attempt(
        AttemptKind::Transfer,
        signed.id,
        signed.attempts[0].eoa_nonce,
        u128::MAX,
        signed.created_at.plus_s(16),
    );
    let saved = books.save_attempt(signed.id, signed.guard, &raised).await.unwrap();
    assert_eq!(saved.attempts, [signed.attempts[0].clone(), raised.clone()]);
    assert_eq!(saved.guard, Guard { version: signed.guard.version + 1, ..signed.guard });
    assert_eq!(saved.state, State::Signed);
    assert_eq!(books.intent(signed.id).await.unwrap(), Some(saved.clone()));
    let late = attempt(AttemptKind::Transfer, signed.id, 0, 7, signed.created_at.plus_s(17));
    assert_stale(books.save_attempt(signed.id, signed.guard, &late).await, signed.id);
    assert_stale(books.save_attempt(numbered_id(99), saved.guard, &late).await, numbered_id(99));
    assert_stale(books.apply(signed.submitted(signed.created_at).unwrap()).await, signed.id);
    let funded = books
        .apply(saved.funded(by_transfer(raised.tx_hash, 1), saved.updated_at).unwrap())
        .await
        .unwrap();
    assert_eq!(funded.transfer_proof().unwrap().tx_hash, raised.tx_hash);
}

/// A saved transaction is money to whoever reads it.
pub async fn what_could_move_money_is_wiped_at_the_end(books: &dyn Books) {
    for (number, state) in (1..).zip([State::Created, State::Rejected, State::PayFailed]) {
        let intent =
            reach(books, &Draft::numbered(number).of_wallet(u8::try_from(number).unwrap()), state)
                .await;
        assert_eq!(intent.attempts.len(), 1);
        if state != State::PayFailed {
            assert!(
                !intent.attempts[0].sealed_tx.is_empty(),
                "{state:?}: a reorganisation may still take the settlement back"
            );
            books.note_sightings(&[sighting(&intent, Seen::Final)]).await.unwrap();
        }
        let over = books.intent(intent.id).await.unwrap().unwrap();
        assert!(over.attempts[0].sealed_tx.is_empty(), "{state:?}");
    }
    let stranger = new(books, &Draft::numbered(8)).await;
    let stranger = books
        .apply(stranger.funded(by_transfer(ChainHash([8; 32]), 0), stranger.created_at).unwrap())
        .await
        .unwrap();
    let over = created(books, &stranger, stranger.updated_at).await;
    assert!(over.attempts[0].sealed_tx.is_empty(), "a stranger's settlement needs nothing of ours");
    let open = new(books, &Draft::numbered(9)).await;
    let forwarding = funded(books, &open, open.created_at).await;
    assert_eq!(
        forwarding.attempts[0].sealed_tx, open.attempts[0].sealed_tx,
        "kept while the intent is not terminal"
    );
}
