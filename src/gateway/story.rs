//! What became of a payment, as its payer and the operator read it.

use payments::{
    intent::{Intent, State},
    ports::Evidence,
    settlement::{PaymentFailure, Settlement},
    time::UnixMs,
};
use serde_json::{Value, json};

/// The members of `GET /payments/:id`.
pub fn of_payment(evidence: &Evidence) -> Value {
    let intent = &evidence.intent;
    let charged = match intent.settlement {
        Some(_) => intent.price.to_string(),
        None => String::from("none"),
    };
    let timeline: Vec<_> = evidence
        .timeline
        .iter()
        .map(|(state, at)| json!({"state": state, "at": at.rfc3339()}))
        .collect();
    json!({
        "payment_id": intent.id.to_string(),
        "state": intent.state.word(),
        "funding": intent.funding.word(),
        "price": intent.price.to_string(),
        "charged": charged,
        "transaction": intent.settlement.as_ref().map(Settlement::reference),
        "log_index": intent.settlement.as_ref().and_then(Settlement::transfer).map(|proof| proof.log_index),
        "launch_id": intent.launch_id.as_deref().filter(|name| !name.is_empty()),
        "failure": intent.failure.as_ref().map(PaymentFailure::word),
        "owed": evidence.obligation.as_ref().map(|owed| json!({
            "amount_minor": owed.amount_minor,
            "currency": owed.currency,
            "state": owed.state,
            "part_of": owed.part_of,
            "entitled_until": intent.entitled_until.map(UnixMs::rfc3339),
        })),
        "created_at": intent.created_at.rfc3339(),
        "updated_at": intent.updated_at.rfc3339(),
        "timeline": timeline,
        "next": next(intent),
    })
}

/// What the payer should do.
fn next(intent: &Intent) -> &'static str {
    match intent.state {
        State::Granted => "nothing: the credits are on the account",
        State::Created => {
            "nothing: the launch exists; resending the same request with the same proof returns the response"
        }
        State::Rejected => {
            "correct the request and send it with a new proof: it is funded by this payment until entitled_until"
        }
        State::Released => "correct the request and send it with a new proof: nothing was charged",
        State::PayFailed if intent.failure == Some(PaymentFailure::NeverSent) => {
            "nothing was charged, and nothing was sent to the chain: sign a new payment"
        }
        State::PayFailed => {
            "nothing was charged; sign a new payment after this authorization expires"
        }
        State::Queued
        | State::Signed
        | State::Submitted
        | State::SubmitUnknown
        | State::Charged
        | State::Forwarding
        | State::CoreUnknown => {
            "wait: the gateway finishes it; repeat the same request with the same proof to get the response"
        }
    }
}
