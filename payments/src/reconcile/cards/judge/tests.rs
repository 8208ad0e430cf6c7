use super::*;
use crate::time::UnixMs;

fn id() -> PaymentId {
    PaymentId::new(uuid::Uuid::from_u128(1))
}

fn payment() -> CardPayment {
    CardPayment {
        id: String::from("pi_1"),
        payment: Some(id()),
        succeeded: true,
        received_minor: 60,
        currency: String::from("usd"),
        refunded_minor: 0,
    }
}

fn booked() -> BookedCharge {
    BookedCharge {
        intent: id(),
        payment_intent: String::from("pi_1"),
        charge: String::from("ch_1"),
        amount_minor: 60,
        currency: String::from("USD"),
    }
}

fn settled() -> KnownCharge {
    KnownCharge { settlement: Some(booked()), state: Some(State::Created), mischarged: false }
}

fn kind(payment: &CardPayment, known: &KnownCharge) -> (FindingKind, String) {
    match judge(payment, known) {
        Judgement::Differs(found) => (found.kind, found.key),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_settled_charge_agrees_in_amount_and_currency_or_is_found() {
    assert_eq!(judge(&payment(), &settled()), Judgement::Agrees);
    let key = id().to_string();
    assert_eq!(
        kind(&CardPayment { received_minor: 50, ..payment() }, &settled()),
        (FindingKind::AmountMismatch, key.clone())
    );
    assert_eq!(
        kind(&CardPayment { currency: String::from("eur"), ..payment() }, &settled()),
        (FindingKind::AmountMismatch, key.clone())
    );
    assert_eq!(
        kind(&CardPayment { succeeded: false, ..payment() }, &settled()),
        (FindingKind::PhantomSettlement, key)
    );
}

#[test]
fn money_without_a_settlement_wakes_is_owed_or_is_unknown() {
    let known = |state| KnownCharge { state, ..KnownCharge::default() };
    assert_eq!(judge(&payment(), &known(Some(State::SubmitUnknown))), Judgement::Wake(id()));
    let pi = String::from("pi_1");
    assert_eq!(
        kind(&payment(), &known(Some(State::PayFailed))),
        (FindingKind::UnearnedReceipt, pi.clone())
    );
    assert_eq!(kind(&payment(), &known(None)), (FindingKind::UnmatchedReceipt, pi));
    let mischarged = KnownCharge { mischarged: true, ..known(Some(State::PayFailed)) };
    assert_eq!(kind(&payment(), &mischarged), (FindingKind::AmountMismatch, id().to_string()));
    let back = CardPayment { refunded_minor: 60, ..payment() };
    for state in [Some(State::PayFailed), None] {
        assert_eq!(judge(&back, &known(state)), Judgement::Agrees, "all of it went back");
    }
    assert_eq!(
        judge(&CardPayment { succeeded: false, ..payment() }, &known(None)),
        Judgement::Agrees,
        "nothing was taken"
    );
}

#[test]
fn what_a_charge_brought_is_compared_in_its_own_currency_only() {
    let credited = |amount_minor, currency: &str| BalanceEntry {
        id: String::from("txn_1"),
        kind: String::from("charge"),
        category: String::from("charge"),
        source: Some(String::from("ch_1")),
        payment: Some(String::from("pi_1")),
        amount_minor,
        fee_minor: 0,
        currency: currency.to_owned(),
        created: UnixMs::new(0),
    };
    assert_eq!(short(&booked(), &credited(60, "usd")), None);
    assert!(short(&booked(), &credited(59, "usd")).is_some());
    assert_eq!(short(&booked(), &credited(55, "eur")), None);
}
