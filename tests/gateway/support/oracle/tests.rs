//! A judge that never finds anything wrong would be worth nothing.

use serde_json::{Value, json};

use super::{Books, Line};

fn lines(rows: Value) -> Vec<Line> {
    serde_json::from_value(rows).unwrap()
}

#[test]
#[should_panic(expected = "journal transactions that are not zero")]
fn a_journal_that_does_not_balance_is_found() {
    let journal = lines(json!([
        {"txn_id": "t", "account": "asset:usdc_hot", "currency": "USDC", "amount": "550000"},
        {"txn_id": "t", "account": "rev:launch", "currency": "USD", "amount": -550000},
    ]));
    let books = Books { journal, ..Books::default() };
    books.journal_sums_to_zero();
}

#[test]
#[should_panic(expected = "settled twice")]
fn an_authorization_settled_twice_is_found() {
    let row = |hash: &str, nonce: &str| json!({"chain_id": 84532, "asset": "0xA", "from_addr": "0xB", "nonce": nonce, "tx_hash": hash, "log_index": 1});
    let settlements = lines(json!([row("0x1", "0xAB"), row("0x2", "0xab")]));
    let books = Books { settlements, ..Books::default() };
    books.one_settlement_per_authorization();
}

#[test]
#[should_panic(expected = "a slot used twice")]
fn a_slot_used_twice_is_found() {
    let slot = json!({"wallet": "0xb", "month": "2026-11", "slot": 5, "intent_id": "i"});
    let slots = lines(json!([slot, slot]));
    let books = Books { slots, ..Books::default() };
    books.slots_and_credits_are_within_bounds();
}

#[test]
#[should_panic(expected = "used entitlements differ")]
fn a_launch_by_an_entitlement_that_was_not_used_is_found() {
    let created = json!({"id": "i", "state": "created", "core_key": "k", "launch_id": "l", "funding": "entitlement"});
    let books = Books { intents: lines(json!([created])), ..Books::default() };
    books.launches_are_funded();
}

#[test]
#[should_panic(expected = "paid, not delivered, not owed")]
fn a_payment_without_a_launch_is_found() {
    let settlements = lines(json!([{"intent_id": "i"}]));
    let intents = lines(json!([{"id": "i", "state": "rejected"}]));
    let books = Books { settlements, intents, ..Books::default() };
    books.every_payment_is_delivered_or_owed();
}
