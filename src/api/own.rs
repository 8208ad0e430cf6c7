//! The gateway's own routes for agents: what they used, and what became of a payment.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue, header};
use payments::{
    agent::Payer,
    challenge::Retry,
    intent::{Intent, State},
    ports::Evidence,
    time::UnixMs,
};
use serde_json::{Value, json};

use super::{Api, dispatch::Call, free::identified, problem::Fault};
use crate::upstream::profile::{Condition, OwnRoute};

pub(super) async fn answer(api: &Arc<Api>, own: OwnRoute, call: &mut Call, header: &[u8]) -> Result<Response, Fault> {
    let who = identified(api, call, header, false).await?;
    let body = match own {
        OwnRoute::Usage => usage(api, who.payer()).await?,
        OwnRoute::Payment => payment(api, call, who.payer()).await?,
    };
    let mut response = Response::new(Body::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(HeaderName::from_static("x-charge"), HeaderValue::from_static("none; reason=free_route"));
    Ok(response)
}

/// `GET /usage`, in the shape of the product text: the limit is of free launches; beyond it each one is paid.
async fn usage(api: &Api, payer: &Payer) -> Result<Value, Fault> {
    let month = api.world.clock.now().month();
    let usage = api.world.books.usage(payer, month).await.map_err(|error| Fault::internal(&error))?;
    let limit = api.settings.free_per_month;
    Ok(json!({"data": {
        "plan": "agent",
        "payer": payer.to_string(),
        "billing_period": {"start": month.start().rfc3339(), "end": month.end().rfc3339()},
        "limits": {
            "launches_per_month": {"limit": limit, "used": usage.free_used, "remaining": limit.saturating_sub(usage.free_used)},
        },
        "launches_created": usage.launches,
        "credits": {"balance": 0},
        "entitlements": usage.entitlements,
        "features": {"can_connect_own_accounts": false, "can_post_to_official_accounts": true},
    }}))
}

/// `GET /payments/:id`, for its payer only; anybody else learns nothing.
async fn payment(api: &Api, call: &Call, payer: &Payer) -> Result<Value, Fault> {
    let unknown = || Fault::new(Condition::NotFound, "no such payment of yours").retry(Retry::FixRequest);
    let id = call.id.as_deref().unwrap_or_default().parse().map_err(|_| unknown())?;
    let evidence = api.world.books.evidence(id).await.map_err(|error| Fault::internal(&error))?.ok_or_else(unknown)?;
    if evidence.intent.payer != *payer {
        return Err(unknown());
    }
    Ok(json!({ "data": shown(&evidence) }))
}

fn shown(evidence: &Evidence) -> Value {
    let intent = &evidence.intent;
    let charged = match intent.settlement {
        Some(_) => intent.price.to_string(),
        None => String::from("none"),
    };
    let timeline: Vec<_> = evidence.timeline.iter().map(|(state, at)| json!({"state": state, "at": at.rfc3339()})).collect();
    json!({
        "payment_id": intent.id.to_string(),
        "state": intent.state.word(),
        "funding": intent.funding.word(),
        "price": intent.price.to_string(),
        "charged": charged,
        "transaction": intent.settlement.as_ref().map(|proof| proof.tx_hash.to_string()),
        "log_index": intent.settlement.as_ref().map(|proof| proof.log_index),
        "launch_id": intent.launch_id,
        "failure": intent.failure.map(|failure| failure.word()),
        "owed": evidence.obligation.as_ref().map(|owed| json!({
            "amount_minor": owed.amount_minor,
            "currency": owed.currency,
            "state": owed.state,
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
        State::Created => "nothing: the launch exists; the same proof with the same request gives the answer again",
        State::Rejected => "correct the request and send it with a new proof: it is funded by this payment until entitled_until",
        State::Released => "correct the request and send it with a new proof: nothing was charged",
        State::PayFailed => "nothing was charged; sign a new payment once this authorization has expired",
        State::Claimed | State::Signed | State::Submitted | State::SubmitUnknown | State::Forwarding | State::CoreUnknown => {
            "wait: the gateway finishes it by itself; repeat the same request with the same proof to get the answer"
        }
    }
}
