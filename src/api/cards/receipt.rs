//! What an answer says of a card: the receipt, the agent token, and why a charge was refused.

use http::{HeaderMap, HeaderName};
use payments::{
    challenge::{Phase, Retry},
    intent::Intent,
    mpp::{
        error::ProblemType,
        receipt::{RECEIPT_HEADER, Receipt},
    },
    settlement::PaymentFailure,
};

use super::super::{Api, header_value, problem::Fault};
use crate::upstream::profile::Condition;

/// The receipt of a settled charge (draft-httpauth-payment 5.3), only on success, and the account's agent token: the same again for a repeat.
pub(in super::super) fn charged_headers(api: &Api, intent: &Intent, status: u16, headers: &mut HeaderMap) {
    let (Some(proof), Some(charge)) = (intent.settlement.as_ref().and_then(|settled| settled.charge()), &intent.charge) else { return };
    if (200..300).contains(&status) {
        let receipt = Receipt {
            settled_at: intent.updated_at,
            reference: &proof.payment_intent,
            external_id: None,
            challenge_id: Some(charge.key.challenge_id),
        };
        if let Ok(name) = HeaderName::try_from(RECEIPT_HEADER.to_ascii_lowercase()) {
            headers.insert(name, header_value(&receipt.header_value()));
        }
    }
    let token = api.cards.as_ref().and_then(|desk| desk.tokens.token_with_sha256(&intent.payer, intent.id, &charge.agent_token_sha256));
    if let Some(token) = token {
        headers.insert(HeaderName::from_static("x-agent-token"), header_value(&token));
    }
}

/// The charge is proven refused: a new token may be tried. Where something else was taken than asked, no challenge goes out: it is on its way
/// back, and a client that pays again at once would be charged on top.
pub(in super::super) fn not_paid(intent: &Intent) -> Fault {
    let reason = intent.failure.as_ref().map_or("card_declined", PaymentFailure::word);
    let mischarged = intent.failure == Some(PaymentFailure::Mischarged);
    let message = match mischarged {
        true => String::from("another amount was taken than asked for; all of it goes back to the card"),
        false => format!("the card was not charged: {reason}"),
    };
    let kind = match reason {
        "authentication_required" => ProblemType::PaymentActionRequired,
        _ => ProblemType::VerificationFailed,
    };
    let fault = Fault::new(Condition::MppInvalid, message).reason(reason).phase(Phase::Settle).payment(intent.id).card_problem(kind);
    match mischarged {
        true => fault.retry(Retry::Wait),
        false => fault.retry(Retry::PayAgain).challenged(),
    }
}
