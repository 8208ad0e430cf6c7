//! What an answer says of a card: the receipt, the agent token, and why a charge was refused.

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use payments::{
    challenge::{Phase, Retry},
    funding::Funding,
    holder::Holder,
    ids::PaymentId,
    intent::{Intent, State},
    mpp::{
        error::ProblemType,
        receipt::{RECEIPT_HEADER, Receipt},
    },
    ports::BooksError,
    settlement::PaymentFailure,
};
use sha2::{Digest, Sha256};

use super::{
    super::{fault::Fault, headers::header_value, state::Api},
    desk::CardDesk,
};
use crate::upstream::profile::Condition;

/// Pauses before the books are asked once more whose a payment is.
const ASKED_AGAIN_AFTER: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(1_000)];

/// The receipt of a settled charge (draft-httpauth-payment 5.3), only on success, and the holder's agent token: the same again for a repeat.
pub(in super::super) async fn charged_headers(api: &Api, intent: &Intent, status: u16, headers: &mut HeaderMap) {
    let proof = intent.settlement.as_ref().and_then(|settled| settled.charge());
    if let (Some(proof), Some(charge), 200..300) = (proof, &intent.charge, status) {
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
    if let Some(token) = holders_token(api, intent).await {
        headers.insert(HeaderName::from_static("x-agent-token"), header_value(&token));
    }
}

/// The token of whoever's payment it is: where a charge was settled, and where a credit was spent. A payment of an earlier release begins with
/// its own.
async fn holders_token(api: &Api, intent: &Intent) -> Option<String> {
    let desk = api.cards.as_ref()?;
    let spent = matches!(intent.funding, Funding::Credit { .. }) && intent.state == State::Created;
    if !spent && intent.settlement.as_ref().and_then(|settled| settled.charge()).is_none() {
        return None;
    }
    match holder_of(desk, intent.id).await {
        Ok(Some(holder)) => desk.tokens.token_at_with_sha256(&holder.payer, holder.id, holder.rotation, &holder.token_sha256),
        Ok(None) => {
            let token = desk.tokens.token_with_sha256(&intent.payer, intent.id, &intent.charge.as_ref()?.agent_token_sha256)?;
            // Not where the holder was revoked.
            let known = desk.books.holder_of_token(&Sha256::digest(token.as_bytes()).into(), api.world.clock.now()).await;
            known.ok().flatten().map(|_| token)
        }
        Err(error) => {
            tracing::warn!(%error, payment_id = %intent.id, "cards.token_unknown");
            None
        }
    }
}

/// Asks again where the books do not answer: a connection that was cut says nothing of them, and this answer brings the token.
async fn holder_of(desk: &CardDesk, payment: PaymentId) -> Result<Option<Holder>, BooksError> {
    for pause in ASKED_AGAIN_AFTER {
        match desk.books.holder_of_payment(payment).await {
            Err(BooksError::Unavailable(_)) => tokio::time::sleep(pause).await,
            answered => return answered,
        }
    }
    desk.books.holder_of_payment(payment).await
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
