//! What each change of a payment needs, and what it carries.
use payments::{
    charge::{ChargeProof, Mischarge},
    funding::{Funding, IfRefused},
    ids::PaymentId,
    intent::{Change, Intent, ReturnedCredits, State, Transition, TransitionError},
    ledger::Posting,
    money::{Amount, Credits, UsdCents},
    ports::{Books, Claimed},
    settlement::{ChainHash, PaymentFailure, Settlement},
};
use testkit::{
    clock::{START, numbered_id},
    memory::MemoryBooks,
    rail::by_transfer,
    run::block_on,
    suite::Draft,
    upstream::answer,
};

/// A transfer may be settled by a stranger, or fail, before it is signed.
const TRANSFERRING: [State; 4] =
    [State::Queued, State::Signed, State::Submitted, State::SubmitUnknown];
const PAYING: [State; 3] = [State::Signed, State::Submitted, State::SubmitUnknown];
const CREATING: [State; 2] = [State::Forwarding, State::CoreUnknown];

const SOURCE: u64 = 77;
const CHARGED: Funding = Funding::MppCharge { if_refused: IfRefused::Credit };

fn intent(state: State, funding: Funding) -> Intent {
    let claimed = block_on(MemoryBooks::default().claim(Draft::numbered(1).claim())).unwrap();
    let Claimed::New(intent) = claimed else { panic!("{claimed:?}") };
    Intent { state, funding, ..intent }
}

fn entitled() -> Funding {
    Funding::Entitlement { source: numbered_id(SOURCE) }
}

fn free() -> Funding {
    Funding::Free
}

type Method = fn(&Intent) -> Result<Transition, TransitionError>;

const PACK: Funding = Funding::MppPack { credits: Credits::new(20) };

/// A payment by card of so many cents.
fn card_intent(state: State, funding: Funding) -> Intent {
    Intent { price: Amount::Usd(UsdCents::new(60)), ..intent(state, funding) }
}

fn charge_proof() -> Settlement {
    Settlement::Charge(ChargeProof {
        payment_intent: String::from("pi_1"),
        charge: None,
        livemode: false,
    })
}

fn taken(currency: &str) -> Mischarge {
    Mischarge {
        payment_intent: String::from("pi_1"),
        amount_minor: 50,
        currency: currency.to_owned(),
    }
}

/// The changes of a pack, where they lead, and the states that they may start from.
const PACK_TABLE: [(&str, Method, State, &[State]); 3] = [
    ("charged", |i| i.charged(charge_proof(), START), State::Charged, &PAYING),
    ("granted", |i| i.granted(START), State::Granted, &[State::Charged]),
    ("mischarged", |i| i.mischarged(taken("usd"), START), State::PayFailed, &PAYING),
];

/// Every change, where it leads, and the states that it may start from.
const TABLE: [(&str, Method, State, &[State]); 8] = [
    ("submitted", |i| i.submitted(START), State::Submitted, &[State::Signed, State::SubmitUnknown]),
    (
        "submit_unknown",
        |i| i.submit_unknown(START),
        State::SubmitUnknown,
        &[State::Signed, State::Submitted],
    ),
    (
        "funded",
        |i| i.funded(by_transfer(ChainHash([1; 32]), 0), START),
        State::Forwarding,
        &TRANSFERRING,
    ),
    (
        "pay_failed",
        |i| i.pay_failed(PaymentFailure::Expired, START),
        State::PayFailed,
        &TRANSFERRING,
    ),
    (
        "never_sent",
        |i| i.pay_failed(PaymentFailure::NeverSent, START),
        State::PayFailed,
        &[State::Queued],
    ),
    ("core_unknown", |i| i.core_unknown(START), State::CoreUnknown, &[State::Forwarding]),
    (
        "created",
        |i| i.created(answer(201, "l"), String::from("l"), START),
        State::Created,
        &CREATING,
    ),
    ("refused", |i| i.refused(answer(422, "no"), START, START), State::Rejected, &CREATING),
];

#[test]
fn every_state_allows_the_changes_of_the_drawing_and_no_other() {
    let x402 = TABLE.into_iter().map(|row| (row, Funding::X402));
    for ((name, method, to, from), funding) in
        x402.chain(PACK_TABLE.into_iter().map(|row| (row, PACK)))
    {
        for state in State::ALL {
            let intent = card_intent(state, funding.clone());
            let changed = method(&intent);
            if !from.contains(&state) {
                assert_eq!(
                    changed,
                    Err(TransitionError::NotAllowed { from: state, to }),
                    "{name} from {state:?}"
                );
                continue;
            }
            let changed = changed.unwrap();
            assert_eq!(
                (changed.from(), changed.to(), changed.guard(), changed.at()),
                (state, to, intent.guard, START),
                "{name}"
            );
            assert_eq!(changed.intent(), intent.id);
        }
    }
}

#[test]
fn nothing_leaves_a_terminal_state_and_nothing_leads_back_to_the_claim() {
    for (name, method, to, _) in TABLE.into_iter().chain(PACK_TABLE) {
        assert_ne!(to, State::Queued, "{name}");
        for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
            for funding in [Funding::X402, CHARGED, PACK] {
                assert!(method(&intent(state, funding)).is_err(), "{name} from {state:?}");
            }
        }
    }
}

#[test]
fn a_refusal_owes_what_was_settled_and_gives_back_what_was_not() {
    let until = START.plus_s(9);
    let refuse = |funding| {
        intent(State::Forwarding, funding).refused(answer(422, "no"), until, START).unwrap()
    };
    let paid = refuse(Funding::X402);
    assert!(
        matches!(paid.change(), Change::Rejected { posting, entitled_until, .. } if posting.kind() == "owed" && *entitled_until == until)
    );
    let slot = refuse(free());
    assert_eq!(slot.to(), State::Released);
    assert!(matches!(
        slot.change(),
        Change::Released { posting: None, reopened_entitlement: None, .. }
    ));
    let entitlement = refuse(entitled());
    assert_eq!(entitlement.to(), State::Released);
    let source: Option<PaymentId> = Some(numbered_id(SOURCE));
    assert!(
        matches!(entitlement.change(), Change::Released { posting: Some(posting), reopened_entitlement, .. }
        if posting.kind() == "owed" && *reopened_entitlement == source)
    );
}

#[test]
fn a_creation_earns_what_was_paid_and_nothing_else() {
    let create = |funding| {
        intent(State::CoreUnknown, funding)
            .created(answer(201, "l"), String::from("l"), START)
            .unwrap()
    };
    for (funding, earned, used) in [
        (Funding::X402, true, None),
        (free(), false, None),
        (entitled(), true, Some(numbered_id(SOURCE))),
    ] {
        let created = create(funding.clone());
        let Change::Created { posting, used_entitlement, .. } = created.change() else {
            panic!("{created:?}")
        };
        assert_eq!(
            (posting.as_ref().map(Posting::kind), *used_entitlement),
            (earned.then_some("earned"), used),
            "{funding:?}"
        );
    }
}

#[test]
fn a_pack_creates_nothing_and_a_launch_grants_nothing() {
    for state in State::ALL {
        assert!(card_intent(state, PACK).funded(charge_proof(), START).is_err(), "{state:?}");
        assert!(
            card_intent(state, PACK).refused(answer(422, "no"), START, START).is_err(),
            "{state:?}"
        );
        for funding in [Funding::X402, CHARGED, free()] {
            assert!(
                card_intent(state, funding.clone()).charged(charge_proof(), START).is_err(),
                "{state:?}"
            );
            assert!(card_intent(state, funding).granted(START).is_err(), "{state:?}");
        }
    }
}

#[test]
fn a_refused_charge_becomes_one_credit_and_a_refused_credit_goes_back() {
    let refuse = |funding| {
        card_intent(State::Forwarding, funding).refused(answer(422, "no"), START, START).unwrap()
    };
    let charged = refuse(CHARGED);
    assert_eq!(charged.to(), State::Rejected);
    assert!(matches!(charged.change(), Change::Compensated { backing, posting, .. }
        if *backing == UsdCents::new(60) && posting.kind() == "credits_issued"));
    let backing = UsdCents::new(58);
    let prepaid = refuse(Funding::Credit { count: Credits::new(1), backing });
    assert_eq!(prepaid.to(), State::Released);
    assert!(
        matches!(prepaid.change(), Change::Released { posting: Some(posting), returned_credits, reopened_entitlement: None, .. }
        if posting.kind() == "credit_returned" && *returned_credits == Some(ReturnedCredits { count: Credits::new(1), backing }))
    );
}

/// Where no single credit pays for a call, none is given for one.
#[test]
fn a_refused_charge_of_a_route_without_such_a_credit_is_due_back_at_once() {
    let funding = Funding::MppCharge { if_refused: IfRefused::Owed };
    let refused = card_intent(State::Forwarding, funding)
        .refused(answer(422, "no"), START.plus_s(9), START)
        .unwrap();
    assert_eq!(refused.to(), State::Rejected);
    assert!(matches!(refused.change(), Change::Rejected { posting, entitled_until, .. }
        if posting.kind() == "owed" && *entitled_until == START));
}

#[test]
fn a_spent_credit_earns_the_money_behind_it() {
    let create = |backing| {
        let intent = card_intent(
            State::Forwarding,
            Funding::Credit { count: Credits::new(1), backing: UsdCents::new(backing) },
        );
        intent.created(answer(201, "l"), String::from("l"), START).unwrap()
    };
    for (backing, earned) in [(58, vec![58, -58]), (0, vec![])] {
        let created = create(backing);
        let Change::Created { posting: Some(posting), .. } = created.change() else {
            panic!("{created:?}")
        };
        let usd: Vec<i64> = posting
            .lines()
            .iter()
            .filter(|line| line.currency == "USD")
            .map(|line| line.amount_minor)
            .collect();
        assert_eq!(usd, earned);
    }
}

#[test]
fn only_dollars_that_nobody_asked_for_are_booked() {
    for (currency, booked) in [("usd", true), ("eur", false)] {
        let changed =
            card_intent(State::Signed, CHARGED).mischarged(taken(currency), START).unwrap();
        let Change::Mischarged { posting, .. } = changed.change() else { panic!("{changed:?}") };
        assert_eq!(posting.is_some(), booked);
    }
}
