//! The promises of [`ReconcileBooks`], one function each, on books that nobody else writes to.
//!
//! ```text
//! testkit::reconcile_suite!(block_on, make);
//! ```

use super::{Draft, created, funded, new};
use payments::{
    agent::Wallet,
    ids::PaymentId,
    intent::State,
    money::UsdcUnits,
    ports::{
        Books, BooksError, CloseFinding, CloseRefusal, FindingKind, Found, LogPlace, NewRun,
        OpenFinding, ReceiptKind, ReceiptNote, Receiver, ReconcileBooks, RunEnd, Source,
    },
    settlement::{ChainHash, PaymentFailure},
    time::UnixMs,
};

/// Makes a test of every promise. `$block_on` runs a future to its end; `$make` makes fresh books
/// and what must outlive them.
#[macro_export]
macro_rules! reconcile_suite {
    ($block_on:path, $make:path) => {
        $crate::books_suite! { @each $block_on, $make,
            one_run_has_the_turn_until_it_ends_or_dies
            a_run_that_lost_its_turn_writes_nothing
            a_mark_is_kept_until_it_is_replaced
            a_finding_is_opened_once_and_closed_when_its_difference_is_gone
            what_an_operator_closed_stays_closed_with_the_reason
            a_receipt_is_booked_once_and_corrected_by_further_postings
            what_the_address_should_hold_follows_settlements_and_receipts
            an_authorization_is_known_by_what_it_was_claimed_for
            a_settlement_is_listed_by_its_block_and_address
            launches_are_listed_in_the_order_of_their_change
            unfinished_work_is_listed_and_finished_work_is_not
        }
    };
}

/// Books that are compared.
pub trait Compared: Books + ReconcileBooks {}
impl<T: Books + ReconcileBooks> Compared for T {}

const AT: UnixMs = UnixMs::from_s(1_800_000_000);
const CHAIN: u64 = 84_532;

fn id(number: u128) -> PaymentId {
    PaymentId::new(uuid::Uuid::from_u128(number))
}

fn run(number: u128, at: UnixMs) -> NewRun {
    NewRun { id: id(number), scope: "recent", at, lease_until: at.plus_s(60) }
}

async fn turn(books: &dyn Compared) -> i64 {
    books.begin_run(&run(1, AT)).await.unwrap().unwrap()
}

fn found(key: &str) -> Found {
    let (kind, source) = (FindingKind::ExtraLaunch, Source::Core);
    Found {
        kind,
        key: key.to_owned(),
        source,
        subject: format!("key of {key}"),
        detail: format!("about {key}"),
    }
}

fn gone(found: &Found) -> OpenFinding {
    OpenFinding { kind: found.kind, key: found.key.clone(), subject: found.subject.clone() }
}

fn receipt(number: u8, kind: Option<ReceiptKind>) -> ReceiptNote {
    ReceiptNote {
        id: id(100 + u128::from(number)),
        chain_id: CHAIN,
        place: LogPlace { tx_hash: ChainHash([number; 32]), log_index: 2 },
        block_number: 50,
        from: Wallet::new([7; 20]),
        value: UsdcUnits::new(550_000),
        kind,
    }
}

async fn balance(books: &dyn Compared, account: &str) -> i64 {
    let lines = books.trial_balance().await.unwrap();
    lines.iter().filter(|line| line.account == account).map(|line| line.amount).sum()
}

/// Over all processes; a turn that is given back, or whose run is dead, goes to the next.
pub async fn one_run_has_the_turn_until_it_ends_or_dies(books: &dyn Compared) {
    let first = turn(books).await;
    assert_eq!(books.begin_run(&run(2, AT.plus_s(59))).await.unwrap(), None);
    assert!(books.keep_run(first, AT.plus_s(120)).await.unwrap());
    assert_eq!(books.begin_run(&run(2, AT.plus_s(61))).await.unwrap(), None, "it lives");
    let end = RunEnd { id: id(1), at: AT.plus_s(62), sources: Vec::new(), opened: 0, closed: 0 };
    books.end_run(first, &end).await.unwrap();
    let second = books.begin_run(&run(2, AT.plus_s(63))).await.unwrap().unwrap();
    let third = books.begin_run(&run(3, AT.plus_s(124))).await.unwrap().unwrap();
    assert!(first < second && second < third);
    assert!(!books.keep_run(second, AT.plus_s(999)).await.unwrap(), "it was taken for dead");
}

/// Neither findings nor marks nor receipts.
pub async fn a_run_that_lost_its_turn_writes_nothing(books: &dyn Compared) {
    let old = turn(books).await;
    books.begin_run(&run(2, AT.plus_s(61))).await.unwrap().unwrap();
    let refused = |outcome: Result<(), BooksError>| {
        assert!(matches!(outcome, Err(BooksError::Unavailable(_))), "{outcome:?}")
    };
    refused(books.set_mark(old, "a", "1").await);
    refused(books.note_findings(old, &[found("a")], &[], AT).await.map(drop));
    refused(
        books.note_receipts(old, &[receipt(1, Some(ReceiptKind::Unmatched))], AT).await.map(drop),
    );
    assert_eq!(books.mark("a").await.unwrap(), None);
    assert_eq!(
        (books.findings(true, 9).await.unwrap(), balance(books, "asset:usdc_hot").await),
        (Vec::new(), 0)
    );
}

/// By its name.
pub async fn a_mark_is_kept_until_it_is_replaced(books: &dyn Compared) {
    let fence = turn(books).await;
    for value in ["1", "2"] {
        books.set_mark(fence, "a", value).await.unwrap();
        assert_eq!(books.mark("a").await.unwrap().as_deref(), Some(value));
    }
    assert_eq!(books.mark("b").await.unwrap(), None);
}

/// It keeps its first moment while it is open, and opens again when the difference is back.
pub async fn a_finding_is_opened_once_and_closed_when_its_difference_is_gone(books: &dyn Compared) {
    let fence = turn(books).await;
    let (a, b) = (found("a"), found("b"));
    assert_eq!(books.note_findings(fence, &[a.clone(), b.clone()], &[], AT).await.unwrap(), (2, 0));
    let again = Found { detail: String::from("more of it"), ..a.clone() };
    assert_eq!(
        books.note_findings(fence, &[again], &[gone(&b)], AT.plus_s(1)).await.unwrap(),
        (0, 1)
    );
    let open = books.findings(false, 9).await.unwrap();
    let [one] = open.as_slice() else { panic!("{open:?}") };
    assert_eq!(
        (one.key.as_str(), one.detail.as_str(), one.opened_at.as_str()),
        ("a", "more of it", AT.rfc3339().as_str())
    );
    assert_eq!(books.open_findings(Source::Core).await.unwrap(), [gone(&a)]);
    assert_eq!(books.open_findings(Source::Chain).await.unwrap(), []);
    let all = books.findings(true, 9).await.unwrap();
    assert_eq!(all.iter().filter(|it| it.closed_at.is_some()).count(), 1);
    assert_eq!(
        books
            .note_findings(fence, std::slice::from_ref(&b), &[gone(&b)], AT.plus_s(2))
            .await
            .unwrap(),
        (1, 1)
    );
    assert_eq!(books.note_findings(fence, &[], &[gone(&b)], AT.plus_s(3)).await.unwrap(), (0, 0));
}

/// A dry run says the same and changes nothing.
pub async fn what_an_operator_closed_stays_closed_with_the_reason(books: &dyn Compared) {
    let fence = turn(books).await;
    let a = found("a");
    books.note_findings(fence, std::slice::from_ref(&a), &[], AT).await.unwrap();
    let close = CloseFinding {
        kind: a.kind,
        key: a.key.clone(),
        reason: String::from("looked at"),
        via: "cli",
        at: AT.plus_s(1),
        dry_run: true,
    };
    books.close_finding(&close).await.unwrap();
    assert_eq!(books.findings(false, 9).await.unwrap().len(), 1);
    let close = CloseFinding { dry_run: false, ..close };
    books.close_finding(&close).await.unwrap();
    assert!(matches!(books.close_finding(&close).await, Err(CloseRefusal::Closed)));
    let unknown = CloseFinding { key: String::from("b"), ..close.clone() };
    assert!(matches!(books.close_finding(&unknown).await, Err(CloseRefusal::Unknown)));
    let silence = CloseFinding { kind: FindingKind::CouldNotCheck, ..close };
    assert!(matches!(books.close_finding(&silence).await, Err(CloseRefusal::ByItselfOnly)));
    assert_eq!(books.note_findings(fence, &[a], &[], AT.plus_s(2)).await.unwrap(), (0, 0));
    let all = books.findings(true, 9).await.unwrap();
    assert_eq!(
        (all[0].closed_reason.as_deref(), all[0].closed_at.clone()),
        (Some("looked at"), Some(AT.plus_s(1).rfc3339()))
    );
}

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
