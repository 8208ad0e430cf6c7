//! The gateway's own routes for agents: what they used, and what became of a payment.

use std::sync::Arc;

use axum::response::Response;
use payments::{agent::Payer, checkout::Identified, route::Quota};
use serde_json::{Value, json};

use super::{
    call::Call, cards, credential::Credential, describe, error::GatewayError, free::identified, free_calls::FreeCalls,
    json::free_of_charge, state::Api, story,
};
use crate::upstream::profile::OwnRoute;

pub(super) async fn answer(api: &Arc<Api>, own: OwnRoute, call: &mut Call, credential: &Credential) -> Result<Response, GatewayError> {
    match own {
        OwnRoute::Credits => return cards::credits::answer(api, call, credential).await,
        OwnRoute::Purchase => return cards::purchase::answer(api, call, credential).await,
        OwnRoute::Quote => return cards::quote::answer(api, call, credential).await,
        OwnRoute::RotateToken => return cards::rotate::answer(api, call, credential).await,
        OwnRoute::CardEvents => return cards::events::answer(api, call).await,
        OwnRoute::OpenApi => return Ok(describe::openapi(api)),
        OwnRoute::Llms => return Ok(describe::llms(api)),
        OwnRoute::Usage | OwnRoute::Payment => {}
    }
    let who = asking(api, call, credential).await?;
    let body = match own {
        OwnRoute::Payment => payment(api, call, &who).await?,
        _ => usage(api, who.payer()).await?,
    };
    Ok(free_of_charge(&body))
}

/// Who asks, of either protocol.
async fn asking(api: &Arc<Api>, call: &mut Call, credential: &Credential) -> Result<Identified, GatewayError> {
    match credential {
        Credential::X402(header) => identified(api, call, header, false).await,
        Credential::Card(_) | Credential::AgentToken(_) => cards::free::identified(api, call, credential).await,
        Credential::None => Err(GatewayError::NoCredential),
        Credential::ApiKey(_) => Err(GatewayError::ApiKeyNamesNoPayer),
    }
}

/// `GET /usage`, in the shape of the product text: the limits are of free calls, by quota; beyond them each call is paid.
async fn usage(api: &Api, payer: &Payer) -> Result<Value, GatewayError> {
    let now = api.world.clock.now();
    let month = now.month();
    let unreadable = |error| GatewayError::internal(&error);
    let mut quotas = api.settings.quotas.iter();
    let first = quotas.next();
    let limit = |quota: Option<&Quota>| quota.map_or_else(|| String::from("launches_per_month"), Quota::per_window);
    let (usage, free) = FreeCalls::of(api, payer, first, now).await.map_err(unreadable)?;
    let mut limits = json!({ limit(first): free.shown() });
    for quota in quotas {
        let (_, free) = FreeCalls::of(api, payer, Some(quota), now).await.map_err(unreadable)?;
        limits[limit(Some(quota))] = free.shown();
    }
    let credits = match &api.cards {
        Some(desk) => desk.books.credit_account(payer).await.map_err(|error| GatewayError::internal(&error))?.balance.get(),
        None => 0,
    };
    Ok(json!({"data": {
        "plan": "agent",
        "payer": payer.to_string(),
        "billing_period": {"start": month.start().rfc3339(), "end": month.end().rfc3339()},
        "limits": limits,
        "launches_created": usage.launches,
        "credits": {"balance": credits},
        "entitlements": usage.entitlements.len(),
        "features": {"can_connect_own_accounts": false, "can_post_to_official_accounts": true},
    }}))
}

/// `GET /payments/:id`, for its payer only; anybody else learns nothing.
async fn payment(api: &Api, call: &Call, who: &Identified) -> Result<Value, GatewayError> {
    let id = call.id.as_deref().unwrap_or_default().parse().map_err(|_| GatewayError::NoSuchPayment)?;
    let evidence =
        api.world.books.evidence(id).await.map_err(|error| GatewayError::internal(&error))?.ok_or(GatewayError::NoSuchPayment)?;
    if evidence.intent.payer != *who.payer() {
        return Err(GatewayError::NoSuchPayment);
    }
    cards::reach::check_payment(api, who, id).await?;
    Ok(json!({ "data": story::of_payment(&evidence) }))
}
