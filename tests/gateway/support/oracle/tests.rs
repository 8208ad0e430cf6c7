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
    let row = |hash: &str, nonce: &str| json!({"rail": "x402", "chain_id": 84532, "asset": "0xA", "from_addr": "0xB", "nonce": nonce, "tx_hash": hash, "log_index": 1});
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
    let settlements = lines(json!([{"intent_id": "i", "rail": "x402"}]));
    let intents = lines(json!([{"id": "i", "state": "rejected"}]));
    let books = Books { settlements, intents, ..Books::default() };
    books.every_payment_is_delivered_or_owed();
}

fn charged(id: &str, token: &str, amount: i64) -> Value {
    let metadata = json!({"gateway_payment_id": "pay_1"});
    json!({"id": id, "status": "succeeded", "amount_received": amount, "currency": "usd", "metadata": metadata, "shared_payment_granted_token": token})
}

fn card_books() -> Books {
    let intents = lines(
        json!([{"id": "pay_1", "state": "created", "price_minor": 60, "funding": "mpp_charge"}]),
    );
    let settlements = lines(
        json!([{"rail": "mpp", "intent_id": "pay_1", "stripe_pi": "pi_1", "amount_minor": 60}]),
    );
    Books { intents, settlements, ..Books::default() }
}

#[test]
fn a_charge_that_is_booked_is_in_order() {
    card_books()
        .charges_are_at_stripe(&[charged("pi_1", "spt_1", 60), json!({"status": "canceled"})]);
}

#[test]
#[should_panic(expected = "Stripe and the settlements differ")]
fn a_charge_that_nobody_booked_is_found() {
    card_books()
        .charges_are_at_stripe(&[charged("pi_1", "spt_1", 60), charged("pi_2", "spt_2", 60)]);
}

#[test]
#[should_panic(expected = "Stripe and the settlements differ")]
fn a_charge_of_another_amount_is_found() {
    card_books().charges_are_at_stripe(&[charged("pi_1", "spt_1", 50)]);
}

#[test]
#[should_panic(expected = "one token, two charges")]
fn a_token_that_paid_twice_is_found() {
    card_books()
        .charges_are_at_stripe(&[charged("pi_1", "spt_1", 60), charged("pi_2", "spt_1", 60)]);
}

#[test]
#[should_panic(expected = "card:a")]
fn credits_that_the_journal_does_not_know_are_found() {
    let credits = lines(json!([{"payer": "card:a", "balance": 20}]));
    let journal = lines(
        json!([{"txn_id": "t", "account": "payer:card:a", "currency": "CREDIT", "amount": 19}]),
    );
    Books { credits, journal, ..Books::default() }.credits_are_in_the_journal();
}
