//! The gateway's own routes for agents: what they used, and what became of a payment.

use std::sync::Arc;

use payments::{agent::Payer, checkout::Identified, route::Quota};
use serde_json::{Value, json};

use super::{
    cards,
    error::GatewayError,
    free::identified,
    free_calls::FreeCalls,
    reply::GatewayReply,
    request::{Credential, GatewayRequest},
    state::Gateway,
    story,
};

/// `GET /usage`: what the asker has used, and what it has left.
///
/// # Errors
/// Nobody is named, or the books do not answer.
pub async fn show_usage(
    gateway: &Arc<Gateway>,
    call: &mut GatewayRequest,
    credential: &Credential,
) -> Result<GatewayReply, GatewayError> {
    let who = asking(gateway, call, credential).await?;
    Ok(GatewayReply::free_of_charge(&used(gateway, who.payer()).await?))
}

/// `GET /payments/:id`: what became of a payment, for its payer.
///
/// # Errors
/// Nobody is named, the payment is another payer's, or the books do not answer.
pub async fn show_payment(
    gateway: &Arc<Gateway>,
    call: &mut GatewayRequest,
    credential: &Credential,
) -> Result<GatewayReply, GatewayError> {
    let who = asking(gateway, call, credential).await?;
    Ok(GatewayReply::free_of_charge(&told(gateway, call, &who).await?))
}

/// Who asks, of either protocol.
async fn asking(
    gateway: &Arc<Gateway>,
    call: &mut GatewayRequest,
    credential: &Credential,
) -> Result<Identified, GatewayError> {
    match credential {
        Credential::X402(header) => identified(gateway, call, header, false).await,
        Credential::Card(_) | Credential::AgentToken(_) => {
            cards::free::identified(gateway, call, credential).await
        }
        Credential::None => Err(GatewayError::NoCredential),
        Credential::ApiKey(_) => Err(GatewayError::ApiKeyNamesNoPayer),
    }
}

/// In the shape of the product text: the limits are of free calls, by quota; beyond them each call
/// is paid.
async fn used(gateway: &Gateway, payer: &Payer) -> Result<Value, GatewayError> {
    let now = gateway.world.clock.now();
    let month = now.month();
    let unreadable = |error| GatewayError::internal(&error);
    let mut quotas = gateway.settings.quotas.iter();
    let first = quotas.next();
    let limit = |quota: Option<&Quota>| {
        quota.map_or_else(|| String::from("launches_per_month"), Quota::per_window)
    };
    let (usage, free) = FreeCalls::of(gateway, payer, first, now).await.map_err(unreadable)?;
    let mut limits = json!({ limit(first): free.shown() });
    for quota in quotas {
        let (_, free) =
            FreeCalls::of(gateway, payer, Some(quota), now).await.map_err(unreadable)?;
        limits[limit(Some(quota))] = free.shown();
    }
    let credits = match &gateway.cards {
        Some(desk) => desk
            .books
            .credit_account(payer)
            .await
            .map_err(|error| GatewayError::internal(&error))?
            .balance
            .get(),
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

/// For its payer only; anybody else learns nothing.
async fn told(
    gateway: &Gateway,
    call: &GatewayRequest,
    who: &Identified,
) -> Result<Value, GatewayError> {
    let id =
        call.id.as_deref().unwrap_or_default().parse().map_err(|_| GatewayError::NoSuchPayment)?;
    let evidence = gateway
        .world
        .books
        .evidence(id)
        .await
        .map_err(|error| GatewayError::internal(&error))?
        .ok_or(GatewayError::NoSuchPayment)?;
    if evidence.intent.payer != *who.payer() {
        return Err(GatewayError::NoSuchPayment);
    }
    cards::reach::check_payment(gateway, who, id).await?;
    Ok(json!({ "data": story::of_payment(&evidence) }))
}
