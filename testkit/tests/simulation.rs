//! The seeded simulator with a fixed budget; the long run is `cargo run -p testkit --release
//! --example simulate`.
#![allow(clippy::unwrap_used)]

use testkit::sim::{counts::Counts, run, run_with_cards};

/// As many as fit into half a minute of an unoptimised build.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=120;

/// Fewer with cards, which have more to do.
const CARD_SEEDS: std::ops::RangeInclusive<u64> = 1..=20;

/// Seeds that once broke something, with what it was. A seed stands for its run only as long as the
/// simulator draws in the same order: each fault has a test of its own beside the rule.
const ONCE_BROKEN: [(u64, &str); 10] = [
    (325, "a retry after a crash paid twice"),
    (346, "a retry after a crash paid twice"),
    (499, "a retry after a crash paid twice"),
    (503, "a retry after a crash paid twice"),
    (543, "a retry after a crash paid twice"),
    (768, "a retry after a crash paid twice"),
    (861, "a retry after a crash paid twice"),
    (881, "a retry after a crash paid twice"),
    (2433, "a reorganisation took back the transaction that filled a nonce"),
    (
        9_506_035,
        "a client that waited at a process that is gone kept its queued payment from being joined",
    ),
];

#[test]
fn no_seed_breaks_an_invariant() {
    let mut total = Counts::default();
    for seed in SEEDS {
        match run(seed, false) {
            Ok(counts) => total += counts,
            Err(violation) => {
                panic!("{violation}; replay: --example simulate -- --seed {seed} --trace")
            }
        }
    }
    println!("{total}");
    let met = [
        total.free,
        total.paying,
        total.entitled,
        total.joined,
        total.settled,
        total.pay_failed,
        total.rejected,
        total.released,
    ];
    assert!(
        met.iter().all(|count| *count > 0),
        "the budget meets every way to fund and to fail: {total}"
    );
    let faults = [
        total.crashes,
        total.hang_ups,
        total.reorgs,
        total.strangers,
        total.chain_faults,
        total.books_faults,
        total.core_faults,
    ];
    assert!(faults.iter().all(|count| *count > 0), "and every kind of fault: {total}");
}

#[test]
fn no_seed_breaks_an_invariant_of_cards() {
    let mut total = Counts::default();
    for seed in CARD_SEEDS {
        match run_with_cards(seed, false) {
            Ok(counts) => total += counts,
            Err(violation) => {
                panic!("{violation}; replay: --example simulate -- --cards --seed {seed} --trace")
            }
        }
    }
    println!("{total}");
    let met = [
        total.by_card,
        total.on_credit,
        total.packs,
        total.charged,
        total.card_faults,
        total.joined,
        total.crashes,
    ];
    assert!(
        met.iter().all(|count| *count > 0),
        "the budget meets every way to pay by card: {total}"
    );
}

#[test]
fn what_was_broken_once_stays_mended() {
    for (seed, fault) in ONCE_BROKEN {
        if let Err(violation) = run(seed, false) {
            panic!("{fault}: {violation}");
        }
    }
}

#[test]
fn a_seed_replays_exactly() {
    assert_eq!(run(7, false).unwrap(), run(7, false).unwrap());
    assert_ne!(run(7, false).unwrap(), run(8, false).unwrap());
}
