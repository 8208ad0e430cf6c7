//! The gateway's own routes for agents: what they used, and what became of a payment.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue, header};
use payments::{agent::Payer, challenge::Retry};
use serde_json::{Value, json};

use super::{Api, call::Call, free::identified, problem::Fault, story};
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
    Ok(json!({ "data": story::of_payment(&evidence) }))
}
