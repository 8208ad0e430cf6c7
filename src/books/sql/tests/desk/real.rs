//! Real money beside test money, and money that went back without us.

use payments::{
    charge::ChargeProof,
    intent::Intent,
    ports::{
        Books, CardBooks, ChargeFacts, ClaimKey, Claimed, NewClaim, Payment, RefundApproval,
        TransferPayment,
        desk::{DeskBooks, Page, PaymentFilter, PaymentRow, Standing},
    },
    proof::{PaymentKey, ProofKey},
    settlement::{Settlement, TransferTerms},
};
use testkit::{
    rail::by_transfer,
    suite::{Draft, charged_by},
    upstream::answer,
};

use super::{
    STEP_MS, Store, block_on,
    cards::{compensated, tell},
    claim, make, named,
};

/// Base, where a USDC is worth a dollar.
const BASE: u64 = 8_453;
const BASE_SEPOLIA: u64 = 84_532;

fn numbered(number: u64) -> Draft {
    Draft::numbered(number).later_ms(STEP_MS * i64::try_from(number).unwrap())
}

/// A claim by a transfer on this chain.
async fn transfer_on(books: &Store, chain_id: u64, number: u64) -> Intent {
    let draft = numbered(number);
    let key = PaymentKey { chain_id, ..draft.authorization() };
    let transfer = TransferTerms { key, ..draft.terms() };
    let claim = NewClaim {
        id: named(&draft),
        key: ClaimKey { proof: Some(ProofKey::Authorization(key)), idempotency: None },
        payment: Payment::Transfer(TransferPayment {
            transfer,
            chain_next_nonce: 0,
            preparer: &draft,
            queueing: draft.queueing(),
        }),
        ..draft.claim()
    };
    match books.claim(claim).await.unwrap() {
        Claimed::New(intent) => intent,
        other => panic!("{other:?}"),
    }
}

async fn settled(books: &Store, intent: Intent, settlement: Settlement) -> Intent {
    let at = intent.created_at.plus_ms(5);
    books.apply(intent.funded(settlement, at).unwrap()).await.unwrap()
}

async fn charged(books: &Store, livemode: bool, number: u64) -> Intent {
    let intent = claim(books, &numbered(number).by_card(number)).await;
    let Settlement::Charge(proof) = charged_by(&intent) else { panic!("a card is charged") };
    settled(books, intent, Settlement::Charge(ChargeProof { livemode, ..proof })).await
}

/// All that a filter shows, a row at a time.
async fn shown(books: &Store, filter: &PaymentFilter) -> Vec<PaymentRow> {
    let mut all: Vec<PaymentRow> = Vec::new();
    loop {
        let after = all.last().map(|row| row.id.parse().unwrap());
        let page = books.payments(filter, &Page { after, limit: 1 }).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// What a filter shows, oldest first, and what the sums say that it comes to: USD, USDC.
async fn told(books: &Store, filter: PaymentFilter) -> (Vec<String>, [i64; 2]) {
    let rows = shown(books, &filter).await;
    let sums = books.payment_sums(&filter).await.unwrap();
    assert_eq!(sums.payments, u64::try_from(rows.len()).unwrap(), "{filter:?}");
    let minor = |currency: &str| {
        sums.settled.iter().find(|sum| sum.currency == currency).map_or(0, |sum| sum.settled_minor)
    };
    (rows.into_iter().rev().map(|row| row.id).collect(), [minor("USD"), minor("USDC")])
}

fn ids<'i>(intents: impl IntoIterator<Item = &'i Intent>) -> Vec<String> {
    intents.into_iter().map(|intent| intent.id.to_string()).collect()
}

#[test]
fn real_money_is_told_from_test_money_on_both_rails() {
    block_on(async {
        let (books, _dir) = make().await;
        let mut transfers = Vec::new();
        for (number, chain) in [(1, BASE), (2, BASE_SEPOLIA), (3, 1), (4, BASE)] {
            let signed = transfer_on(&books, chain, number).await;
            let proof = by_transfer(signed.attempts[0].tx_hash, 21_000);
            transfers.push(settled(&books, signed, proof).await);
        }
        let [real, test, other_real, last] = transfers.as_slice() else { panic!("four") };
        let (real_charge, test_charge) =
            (charged(&books, true, 5).await, charged(&books, false, 6).await);
        // Nothing came of it yet, so that it is no money of any kind; nor is a free launch.
        transfer_on(&books, BASE, 7).await;
        claim(&books, &numbered(8).free()).await;
        let live = PaymentFilter { live: Some(true), ..PaymentFilter::default() };
        let all_real = ids([real, other_real, last, &real_charge]);
        assert_eq!(told(&books, live.clone()).await, (all_real.clone(), [60, 3 * 550_000]));
        let tests = PaymentFilter { live: Some(false), ..PaymentFilter::default() };
        assert_eq!(told(&books, tests.clone()).await, (ids([test, &test_charge]), [60, 550_000]));
        for row in shown(&books, &PaymentFilter::default()).await {
            let expected = row.settled_minor.map(|_| all_real.contains(&row.id));
            assert_eq!(row.live, expected, "{row:?}");
        }
        let filter = PaymentFilter { rail: Some("x402"), ..live.clone() };
        assert_eq!(told(&books, filter).await, (ids([real, other_real, last]), [0, 3 * 550_000]));
        let filter =
            PaymentFilter { rail: Some("mpp"), standing: Some(Standing::Settled), ..live.clone() };
        assert_eq!(told(&books, filter).await, (ids([&real_charge]), [60, 0]));
        let filter = PaymentFilter { since: Some(other_real.created_at), ..live.clone() };
        assert_eq!(told(&books, filter).await.0, ids([other_real, last, &real_charge]));
        let filter = PaymentFilter { payer: Some(real_charge.payer.clone()), ..live };
        assert_eq!(told(&books, filter).await.0, ids([&real_charge]));
        let filter = PaymentFilter { payer: Some(real_charge.payer.clone()), ..tests };
        assert_eq!(told(&books, filter).await.0, [""; 0]);
    });
}

#[test]
fn what_was_refunded_elsewhere_is_among_the_refunded_once() {
    block_on(async {
        let (books, _dir) = make().await;
        let all = |cents| ChargeFacts { refunded_cents: cents, ..ChargeFacts::default() };
        // In parts, at the processor's own page, of a launch that was delivered.
        let delivered = charged(&books, false, 1).await;
        let at = delivered.created_at.plus_ms(9);
        let delivered = books
            .apply(delivered.created(answer(201, "l"), String::from("l1"), at).unwrap())
            .await
            .unwrap();
        for cents in [20, 60] {
            tell(&books, delivered.id, &all(cents), at).await;
        }
        // By us, and told by the processor as well.
        let refused = compensated(&books, 2, 7).await;
        let approval = RefundApproval {
            intent: refused.id,
            reason: String::from("asked for"),
            via: "page",
            at,
            dry_run: false,
        };
        books.approve_refund(approval).await.unwrap();
        // The payer has its credit, and got the money beside it.
        let twice = compensated(&books, 3, 8).await;
        tell(&books, twice.id, &all(60), at).await;
        // Neither.
        charged(&books, false, 4).await;
        compensated(&books, 5, 9).await;
        let refunded =
            PaymentFilter { standing: Some(Standing::Refunded), ..PaymentFilter::default() };
        let (mut seen, sums) = told(&books, refunded.clone()).await;
        let mut expected = ids([&delivered, &refused, &twice]);
        seen.sort();
        expected.sort();
        assert_eq!((seen, sums), (expected, [180, 0]));
        let of_one = PaymentFilter { payer: Some(delivered.payer.clone()), ..refunded.clone() };
        assert_eq!(told(&books, of_one).await, (ids([&delivered]), [60, 0]));
        let by_wallet = PaymentFilter { rail: Some("x402"), ..refunded };
        assert_eq!(told(&books, by_wallet).await, (Vec::new(), [0, 0]));
    });
}
