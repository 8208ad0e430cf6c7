//! Claimed transfers that wait for a signer.

use super::{Draft, assert_stale, everything, new};
use crate::{
    rail::{ACCOUNT, by_transfer},
    run::together,
};
use payments::{
    funding::FundingRefusal,
    ids::PaymentId,
    intent::{Guard, Intent, State},
    ports::{Books, ClaimRefusal, Claimed, PreparationError, QueuedPayment, SigningRound, ToSign},
    settlement::{ChainHash, PaymentFailure, queued_name},
    time::UnixMs,
};

const LIMIT: u32 = 64;

/// Takes what is queued, under a lease of half a minute.
async fn take(books: &dyn Books, now: UnixMs) -> Vec<QueuedPayment> {
    books.take_queued(now, now.plus_s(30), LIMIT).await.unwrap()
}

fn ids(taken: &[QueuedPayment]) -> Vec<PaymentId> {
    taken.iter().map(|queued| queued.intent.id).collect()
}

/// Signs these payments in one round, under the leases that are given.
async fn sign(
    books: &dyn Books,
    payments: &[(&Draft, Guard)],
    at: UnixMs,
) -> Result<Vec<Intent>, PreparationError> {
    let payments = payments.iter().map(|(draft, guard)| ToSign {
        id: draft.id(),
        guard: *guard,
        preparer: *draft,
    });
    let round =
        SigningRound { account: ACCOUNT, chain_next_nonce: 0, payments: payments.collect(), at };
    books.sign_queued(round).await.unwrap()
}

/// Signs whatever of these payments waits, in one round, and says how each of them stands then.
pub async fn signed_later(
    books: &dyn Books,
    drafts: &[Draft],
    chain_next_nonce: u64,
) -> Vec<Intent> {
    let now = drafts[0].at.plus_ms(1);
    let taken = take(books, now).await;
    let held = |queued: &QueuedPayment| {
        let draft = drafts.iter().find(|draft| draft.id() == queued.intent.id).unwrap();
        ToSign { id: draft.id(), guard: queued.intent.guard, preparer: draft }
    };
    let payments = taken.iter().map(held).collect();
    let round = SigningRound { account: ACCOUNT, chain_next_nonce, payments, at: now };
    assert_eq!(books.sign_queued(round).await.unwrap().unwrap().len(), taken.len());
    let mut intents = Vec::new();
    for draft in drafts {
        intents.extend(books.intent(draft.id()).await.unwrap());
    }
    intents
}

async fn next_nonce(books: &dyn Books) -> u64 {
    books.sequence(ACCOUNT, 0).await.unwrap().next_nonce
}

/// Each sealed authorization that waits, with its name.
async fn sealed_queued(books: &dyn Books) -> Vec<(String, Vec<u8>)> {
    let sealed = books.sealed(LIMIT).await.unwrap();
    let queued = sealed.into_iter().filter(|row| row.name.ends_with("/queued"));
    queued.map(|row| (row.name, row.bytes)).collect()
}

/// Claimed without a nonce; signed in one commit by whoever took it; driven from there as any other.
pub async fn a_queued_payment_is_signed_once_under_the_next_nonce(books: &dyn Books) {
    let draft = Draft::numbered(1).queued();
    let claimed = new(books, &draft).await;
    assert_eq!((claimed.state, claimed.attempts.len()), (State::Queued, 0));
    assert_eq!(books.intent(draft.id()).await.unwrap(), Some(claimed.clone()));
    assert_eq!(next_nonce(books).await, 0, "what waits holds no nonce");
    let row = (queued_name(draft.id()), draft.sealed_authorization());
    assert_eq!(sealed_queued(books).await, [row]);

    let taken = take(books, draft.at.plus_ms(1)).await;
    let guard = Guard { fence: claimed.guard.fence + 1, ..claimed.guard };
    let queued = QueuedPayment {
        intent: Intent { guard, ..claimed.clone() },
        sealed_authorization: draft.sealed_authorization(),
    };
    assert_eq!(taken, [queued]);
    assert_eq!(take(books, draft.at.plus_ms(2)).await, [], "the lease holds");

    let at = draft.at.plus_ms(3);
    let signed = sign(books, &[(&draft, guard)], at).await.unwrap();
    assert_eq!(books.intent(draft.id()).await.unwrap().as_ref(), signed.first());
    assert_eq!((signed[0].state, signed[0].attempts[0].eoa_nonce), (State::Signed, 0));
    assert_eq!(signed[0].guard, Guard { version: guard.version + 1, ..guard });
    assert_eq!(sealed_queued(books).await, []);
    let timeline = books.evidence(draft.id()).await.unwrap().unwrap().timeline;
    let words: Vec<&str> = timeline.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["claimed", "signed"]);

    assert_eq!(sign(books, &[(&draft, guard)], at).await, Ok(vec![]), "signed once");
    assert_eq!(next_nonce(books).await, 1);
    assert_eq!(take(books, draft.at.plus_s(60)).await, []);
    let log = by_transfer(signed[0].attempts[0].tx_hash, 0);
    books.apply(signed[0].funded(log, at).unwrap()).await.unwrap();
}

/// A round gives consecutive nonces to those whose guard holds, and none to the others.
pub async fn a_round_signs_what_it_still_holds_without_a_gap(books: &dyn Books) {
    let drafts: Vec<Draft> = (1..=5).map(|number| Draft::numbered(number).queued()).collect();
    for draft in &drafts {
        new(books, draft).await;
    }
    let now = drafts[0].at.plus_ms(1);
    let taken = take(books, now).await;
    let failed = taken[2].intent.pay_failed(PaymentFailure::NeverSent, now).unwrap();
    books.apply(failed).await.unwrap();
    let round: Vec<(&Draft, Guard)> =
        drafts.iter().zip(&taken).map(|(draft, queued)| (draft, queued.intent.guard)).collect();
    let signed = sign(books, &round, now).await.unwrap();
    let nonces: Vec<u64> = signed.iter().map(|intent| intent.attempts[0].eoa_nonce).collect();
    assert_eq!((signed.len(), next_nonce(books).await), (4, 4));
    assert!(nonces.iter().all(|nonce| *nonce < 4), "{nonces:?}");
    let next = new(books, &Draft::numbered(6).later_ms(2)).await;
    assert_eq!((next.state, next.attempts[0].eoa_nonce), (State::Signed, 4));
}

/// Settlers of two processes look at once: each payment goes to one of them, those first whose
/// authorization ends first.
pub async fn queued_payments_are_taken_once_and_the_most_urgent_first(books: &dyn Books) {
    let drafts: Vec<Draft> = (1..=9)
        .map(|number| Draft::numbered(number).queued().later_ms(-10_000 * number.cast_signed()))
        .collect();
    for draft in &drafts {
        new(books, draft).await;
    }
    let now = drafts[0].at.plus_ms(1);
    let first = books.take_queued(now, now.plus_s(30), 3).await.unwrap();
    assert_eq!(ids(&first), [drafts[8].id(), drafts[7].id(), drafts[6].id()]);
    let rounds = together((0..3).map(|_| books.take_queued(now, now.plus_s(30), 4))).await;
    let mut rest: Vec<PaymentId> =
        rounds.into_iter().flat_map(|taken| ids(&taken.unwrap())).collect();
    rest.sort();
    assert_eq!(rest, drafts[..6].iter().map(Draft::id).collect::<Vec<_>>());
}

/// A settler that was too slow signs nothing, and takes no nonce.
pub async fn a_late_settler_signs_nothing(books: &dyn Books) {
    let draft = Draft::numbered(1).queued();
    new(books, &draft).await;
    let slow = take(books, draft.at.plus_ms(1)).await;
    let fast = take(books, draft.at.plus_s(60)).await;
    let at = draft.at.plus_s(61);
    assert_eq!(sign(books, &[(&draft, slow[0].intent.guard)], at).await, Ok(vec![]));
    assert_eq!(next_nonce(books).await, 0);
    let late = slow[0].intent.pay_failed(PaymentFailure::NeverSent, at).unwrap();
    assert_stale(books.apply(late).await, draft.id());
    assert_eq!(sign(books, &[(&draft, fast[0].intent.guard)], at).await.unwrap().len(), 1);
}

/// Where payments wait, a later one waits behind them, and no more than may.
pub async fn a_claim_waits_behind_those_that_wait(books: &dyn Books) {
    let first = new(books, &Draft::numbered(1).queued()).await;
    let second = new(books, &Draft::numbered(2)).await;
    assert_eq!((first.state, second.state), (State::Queued, State::Queued));
    let full = Draft { queue_max: 2, ..Draft::numbered(3) };
    let refused = books.claim(full.claim()).await.unwrap();
    assert_eq!(refused, Claimed::Refused(ClaimRefusal::QueueFull));
    assert_eq!(books.intent(full.id()).await.unwrap(), None);
    assert_eq!(books.known(&full.key()).await.unwrap(), None, "its proof is good later");
    let free = new(books, &Draft { queue_max: 2, ..Draft::numbered(4).of_wallet(4) }.free()).await;
    assert_eq!(free.state, State::Forwarding, "what needs no signer waits for none");
}

/// The recovery loop leaves what is queued to the settlers, however old it is.
pub async fn what_is_queued_is_left_to_the_settlers(books: &dyn Books) {
    let draft = Draft::numbered(1).queued();
    new(books, &draft).await;
    let now = draft.at.plus_s(3_600);
    assert_eq!(books.take_stuck(now, now.plus_s(30), LIMIT).await.unwrap(), []);
    assert_eq!(books.take(draft.id(), now, now.plus_s(30)).await.unwrap(), None);
    let taken = take(books, now).await;
    books.release_lease(draft.id(), taken[0].intent.guard.fence).await.unwrap();
    assert_eq!(ids(&take(books, now).await), [draft.id()], "given back to the queue");
}

/// What waits may be settled by a stranger, or end unsent; what it takes to sign it is wiped then.
pub async fn a_queued_payment_may_be_paid_by_a_stranger_or_end_unsent(books: &dyn Books) {
    let (paid, unsent) = (Draft::numbered(1).queued(), Draft::numbered(2).queued());
    for draft in [&paid, &unsent] {
        new(books, draft).await;
    }
    let now = paid.at.plus_ms(1);
    let taken = take(books, now).await;
    let log = by_transfer(ChainHash([9; 32]), 0);
    let funded = books.apply(taken[0].intent.funded(log, now).unwrap()).await.unwrap();
    let failed = taken[1].intent.pay_failed(PaymentFailure::NeverSent, now).unwrap();
    let failed = books.apply(failed).await.unwrap();
    assert_eq!((funded.state, failed.state), (State::Forwarding, State::PayFailed));
    for intent in [funded, failed] {
        assert_eq!(books.intent(intent.id).await.unwrap(), Some(intent));
    }
    assert_eq!(sealed_queued(books).await, []);
    assert_eq!(next_nonce(books).await, 0);
}

/// The balance that a queued payment will take is promised.
pub async fn a_queued_payment_holds_its_part_of_the_balance(books: &dyn Books) {
    let beside = |number| Draft { beside_price_units: 0, ..Draft::numbered(number) };
    new(books, &beside(1).queued()).await;
    let second = books.claim(beside(2).claim()).await.unwrap();
    let refusal = ClaimRefusal::Funding(FundingRefusal::BalancePromised);
    assert_eq!(second, Claimed::Refused(refusal));
}

/// A signer without gas leaves the queue as it was, and nothing more waits for it.
pub async fn a_round_that_cannot_be_signed_changes_nothing(books: &dyn Books) {
    let drafts = [Draft::numbered(1).queued(), Draft::numbered(2).queued()];
    for draft in &drafts {
        new(books, draft).await;
    }
    let now = drafts[0].at.plus_ms(1);
    let taken = take(books, now).await;
    let no_gas = |draft: &Draft| Draft {
        preparation_fails: Some(PreparationError::OutOfGas),
        ..draft.clone()
    };
    let poor = no_gas(&drafts[1]);
    let guards = taken.iter().map(|queued| queued.intent.guard);
    let round: Vec<(&Draft, Guard)> = [&drafts[0], &poor].into_iter().zip(guards).collect();
    let before = everything(books, drafts[0].id()).await;
    assert_eq!(sign(books, &round, now).await, Err(PreparationError::OutOfGas));
    assert_eq!(everything(books, drafts[0].id()).await, before);
    assert_eq!((next_nonce(books).await, sealed_queued(books).await.len()), (0, 2));

    let third = no_gas(&Draft::numbered(3));
    let refusal = ClaimRefusal::Preparation(PreparationError::OutOfGas);
    assert_eq!(books.claim(third.claim()).await.unwrap(), Claimed::Refused(refusal));
}
