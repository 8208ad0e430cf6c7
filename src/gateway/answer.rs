//! Answers about a payment: what the upstream said, what it cost, and the receipt in the payer's
//! own version.

use std::sync::Arc;

use payments::{
    agent::Payer,
    challenge::Retry,
    checkout::{Admission, may_pay_again},
    funding::{Funding, IfRefused},
    ids::PaymentId,
    intent::{Intent, Protocol, State, StoredAnswer},
    money::Amount,
    settlement::{PaymentFailure, Settlement},
    time::UnixMs,
    x402::receipt::{Outcome, Receipt},
};
use serde_json::Value;

use super::{
    attendance::Attendance,
    cards::{pack, receipt as card_receipt},
    error::{GatewayError, NextPayment, ReceiptHeader},
    free_calls::FreeCalls,
    reply::GatewayReply,
    request::GatewayRequest,
    state::Gateway,
};

/// Whether the answer was given before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// It answers the request that made the claim.
    First,
    /// It answers a repeat.
    Again,
}

/// Waits for the intent as long as a request may, then says that nobody knows yet. Never a
/// challenge: money may have moved.
pub async fn awaited(
    gateway: &Arc<Gateway>,
    call: &GatewayRequest,
    id: PaymentId,
    attendance: Attendance,
    delivered: Delivered,
) -> Result<GatewayReply, GatewayError> {
    name_payment(id);
    match gateway.drives.finished(id, gateway.out_of_patience()).await {
        Ok(Some(intent)) => of_intent(gateway, &intent, attendance, delivered).await,
        Ok(None) => Err(pending(gateway, call, id).await),
        Err(error) => {
            tracing::error!(payment_id = %id, error = %crate::worker::drives::chain(&error), "payment.state_unknown");
            Err(pending(gateway, call, id).await)
        }
    }
}

/// The answer of a terminal intent.
pub async fn of_intent(
    gateway: &Arc<Gateway>,
    intent: &Intent,
    attendance: Attendance,
    delivered: Delivered,
) -> Result<GatewayReply, GatewayError> {
    let granted = pack::granted(gateway, intent);
    let Some(stored) = intent.answer.as_ref().or(granted.as_ref()) else {
        return Err(not_paid(gateway, intent).await);
    };
    let (stored, charge) = match intent.state {
        State::Rejected => (with_debt(stored, intent), owed_charge(intent)),
        _ => (stored.clone(), charge(gateway, intent).await),
    };
    let mut reply = GatewayReply::of_upstream(&stored);
    reply.attendance = Some(attendance);
    reply.set("x-charge", &charge);
    reply.set("x-payment-id", &intent.id.to_string());
    reply.set("cache-control", "private, no-store");
    if delivered == Delivered::Again {
        reply.set("idempotent-replayed", "true");
    }
    if let (Some(Settlement::Transfer(settlement)), Amount::Usdc(amount)) =
        (&intent.settlement, intent.price)
        && let Some(receipt) =
            receipt(gateway, intent, Outcome::Settled { transaction: settlement.tx_hash.0, amount })
    {
        reply.set(&receipt.name, &receipt.value);
    }
    card_receipt::describe_charge(gateway, intent, &mut reply).await;
    Ok(reply)
}

/// Forwards a call that creates nothing billable.
pub async fn forwarded(
    gateway: &Arc<Gateway>,
    admission: Admission,
    charge: &str,
) -> Result<GatewayReply, GatewayError> {
    let stored = gateway.world.upstream.forward(admission).await.map_err(GatewayError::Upstream)?;
    let mut reply = GatewayReply::of_upstream(&stored);
    reply.set("x-charge", charge);
    Ok(reply)
}

/// From here on the request's log lines name the payment.
pub fn name_payment(id: PaymentId) {
    tracing::Span::current().record("payment_id", tracing::field::display(id));
}

/// The outcome is not known yet: the same proof again, or `GET /payments/:id`.
async fn pending(gateway: &Gateway, call: &GatewayRequest, payment: PaymentId) -> GatewayError {
    let Ok(Some(intent)) = gateway.world.books.intent(payment).await else {
        return GatewayError::OutcomePending { payment, receipt: None };
    };
    tracing::info!(request_id = call.request_id, payment_id = %payment, state = intent.state.word(), "payment.pending");
    if intent.state == State::Charged {
        return GatewayError::CreditsPending { payment, price: intent.price };
    }
    let transaction = intent.attempts.last().map(|attempt| attempt.tx_hash.0);
    let receipt = receipt(gateway, &intent, Outcome::Pending { transaction })
        .filter(|_| intent.funding == Funding::X402);
    GatewayError::OutcomePending { payment, receipt }
}

/// The payment is proven failed.
async fn not_paid(gateway: &Gateway, intent: &Intent) -> GatewayError {
    let (payment, failure) = (intent.id, intent.failure.clone());
    if intent.charge.is_some() {
        return GatewayError::NotCharged { payment, failure };
    }
    let reason = failure.as_ref().map_or("settlement_failed", PaymentFailure::word);
    let receipt = receipt(gateway, intent, Outcome::Failed { reason });
    let next = if may_pay_again(&*gateway.world.rail, intent).await {
        NextPayment::Now
    } else {
        NextPayment::Later
    };
    GatewayError::NotSettled { payment, failure, next, receipt }
}

/// What a finished creation cost. A free one says how many are left.
async fn charge(gateway: &Gateway, intent: &Intent) -> String {
    match (&intent.funding, intent.state) {
        (_, State::Released) => format!("none; reason=refused; payment={}", intent.id),
        (Funding::X402 | Funding::MppCharge { .. } | Funding::MppPack { .. }, _) => {
            format!("{}; payment={}", intent.price, intent.id)
        }
        (Funding::Credit { .. }, _) => format!("none; reason=credit; payment={}", intent.id),
        (Funding::Entitlement { source }, _) => {
            format!("none; reason=entitlement; payment={source}")
        }
        (Funding::Free, _) => {
            let quota = gateway.table.quota_of(&intent.request.route);
            let left = FreeCalls::of(gateway, &intent.payer, quota, intent.created_at)
                .await
                .map_or(0, |(_, free)| free.left_now);
            format!("none; reason=free_tier; remaining={left}")
        }
    }
}

/// A refused charge became a credit.
fn is_credited(intent: &Intent) -> bool {
    intent.funding == Funding::MppCharge { if_refused: IfRefused::Credit }
}

/// Until when what is owed funds another call: a debt to a card never does.
fn entitled_until(intent: &Intent) -> Option<UnixMs> {
    intent.entitled_until.filter(|_| intent.charge.is_none())
}

fn owed_charge(intent: &Intent) -> String {
    if is_credited(intent) {
        return format!("{}; payment={}; credited=1 CREDIT", intent.price, intent.id);
    }
    let owed = format!("{}; payment={}; owed={}", intent.price, intent.id, intent.price);
    match entitled_until(intent) {
        Some(until) => format!("{owed}; entitled_until={}", until.rfc3339()),
        None => owed,
    }
}

/// The upstream's refusal, and beside it what is owed.
fn with_debt(stored: &StoredAnswer, intent: &Intent) -> StoredAnswer {
    let Ok(Value::Object(mut body)) = serde_json::from_slice::<Value>(&stored.body) else {
        return stored.clone();
    };
    body.insert(String::from("payment_id"), intent.id.to_string().into());
    if is_credited(intent) {
        body.insert(String::from("credited"), "1 CREDIT".into());
    } else {
        body.insert(String::from("owed"), intent.price.to_string().into());
    }
    if let Some(until) = entitled_until(intent) {
        body.insert(String::from("entitled_until"), until.rfc3339().into());
    }
    body.insert(String::from("retry"), Retry::FixRequest.as_str().into());
    let mut changed = stored.clone();
    changed.body = Value::Object(body).to_string().into();
    changed
}

/// The receipt in the payer's version; none for payments by card.
fn receipt(gateway: &Gateway, intent: &Intent, outcome: Outcome<'_>) -> Option<ReceiptHeader> {
    let Protocol::X402(version) = intent.protocol else { return None };
    let payer = match &intent.payer {
        Payer::Wallet(wallet) => Some(*wallet),
        Payer::Card(_) => None,
    };
    let receipt = Receipt { network: gateway.requirements().network(), payer, outcome };
    Some(ReceiptHeader {
        name: version.response_header().to_ascii_lowercase(),
        value: receipt.header_value(version)?,
    })
}
