//! The signers' sequences: what was given out, what fills a hole, what is signed anew; and what
//! reverted payments cost.

use super::{Draft, assert_stale, created, funded, new};
use crate::{
    clock::START,
    rail::{ACCOUNT, CHAIN_ID, FEE_WEI, SIGNER, attempt},
    wallet::LAUNCH_PRICE,
    world::SETTINGS,
};
use payments::{
    funding::{FundingRefusal, PayTerms, RevertBounds},
    intent::{Guard, Intent},
    ports::{
        Books, ClaimRefusal, Claimed, FOREIGN_TRANSACTION, NewClaim, PreparationError, Preparer,
        Renewal, Resigning, Sequence, SigningAccount,
    },
    settlement::{Attempt, AttemptKind, PaymentFailure, seal_name},
};

const ELSEWHERE: SigningAccount = SigningAccount { chain_id: 8_453, address: SIGNER };

/// Signs what an intent signs anew, or does not.
struct Again(Option<PreparationError>);

impl Preparer for Again {
    fn signer(&self) -> payments::agent::Wallet {
        SIGNER
    }

    fn can_sign(&self) -> Result<(), PreparationError> {
        Ok(())
    }

    fn prepare(
        &self,
        id: payments::ids::PaymentId,
        eoa_nonce: u64,
        at: payments::time::UnixMs,
    ) -> Result<Attempt, PreparationError> {
        self.0.map_or_else(|| Ok(attempt(AttemptKind::Transfer, id, eoa_nonce, 3_000, at)), Err)
    }
}

async fn failed(books: &dyn Books, draft: &Draft, failure: PaymentFailure) -> Intent {
    let intent = new(books, draft).await;
    books.apply(intent.pay_failed(failure, draft.at).unwrap()).await.unwrap()
}

async fn nonces(books: &dyn Books, from: u64) -> Vec<(u64, bool)> {
    let sequence = books.sequence(ACCOUNT, from).await.unwrap();
    sequence.nonces.iter().map(|known| (known.eoa_nonce, known.open)).collect()
}

/// Each nonce once, however many transactions are under it, with the moment of the first.
pub async fn a_sequence_is_what_was_given_out_and_what_of_it_is_open(books: &dyn Books) {
    assert_eq!(books.sequence(ACCOUNT, 0).await.unwrap(), Sequence::default());
    let first = Draft { chain_next_nonce: 5, ..Draft::numbered(1) };
    let settled = funded(books, &new(books, &first).await, first.at).await;
    let waits = new(books, &Draft::numbered(2)).await;
    let raised = attempt(AttemptKind::Transfer, waits.id, 6, 9_000, waits.created_at.plus_s(20));
    books.save_attempt(waits.id, waits.guard, &raised).await.unwrap();
    assert_eq!(settled.attempts[0].eoa_nonce, 5);
    let sequence = books.sequence(ACCOUNT, 0).await.unwrap();
    assert_eq!((sequence.next_nonce, sequence.fills.len()), (7, 0));
    assert_eq!(nonces(books, 0).await, [(5, false), (6, true)]);
    assert_eq!(sequence.nonces[1].saved_at, waits.created_at, "of its first transaction");
    assert_eq!(nonces(books, 6).await, [(6, true)]);
    assert_eq!(
        (nonces(books, 7).await, books.sequence(ACCOUNT, 7).await.unwrap().next_nonce),
        (Vec::new(), 7)
    );
}

/// It is kept sealed, is work of its signer, and counts as gas of empty transactions.
pub async fn what_fills_a_hole_is_open_until_its_nonce_is_closed(books: &dyn Books) {
    let at = Draft::numbered(1).at;
    let nowhere = payments::ids::PaymentId::new(uuid::Uuid::nil());
    let (fill, raised) = (
        attempt(AttemptKind::Void, nowhere, 3, 1_000, at),
        attempt(AttemptKind::Void, nowhere, 3, 2_000, at.plus_s(20)),
    );
    books.save_fill(ACCOUNT, &fill).await.unwrap();
    books.save_fill(ACCOUNT, &raised).await.unwrap();
    assert_eq!(
        books.sequence(ACCOUNT, 9).await.unwrap().fills,
        [fill.clone(), raised.clone()],
        "whatever its nonce"
    );
    assert_eq!(books.sequence(ELSEWHERE, 0).await.unwrap(), Sequence::default());
    assert_eq!(books.signers_at_work().await.unwrap(), [(SIGNER, 1)]);
    let names: Vec<String> =
        books.sealed(9).await.unwrap().into_iter().map(|row| row.name).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&seal_name(fill.kind, fill.tx_hash)), "{names:?}");
    books.note_fees(&[(raised.tx_hash, 77)]).await.unwrap();
    books.close_nonce(ELSEWHERE, 3).await.unwrap();
    assert_eq!(books.sequence(ACCOUNT, 0).await.unwrap().fills.len(), 2, "another chain's nonce");
    books.close_nonce(ACCOUNT, 3).await.unwrap();
    assert_eq!(books.sequence(ACCOUNT, 0).await.unwrap().fills, []);
    assert_eq!(
        (books.gas_spent().await.unwrap().void_wei, books.sealed(9).await.unwrap().len()),
        (77, 0)
    );
    assert_eq!(books.signers_at_work().await.unwrap(), []);
    // One that is saved late, by a process that looked before, is open, and is closed in its turn.
    let late = attempt(AttemptKind::Void, nowhere, 3, 3_000, at.plus_s(40));
    books.save_fill(ACCOUNT, &late).await.unwrap();
    assert_eq!(books.sequence(ACCOUNT, 0).await.unwrap().fills, [late]);
    books.close_nonce(ACCOUNT, 3).await.unwrap();
    assert_eq!(
        (books.sequence(ACCOUNT, 0).await.unwrap().fills, books.sealed(9).await.unwrap().len()),
        (vec![], 0)
    );
}

/// The block that used it is gone, and so is what its transaction took.
pub async fn a_nonce_that_is_opened_again_has_cost_nothing(books: &dyn Books) {
    let reverted = failed(books, &Draft::numbered(1), PaymentFailure::Reverted).await;
    let nonce = reverted.attempts[0].eoa_nonce;
    books.note_fees(&[(reverted.attempts[0].tx_hash, FEE_WEI)]).await.unwrap();
    books.close_nonce(ACCOUNT, nonce).await.unwrap();
    books.reopen_nonce(ELSEWHERE, nonce).await.unwrap();
    assert_eq!(nonces(books, 0).await, [(nonce, false)], "another chain's nonce");
    books.reopen_nonce(ACCOUNT, nonce).await.unwrap();
    assert_eq!(nonces(books, 0).await, [(nonce, true)]);
    assert_eq!(books.gas_spent().await.unwrap().lost_wei, 0);
    let open = books.open_nonces(ACCOUNT, 9).await.unwrap();
    assert_eq!(
        open.iter().map(|open| (open.intent.id, open.eoa_nonce)).collect::<Vec<_>>(),
        [(reverted.id, nonce)]
    );
}

/// Under the guard, in one commit: the transaction, its nonce and the finding.
pub async fn a_payment_is_signed_anew_under_the_next_nonce_with_a_finding(books: &dyn Books) {
    let outrun = new(books, &Draft::numbered(1)).await;
    new(books, &Draft::numbered(2)).await;
    let at = outrun.created_at.plus_s(30);
    let renew = async |guard: Guard, refuses: Option<PreparationError>, chain_next_nonce| {
        let resigning = Resigning { preparer: Box::new(Again(refuses)), chain_next_nonce };
        let renewal = Renewal {
            account: ACCOUNT,
            resigning: &resigning,
            at,
            detail: String::from("another program"),
        };
        books.renew(outrun.id, guard, renewal).await
    };
    assert_eq!(
        renew(outrun.guard, Some(PreparationError::FeeAboveCap), 0).await.unwrap(),
        Err(PreparationError::FeeAboveCap)
    );
    assert_stale(renew(Guard { version: 9, ..outrun.guard }, None, 0).await, outrun.id);
    assert_eq!(books.sequence(ACCOUNT, 0).await.unwrap().next_nonce, 2, "nothing was given out");
    assert_eq!(books.evidence(outrun.id).await.unwrap().unwrap().findings, []);
    let renewed = renew(outrun.guard, None, 1).await.unwrap().unwrap();
    assert_eq!(
        renewed.attempts.iter().map(|attempt| attempt.eoa_nonce).collect::<Vec<_>>(),
        [0, 2]
    );
    assert_eq!((renewed.state, renewed.guard.version), (outrun.state, outrun.guard.version + 1));
    let again = renew(renewed.guard, None, 40).await.unwrap().unwrap();
    assert_eq!(
        again.attempts.last().map(|attempt| attempt.eoa_nonce),
        Some(40),
        "never below what the chain has seen"
    );
    assert_eq!(new(books, &Draft::numbered(3)).await.attempts[0].eoa_nonce, 41);
    let [found] = books.evidence(outrun.id).await.unwrap().unwrap().findings.try_into().unwrap();
    assert_eq!(
        (found.kind.as_str(), found.detail.as_str()),
        (FOREIGN_TRANSACTION, "another program")
    );
    let settled = funded(books, &again, at).await;
    created(books, &settled, at).await;
    let open: Vec<u64> =
        books.open_nonces(ACCOUNT, 9).await.unwrap().iter().map(|open| open.eoa_nonce).collect();
    assert_eq!(open, [0, 2], "each nonce that it lost, by itself");
}

/// Books that were taken to another chain: neither answers for the other.
pub async fn the_same_signer_on_another_chain_has_another_sequence(books: &dyn Books) {
    let here = failed(
        books,
        &Draft { chain_next_nonce: 7, ..Draft::numbered(1) },
        PaymentFailure::Expired,
    )
    .await;
    let there = Draft { chain_id: ELSEWHERE.chain_id, ..Draft::numbered(2) };
    let there = funded(books, &new(books, &there).await, there.at).await;
    let there = created(books, &there, there.updated_at).await;
    assert_eq!((here.attempts[0].eoa_nonce, there.attempts[0].eoa_nonce), (7, 0));
    let next = async |account| books.sequence(account, 0).await.unwrap().next_nonce;
    assert_eq!((next(ACCOUNT).await, next(ELSEWHERE).await), (8, 1));
    assert_eq!(books.open_nonces(ELSEWHERE, 9).await.unwrap(), []);
    assert_eq!(books.recent_settlements(CHAIN_ID, there.updated_at, 9).await.unwrap(), []);
    let looked: Vec<_> =
        books.recent_settlements(ELSEWHERE.chain_id, there.updated_at, 9).await.unwrap();
    assert_eq!(looked.iter().map(|intent| intent.id).collect::<Vec<_>>(), [there.id]);
    let same = failed(
        books,
        &Draft { chain_id: ELSEWHERE.chain_id, chain_next_nonce: 7, ..Draft::numbered(3) },
        PaymentFailure::Expired,
    )
    .await;
    books.close_nonce(ELSEWHERE, same.attempts[0].eoa_nonce).await.unwrap();
    assert_eq!(
        books.open_nonces(ACCOUNT, 9).await.unwrap().len(),
        1,
        "the nonce of that number is another one here"
    );
}

/// Counted in the claim: of the payer within an hour, and what those of all payers cost.
pub async fn payments_that_revert_stop_their_payer_and_in_the_end_all(books: &dyn Books) {
    let mut lost = Vec::new();
    for number in 1..=3 {
        lost.push(
            failed(books, &Draft::numbered(number), PaymentFailure::Reverted).await.attempts[0]
                .tx_hash,
        );
    }
    failed(books, &Draft::numbered(4).of_wallet(4), PaymentFailure::Expired).await;
    let refusal = async |draft: &Draft, gas_wei_per_hour| {
        let reverts = RevertBounds { gas_wei_per_hour, ..SETTINGS.reverts };
        let claim = draft.claim();
        let claim = NewClaim { pay_terms: PayTerms { reverts, ..claim.pay_terms }, ..claim };
        match books.claim(claim).await.unwrap() {
            Claimed::Refused(ClaimRefusal::Funding(refusal)) => Some(refusal),
            Claimed::New(_) => None,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refusal(&Draft::numbered(5), u128::MAX).await, Some(FundingRefusal::TooManyReverts));
    assert_eq!(
        refusal(&Draft::numbered(6).of_wallet(4), u128::MAX).await,
        None,
        "what expired moved nothing and cost nothing"
    );
    assert_eq!(
        refusal(&Draft::numbered(7).later_ms(3_600_001), u128::MAX).await,
        None,
        "an hour later"
    );
    // More than any one number of a database holds, as a sum.
    let each = 9_000_000_000_000_000_001;
    books.note_fees(&lost.iter().map(|hash| (*hash, each)).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(
        refusal(&Draft::numbered(8).of_wallet(8), 3 * each).await,
        Some(FundingRefusal::GasBudgetSpent)
    );
    assert_eq!(refusal(&Draft::numbered(9).of_wallet(9), 3 * each + 1).await, None);
}

/// A balance that the claim saw is promised once: to what is open, and to what is in a block that
/// the claim did not see.
pub async fn a_balance_is_promised_once(books: &dyn Books) {
    let price = LAUNCH_PRICE.get();
    let draft = |number| Draft { beside_price_units: price, ..Draft::numbered(number) };
    let first = new(books, &draft(1)).await;
    let second = new(books, &draft(2)).await;
    let refused = Claimed::Refused(ClaimRefusal::Funding(FundingRefusal::BalancePromised));
    assert_eq!(books.claim(draft(3).claim()).await.unwrap(), refused);
    new(books, &draft(4).of_wallet(4)).await;
    // In a block that the claim saw, it is in the balance; in a later one it is not.
    let settled = funded(books, &first, START).await;
    let block = settled.transfer_proof().unwrap().block_number;
    let seen_before = Draft { seen_at_block: block - 1, ..draft(5) };
    assert_eq!(books.claim(seen_before.claim()).await.unwrap(), refused);
    new(books, &Draft { seen_at_block: block, ..draft(6) }).await;
    assert_eq!(
        books.claim(Draft { seen_at_block: block, ..draft(7) }.claim()).await.unwrap(),
        refused
    );
    // What failed takes nothing.
    books.apply(second.pay_failed(PaymentFailure::Expired, START).unwrap()).await.unwrap();
    new(books, &Draft { seen_at_block: block, ..draft(8) }).await;
}
