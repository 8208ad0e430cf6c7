//! The promises of [`ReconcileBooks`], one function each, on books that nobody else writes to.
//!
//! ```text
//! testkit::reconcile_suite!(block_on, make);
//! ```

mod findings;
mod held;

pub use findings::{
    a_finding_is_opened_once_and_closed_when_its_difference_is_gone,
    a_mark_is_kept_until_it_is_replaced, a_run_that_lost_its_turn_writes_nothing,
    one_run_has_the_turn_until_it_ends_or_dies,
    what_an_operator_closed_stays_closed_with_the_reason,
};
pub use held::{
    a_receipt_is_booked_once_and_corrected_by_further_postings,
    a_settlement_is_listed_by_its_block_and_address,
    an_authorization_is_known_by_what_it_was_claimed_for,
    launches_are_listed_in_the_order_of_their_change,
    unfinished_work_is_listed_and_finished_work_is_not,
    what_the_address_should_hold_follows_settlements_and_receipts,
};

use payments::{
    agent::Wallet,
    ids::PaymentId,
    money::UsdcUnits,
    ports::{
        Books, FindingKind, Found, LogPlace, NewRun, OpenFinding, ReceiptKind, ReceiptNote,
        ReconcileBooks, Source,
    },
    settlement::ChainHash,
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
