//! Settlements until nothing can take them back.

use super::{Draft, created, funded, new};
use crate::{
    rail::{ACCOUNT, CHAIN_ID, FEE_WEI, attempt, by_transfer, proof},
    wallet::LAUNCH_PRICE,
};
use payments::{
    funding::FundingRefusal,
    ids::PaymentId,
    intent::Intent,
    ports::{Books, ClaimRefusal, Claimed, JournalLine, SETTLEMENT_LOST, Seen, Sighting},
    settlement::{AttemptKind, ChainHash, Settlement, SettlementProof},
    time::UnixMs,
};

/// A look at the intent's settlement as it is booked, to be repeated after a minute.
pub(super) fn sighting(intent: &Intent, seen: Seen) -> Sighting {
    let at = intent.updated_at.plus_s(60);
    let booked_in = intent.transfer_proof().unwrap().block_hash;
    Sighting { intent: intent.id, booked_in, seen, at, next_at: at.plus_s(60) }
}

async fn paid(books: &dyn Books, number: u64) -> Intent {
    let draft = Draft::numbered(number);
    created(books, &funded(books, &new(books, &draft).await, draft.at).await, draft.at).await
}

async fn due(books: &dyn Books, at: UnixMs) -> Vec<PaymentId> {
    books
        .recent_settlements(CHAIN_ID, at, 64)
        .await
        .unwrap()
        .iter()
        .map(|intent| intent.id)
        .collect()
}

async fn settlement(books: &dyn Books, id: PaymentId) -> SettlementProof {
    books.intent(id).await.unwrap().unwrap().transfer_proof().cloned().unwrap()
}

/// At once, then at the time that the last look named; a final one never again.
pub async fn a_settlement_is_looked_at_when_it_is_due_until_it_is_final(books: &dyn Books) {
    new(books, &Draft::numbered(1)).await;
    let (first, second) = (paid(books, 2).await, paid(books, 3).await);
    assert_eq!(due(books, first.updated_at).await, [first.id, second.id]);
    assert_eq!(
        books.recent_settlements(CHAIN_ID, first.updated_at, 1).await.unwrap(),
        std::slice::from_ref(&first),
        "whole, and no more than asked for"
    );
    let look = sighting(&first, Seen::Same { stands: true });
    books.note_sightings(std::slice::from_ref(&look)).await.unwrap();
    assert_eq!(due(books, look.next_at.plus_ms(-1)).await, [second.id]);
    assert_eq!(due(books, look.next_at).await, [second.id, first.id], "the longest due first");
    books
        .note_sightings(&[sighting(&first, Seen::Final), sighting(&second, Seen::Final)])
        .await
        .unwrap();
    assert_eq!(due(books, look.next_at.plus_s(86_400)).await, []);
    books.note_sightings(&[sighting(&first, Seen::Lost { detail: "late" })]).await.unwrap();
    assert_eq!(books.evidence(first.id).await.unwrap().unwrap().findings, [], "final is final");
}

/// A stranger settled it, and our nonce is still to be emptied: at the fee's cap no other void can
/// take the place of the one that was signed.
pub async fn a_void_keeps_its_bytes_until_its_nonce_is_closed(books: &dyn Books) {
    let signed = new(books, &Draft::numbered(1)).await;
    let at = signed.created_at;
    let settled =
        books.apply(signed.funded(by_transfer(ChainHash([7; 32]), 0), at).unwrap()).await.unwrap();
    let settled = created(books, &settled, at).await;
    let void = attempt(AttemptKind::Void, settled.id, settled.attempts[0].eoa_nonce, 2_000, at);
    let settled = books.save_attempt(settled.id, settled.guard, &void).await.unwrap();
    books.note_sightings(&[sighting(&settled, Seen::Final)]).await.unwrap();
    let kept = books.intent(settled.id).await.unwrap().unwrap();
    assert_eq!(
        kept.attempts.iter().map(|attempt| attempt.sealed_tx.is_empty()).collect::<Vec<_>>(),
        [true, false]
    );
    books.close_nonce(ACCOUNT, void.eoa_nonce).await.unwrap();
    let closed = books.intent(settled.id).await.unwrap().unwrap();
    assert!(closed.attempts.iter().all(|attempt| attempt.sealed_tx.is_empty()));
}

/// The same row with its new place; the state, the answer and the postings stay.
pub async fn a_settlement_that_moved_is_updated_in_its_place(books: &dyn Books) {
    let intent = paid(books, 1).await;
    let before = books.evidence(intent.id).await.unwrap().unwrap();
    let booked = intent.transfer_proof().cloned().unwrap();
    let elsewhere = SettlementProof {
        block_number: 105,
        block_hash: ChainHash([9; 32]),
        log_index: 7,
        ..booked
    };
    books.note_sightings(&[sighting(&intent, Seen::Moved(elsewhere.clone()))]).await.unwrap();
    let after = books.evidence(intent.id).await.unwrap().unwrap();
    assert_eq!(
        after.intent,
        Intent { settlement: Some(Settlement::Transfer(elsewhere)), ..before.intent }
    );
    assert_eq!(
        (after.journal, after.timeline, after.findings),
        (before.journal, before.timeline, Vec::new())
    );
}

/// Opened once, told what is done about it, closed when it stands again, and opened again when it
/// goes again. The nonce of our own transaction is open for as long, so that no gap holds up the
/// signer.
pub async fn a_lost_settlement_is_one_finding_and_opens_its_nonce_until_it_is_back(
    books: &dyn Books,
) {
    let intent = paid(books, 1).await;
    let finding = async || books.evidence(intent.id).await.unwrap().unwrap().findings;
    let open = async || {
        books
            .open_nonces(ACCOUNT, 64)
            .await
            .unwrap()
            .iter()
            .map(|open| open.intent.id)
            .collect::<Vec<_>>()
    };
    assert_eq!((finding().await, open().await), (Vec::new(), Vec::new()));
    let lost = sighting(&intent, Seen::Lost { detail: "sent again" });
    books.note_sightings(std::slice::from_ref(&lost)).await.unwrap();
    let later = Sighting {
        at: lost.at.plus_s(5),
        seen: Seen::Lost { detail: "cannot be sent" },
        ..lost.clone()
    };
    books.note_sightings(&[later]).await.unwrap();
    let [found] = finding().await.try_into().unwrap();
    assert_eq!(
        (found.kind.as_str(), found.key.as_str()),
        (SETTLEMENT_LOST, intent.id.to_string().as_str())
    );
    assert_eq!(
        (found.detail.as_str(), found.opened_at, found.closed_at),
        ("cannot be sent", lost.at.rfc3339(), None)
    );
    assert_eq!(open().await, [intent.id]);
    assert_eq!(
        settlement(books, intent.id).await,
        intent.transfer_proof().cloned().unwrap(),
        "what was counted is not forgotten"
    );
    let again = proof(intent.attempts[0].tx_hash, FEE_WEI);
    let again = SettlementProof { block_hash: ChainHash([9; 32]), ..again };
    let back = Sighting { at: lost.at.plus_s(10), ..sighting(&intent, Seen::Moved(again)) };
    books.note_sightings(std::slice::from_ref(&back)).await.unwrap();
    let [found] = finding().await.try_into().unwrap();
    assert_eq!((found.closed_at, open().await), (Some(back.at.rfc3339()), Vec::new()));
    let moved = books.intent(intent.id).await.unwrap().unwrap();
    assert!(!moved.attempts[0].sealed_tx.is_empty(), "it may have to be sent once more");
    let lost_again = Sighting {
        at: lost.at.plus_s(20),
        ..sighting(&moved, Seen::Lost { detail: "sent again" })
    };
    books.note_sightings(std::slice::from_ref(&lost_again)).await.unwrap();
    let [found] = finding().await.try_into().unwrap();
    assert_eq!((found.opened_at, found.closed_at), (lost_again.at.rfc3339(), None));
    assert_eq!(open().await, [intent.id]);
    books.close_nonce(ACCOUNT, intent.attempts[0].eoa_nonce).await.unwrap();
    let closed = books.intent(intent.id).await.unwrap().unwrap();
    assert!(
        !closed.attempts[0].sealed_tx.is_empty(),
        "a nonce is used by a transaction that may go once more"
    );
    books.note_sightings(&[sighting(&moved, Seen::Same { stands: true })]).await.unwrap();
    assert!(finding().await[0].closed_at.is_some());
}

/// What is lost is booked as lost, once each time, and back when it is back; meanwhile its payer
/// gets nothing, free or paid.
pub async fn a_lost_settlement_is_booked_as_lost_and_serves_its_payer_nothing_until_it_is_back(
    books: &dyn Books,
) {
    let intent = paid(books, 1).await;
    let held = async || {
        let of = |lines: &[JournalLine], name: &str| {
            lines
                .iter()
                .filter(|line| line.account == name && line.currency == "USDC")
                .map(|line| line.amount)
                .sum::<i64>()
        };
        let lines = books.trial_balance().await.unwrap();
        (of(&lines, "asset:usdc_hot"), of(&lines, "exp:loss"))
    };
    let price = i64::try_from(LAUNCH_PRICE.get()).unwrap();
    let refused =
        Claimed::Refused(ClaimRefusal::Funding(FundingRefusal::SettlementLost(intent.id)));
    let mut at = intent;
    for round in 1..=2_u64 {
        assert_eq!(held().await, (price, 0));
        let lost = sighting(&at, Seen::Lost { detail: "sent again" });
        books.note_sightings(&[lost.clone(), lost]).await.unwrap();
        assert_eq!(held().await, (0, price));
        for free_tier in [false, true] {
            let next = Draft::numbered(10 * round);
            let next = if free_tier { next.free() } else { next };
            assert_eq!(books.claim(next.claim()).await.unwrap(), refused);
        }
        new(books, &Draft::numbered(10 * round + 1).of_wallet(2)).await;
        let again = proof(at.attempts[0].tx_hash, FEE_WEI);
        let block_hash = ChainHash([u8::try_from(round).unwrap() + 8; 32]);
        books
            .note_sightings(&[sighting(&at, Seen::Moved(SettlementProof { block_hash, ..again }))])
            .await
            .unwrap();
        at = books.intent(at.id).await.unwrap().unwrap();
        assert_eq!(held().await, (price, 0));
        new(books, &Draft::numbered(10 * round + 2)).await;
    }
}

/// Two replicas look at once: what the slower one saw was about a block that the row does not name
/// any more.
pub async fn a_look_at_another_block_than_the_booked_one_changes_nothing(books: &dyn Books) {
    let intent = paid(books, 1).await;
    for seen in
        [Seen::Final, Seen::Lost { detail: "gone" }, Seen::Moved(proof(ChainHash([3; 32]), 1))]
    {
        let stale = Sighting { booked_in: ChainHash([4; 32]), ..sighting(&intent, seen) };
        books.note_sightings(&[stale]).await.unwrap();
    }
    let evidence = books.evidence(intent.id).await.unwrap().unwrap();
    assert_eq!((&evidence.intent, evidence.findings), (&intent, Vec::new()));
    assert_eq!(due(books, intent.updated_at).await, [intent.id]);
}
