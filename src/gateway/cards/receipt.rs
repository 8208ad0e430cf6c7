//! What an answer says of a card: the receipt, and the agent token.

use std::time::Duration;

use payments::{
    funding::Funding,
    holder::Holder,
    ids::PaymentId,
    intent::{Intent, State},
    mpp::{receipt::RECEIPT_HEADER, stripe::receipt::Receipt},
    ports::BooksError,
};
use sha2::{Digest, Sha256};

use super::{
    super::{reply::GatewayReply, state::Gateway},
    desk::CardDesk,
};

/// Pauses before the books are asked once more whose a payment is.
const ASKED_AGAIN_AFTER: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(1_000)];

/// The receipt of a settled charge (draft-httpauth-payment 5.3), only on success, and the holder's
/// agent token: the same again for a repeat.
pub async fn describe_charge(gateway: &Gateway, intent: &Intent, reply: &mut GatewayReply) {
    let proof = intent.settlement.as_ref().and_then(|settled| settled.charge());
    if let (Some(proof), Some(charge), true) = (proof, &intent.charge, reply.is_success()) {
        let receipt = Receipt {
            settled_at: intent.updated_at,
            reference: &proof.payment_intent,
            external_id: None,
            challenge_id: Some(charge.key.challenge_id),
        };
        reply.set(&RECEIPT_HEADER.to_ascii_lowercase(), &receipt.header_value());
    }
    if let Some(token) = holders_token(gateway, intent).await {
        reply.set("x-agent-token", &token);
    }
}

/// The token of whoever's payment it is: where a charge was settled, and where a credit was spent.
/// A payment of an earlier release begins with its own.
async fn holders_token(gateway: &Gateway, intent: &Intent) -> Option<String> {
    let desk = gateway.cards.as_ref()?;
    let spent = matches!(intent.funding, Funding::Credit { .. }) && intent.state == State::Created;
    if !spent && intent.settlement.as_ref().and_then(|settled| settled.charge()).is_none() {
        return None;
    }
    match holder_of(desk, intent.id).await {
        Ok(Some(holder)) => desk.tokens.token_at_with_sha256(
            &holder.payer,
            holder.id,
            holder.rotation,
            &holder.token_sha256,
        ),
        Ok(None) => {
            let token = desk.tokens.token_with_sha256(
                &intent.payer,
                intent.id,
                &intent.charge.as_ref()?.agent_token_sha256,
            )?;
            // Not where the holder was revoked.
            let known = desk
                .books
                .holder_of_token(
                    &Sha256::digest(token.as_bytes()).into(),
                    gateway.world.clock.now(),
                )
                .await;
            known.ok().flatten().map(|_| token)
        }
        Err(error) => {
            tracing::warn!(%error, payment_id = %intent.id, "cards.token_unknown");
            None
        }
    }
}

/// Asks again where the books do not answer: a connection that was cut says nothing of them, and
/// this answer brings the token.
async fn holder_of(desk: &CardDesk, payment: PaymentId) -> Result<Option<Holder>, BooksError> {
    for pause in ASKED_AGAIN_AFTER {
        match desk.books.holder_of_payment(payment).await {
            Err(BooksError::Unavailable(_)) => tokio::time::sleep(pause).await,
            answered => return answered,
        }
    }
    desk.books.holder_of_payment(payment).await
}
