#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    funding::Funding,
    ids::PaymentId,
    ports::{Books, Claimed},
    settlement::ChainHash,
    testing::{
        clock::{START, numbered_id},
        memory::MemoryBooks,
        rail::proof,
        run::block_on,
        suite::Draft,
        upstream::answer,
    },
};

const SOURCE: u64 = 77;

fn intent(state: State, funding: Funding) -> Intent {
    let claimed = block_on(MemoryBooks::default().claim(Draft::numbered(1).claim())).unwrap();
    let Claimed::New(intent) = claimed else { panic!("{claimed:?}") };
    Intent { state, funding, ..intent }
}

fn entitled() -> Funding {
    Funding::Entitlement { source: numbered_id(SOURCE) }
}

fn free() -> Funding {
    Funding::Free { month: START.month(), slot: 1 }
}

type Method = fn(&Intent) -> Result<Transition, TransitionError>;

/// Every change, where it leads, and the states that it may start from.
const TABLE: [(&str, Method, State, &[State]); 7] = [
    ("submitted", |i| i.submitted(START), State::Submitted, &[State::Signed, State::SubmitUnknown]),
    ("submit_unknown", |i| i.submit_unknown(START), State::SubmitUnknown, &[State::Signed, State::Submitted]),
    ("funded", |i| i.funded(proof(ChainHash([1; 32]), 0), START), State::Forwarding, &PAYING),
    ("pay_failed", |i| i.pay_failed(PaymentFailure::Expired, START), State::PayFailed, &PAYING),
    ("core_unknown", |i| i.core_unknown(START), State::CoreUnknown, &[State::Forwarding]),
    ("created", |i| i.created(answer(201, "l"), String::from("l"), START), State::Created, &CREATING),
    ("refused", |i| i.refused(answer(422, "no"), START, START), State::Rejected, &CREATING),
];

#[test]
fn every_state_allows_the_changes_of_the_drawing_and_no_other() {
    for (name, method, to, from) in TABLE {
        for state in State::ALL {
            let intent = intent(state, Funding::X402);
            let changed = method(&intent);
            if !from.contains(&state) {
                assert_eq!(changed, Err(TransitionError::NotAllowed { from: state, to }), "{name} from {state:?}");
                continue;
            }
            let changed = changed.unwrap();
            assert_eq!((changed.from(), changed.to(), changed.guard(), changed.at()), (state, to, intent.guard, START), "{name}");
            assert_eq!(changed.intent(), intent.id);
        }
    }
}

#[test]
fn nothing_leaves_a_terminal_state_and_nothing_leads_back_to_the_claim() {
    for (name, method, to, _) in TABLE {
        assert_ne!(to, State::Claimed, "{name}");
        for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
            assert!(method(&intent(state, Funding::X402)).is_err(), "{name} from {state:?}");
        }
    }
}

#[test]
fn a_refusal_owes_what_was_settled_and_gives_back_what_was_not() {
    let until = START.plus_s(9);
    let refuse = |funding| intent(State::Forwarding, funding).refused(answer(422, "no"), until, START).unwrap();
    let paid = refuse(Funding::X402);
    assert!(
        matches!(paid.change(), Change::Rejected { posting, entitled_until, .. } if posting.kind() == "owed" && *entitled_until == until)
    );
    let slot = refuse(free());
    assert_eq!(slot.to(), State::Released);
    assert!(matches!(slot.change(), Change::Released { posting: None, reopened_entitlement: None, .. }));
    let entitlement = refuse(entitled());
    assert_eq!(entitlement.to(), State::Released);
    let source: Option<PaymentId> = Some(numbered_id(SOURCE));
    assert!(matches!(entitlement.change(), Change::Released { posting: Some(posting), reopened_entitlement, .. }
        if posting.kind() == "owed" && *reopened_entitlement == source));
}

#[test]
fn a_creation_earns_what_was_paid_and_nothing_else() {
    let create = |funding| intent(State::CoreUnknown, funding).created(answer(201, "l"), String::from("l"), START).unwrap();
    for (funding, earned, used) in [(Funding::X402, true, None), (free(), false, None), (entitled(), true, Some(numbered_id(SOURCE)))] {
        let created = create(funding.clone());
        let Change::Created { posting, used_entitlement, .. } = created.change() else { panic!("{created:?}") };
        assert_eq!((posting.as_ref().map(Posting::kind), *used_entitlement), (earned.then_some("earned"), used), "{funding:?}");
    }
}
