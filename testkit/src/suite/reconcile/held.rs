//! What the books say they hold: receipts, settlements, launches, unfinished work.

use payments::{
    agent::Wallet,
    intent::State,
    money::UsdcUnits,
    ports::{LogPlace, ReceiptKind, ReceiptNote, Receiver},
    settlement::{ChainHash, PaymentFailure},
    time::UnixMs,
};

use super::{
    super::{Draft, created, funded, new},
    AT, CHAIN, Compared, balance, id, receipt, turn,
};

/// From suspense to a debt when its authorization is known, and away when the chain took it back.
pub async fn a_receipt_is_booked_once_and_corrected_by_further_postings(books: &dyn Compared) {
    let fence = turn(books).await;
    let owed = "liab:refund_due:wallet:0x0707070707070707070707070707070707070707";
    let standing = async || {
        (
            balance(books, "asset:usdc_hot").await,
            balance(books, owed).await,
            balance(books, "suspense:unmatched").await,
        )
    };
    let (unmatched, unearned) =
        (receipt(1, Some(ReceiptKind::Unmatched)), receipt(1, Some(ReceiptKind::Unearned)));
    for changed in [1, 0] {
        assert_eq!(
            books.note_receipts(fence, std::slice::from_ref(&unmatched), AT).await.unwrap(),
            changed
        );
        assert_eq!(standing().await, (550_000, 0, -550_000));
    }
    // Another name makes no other receipt of the same log.
    let renamed = ReceiptNote { id: id(999), ..unearned.clone() };
    assert_eq!(books.note_receipts(fence, &[renamed], AT).await.unwrap(), 1);
    assert_eq!(standing().await, (550_000, -550_000, 0));
    assert_eq!(books.receipts_in(CHAIN, 50, 50).await.unwrap(), std::slice::from_ref(&unearned));
    assert_eq!(books.receipts_in(CHAIN, 51, 99).await.unwrap(), []);
    let away = ReceiptNote { kind: None, ..unearned.clone() };
    for changed in [1, 0] {
        assert_eq!(
            books.note_receipts(fence, std::slice::from_ref(&away), AT).await.unwrap(),
            changed
        );
        assert_eq!(standing().await, (0, 0, 0));
    }
    assert_eq!(books.receipts_in(CHAIN, 50, 50).await.unwrap(), []);
    assert_eq!(
        books
            .note_receipts(fence, &[ReceiptNote { block_number: 52, ..unearned }], AT)
            .await
            .unwrap(),
        1,
        "it is back"
    );
    assert_eq!(
        (standing().await, books.receipts_in(CHAIN, 52, 52).await.unwrap().len()),
        ((550_000, -550_000, 0), 1)
    );
}

/// What came after the block is left out; what is not booked yet is said.
pub async fn what_the_address_should_hold_follows_settlements_and_receipts(books: &dyn Compared) {
    let fence = turn(books).await;
    let draft = Draft::numbered(1);
    let intent = funded(books, &new(books, &draft).await, draft.at).await;
    let block = intent.transfer_proof().unwrap().block_number;
    let chain_id = draft.authorization().chain_id;
    let later = ReceiptNote {
        chain_id,
        block_number: block + 5,
        ..receipt(1, Some(ReceiptKind::Unmatched))
    };
    books.note_receipts(fence, std::slice::from_ref(&later), AT).await.unwrap();
    let unseen = LogPlace { tx_hash: ChainHash([9; 32]), log_index: 1 };
    let asked = [(later.place, later.value), (unseen, UsdcUnits::new(7))];
    let price = i64::try_from(intent.transfer.as_ref().unwrap().value.get()).unwrap();
    for (until, expected) in
        [(block - 1, 0), (block, price), (block + 4, price), (block + 5, price + 550_000)]
    {
        let holdings = books.holdings(chain_id, until, &asked).await.unwrap();
        assert_eq!(
            (holdings.journal_minor, holdings.unbooked_minor),
            (expected, 7),
            "until {until}"
        );
    }
}

/// For a read, for a payment, for nothing.
pub async fn an_authorization_is_known_by_what_it_was_claimed_for(books: &dyn Compared) {
    let (read, paid, other) = (Draft::numbered(1), Draft::numbered(2), Draft::numbered(3));
    books.claim_identities(&[read.identity()]).await.unwrap();
    let claimed = books.claimed(&read.authorization()).await.unwrap().unwrap();
    assert_eq!((claimed.pays, claimed.intent, claimed.settled), (false, None, false));
    let signed = new(books, &paid).await;
    let claimed = books.claimed(&paid.authorization()).await.unwrap().unwrap();
    assert_eq!(
        (claimed.pays, claimed.intent, claimed.settled),
        (true, Some((signed.id, State::Signed)), false)
    );
    funded(books, &signed, paid.at).await;
    assert!(books.claimed(&paid.authorization()).await.unwrap().unwrap().settled);
    assert_eq!(books.claimed(&other.authorization()).await.unwrap(), None);
}

/// Those of another address are none of ours.
pub async fn a_settlement_is_listed_by_its_block_and_address(books: &dyn Compared) {
    let draft = Draft::numbered(1);
    assert_eq!(books.oldest_block().await.unwrap(), None);
    let intent = funded(books, &new(books, &draft).await, draft.at).await;
    let terms = intent.transfer.clone().unwrap();
    let to = Receiver {
        chain_id: terms.key.chain_id,
        token: terms.key.token,
        pay_to: terms.pay_to,
        refund_wallet: None,
    };
    let proof = intent.transfer_proof().unwrap().clone();
    let block = proof.block_number;
    let booked = books.transfers_in(&to, block, block).await.unwrap();
    let [one] = booked.as_slice() else { panic!("{booked:?}") };
    assert_eq!(
        (one.intent, &one.proof, one.from, one.amount, one.is_final),
        (intent.id, &proof, terms.key.from, terms.value, false)
    );
    assert_eq!(books.transfer_of(intent.id).await.unwrap().as_ref(), Some(one));
    assert_eq!(books.transfers_in(&to, block + 1, block + 9).await.unwrap(), []);
    let elsewhere = Receiver { pay_to: Wallet::new([9; 20]), ..to };
    assert_eq!(books.transfers_in(&elsewhere, block, block).await.unwrap(), []);
    assert_eq!(books.oldest_block().await.unwrap(), Some(terms.claimed_at_block));
}

/// By pages, each intent once.
pub async fn launches_are_listed_in_the_order_of_their_change(books: &dyn Compared) {
    let mut ids = Vec::new();
    for number in 1..=3 {
        let draft = Draft::numbered(number);
        let done = created(
            books,
            &funded(books, &new(books, &draft).await, draft.at).await,
            draft.at.plus_s(9),
        )
        .await;
        ids.push((done.id, done.updated_at));
    }
    new(books, &Draft::numbered(4)).await;
    ids.sort_by_key(|(id, at)| (*at, *id));
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = books.created_since(UnixMs::new(0), after, 2).await.unwrap();
        after = page.last().map(|launch| launch.intent);
        listed.extend(page.iter().map(|launch| launch.intent));
        if page.len() < 2 {
            break;
        }
    }
    assert_eq!(listed, ids.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    let newest = ids.last().unwrap();
    assert_eq!(books.created_since(newest.1.plus_ms(1), None, 9).await.unwrap(), []);
    let launch = books.launch_of(&newest.0.to_string()).await.unwrap().unwrap();
    assert_eq!(
        (launch.intent, launch.state, launch.launch_id),
        (newest.0, State::Created, Some(format!("launch of {}", newest.0)))
    );
    assert_eq!(books.launch_of("nobody").await.unwrap(), None);
}

/// With what its deadline is counted from.
pub async fn unfinished_work_is_listed_and_finished_work_is_not(books: &dyn Compared) {
    let (open, failed) = (Draft::numbered(1), Draft::numbered(2));
    let signed = new(books, &open).await;
    let done = new(books, &failed).await;
    books.apply(done.pay_failed(PaymentFailure::Expired, failed.at).unwrap()).await.unwrap();
    let transit = books.in_transit(open.at.plus_s(3_600), 9).await.unwrap();
    let [one] = transit.as_slice() else { panic!("{transit:?}") };
    assert_eq!(
        (one.intent, one.state, one.created_at),
        (signed.id, State::Signed, signed.created_at)
    );
    assert_eq!(
        one.valid_before_unix_s,
        signed.transfer.as_ref().map(|terms| terms.valid_before_unix_s)
    );
    assert_eq!(books.in_transit(signed.created_at, 9).await.unwrap(), [], "it is too young");
}
