//! `GET /quote?route=POST+/launches`: what a call costs on each rail, what the asker has left, and
//! what it would cost now and why.

use std::sync::Arc;

use payments::{
    agent::Payer,
    money::{Amount, Credits, UsdCents, UsdcUnits},
    obligation::Entitlement,
    route::Terms,
};
use serde_json::{Value, json};

use super::{
    super::{
        challenges::Challenged, error::GatewayError, free, free_calls::FreeCalls,
        reply::GatewayReply, request::Credential, request::GatewayRequest, state::Gateway,
    },
    desk::Pack,
    free as card_free,
};

/// What a route costs on each rail.
struct Prices {
    usdc: Option<UsdcUnits>,
    usd: Option<UsdCents>,
}

/// Answers `GET /quote`.
///
/// # Errors
/// There is no such route, or a credential does not hold.
pub async fn quote_route(
    gateway: &Arc<Gateway>,
    call: &mut GatewayRequest,
    credential: &Credential,
) -> Result<GatewayReply, GatewayError> {
    let route = asked_route(call)?;
    let Some(challenged) = gateway.challenges.find(&route) else {
        return Err(GatewayError::NoSuchRoute { asked: route });
    };
    let prices = prices(gateway, challenged);
    let payer = match credential {
        Credential::None | Credential::ApiKey(_) => None,
        Credential::X402(header) => {
            Some(free::identified(gateway, call, header, false).await?.payer().clone())
        }
        Credential::Card(_) | Credential::AgentToken(_) => {
            Some(card_free::identified(gateway, call, credential).await?.payer().clone())
        }
    };
    let mut quote = json!({
        "route": route,
        "prices": {
            "x402": prices.usdc.map(|price| json!({"amount": price.to_string(), "units": price.get(), "currency": "USDC"})),
            "mpp": prices.usd.map(|price| json!({"amount": price.to_string(), "cents": price.get(), "currency": "USD"})),
        },
    });
    if let Some(payer) = &payer {
        quote["payer"] = payer.to_string().into();
        quote["now"] = now(gateway, &route, &prices, payer).await?;
    }
    if let Some(desk) = gateway.cards.as_ref() {
        quote["packs"] = desk.pack.iter().map(Pack::shown).collect();
    }
    Ok(GatewayReply::free_of_charge(&json!({ "data": quote })))
}

/// What this payer would be charged now, and why.
async fn now(
    gateway: &Gateway,
    route: &str,
    prices: &Prices,
    payer: &Payer,
) -> Result<Value, GatewayError> {
    let terms = gateway
        .table
        .routes()
        .find(|known| known.key == route)
        .and_then(|known| known.upstream()?.access.terms());
    let (launch, credits) = (terms.is_some(), terms.and_then(Terms::credits));
    let internal = |error: &dyn std::error::Error| GatewayError::internal(error);
    let (usage, free) =
        FreeCalls::of(gateway, payer, gateway.table.quota_of(route), gateway.world.clock.now())
            .await
            .map_err(|error| internal(&error))?;
    let entitled = usage
        .entitlements
        .iter()
        .filter(|owed| prices.usdc.is_some_and(|price| owed.funds(route, Amount::Usdc(price))))
        .count();
    Ok(match payer {
        _ if prices.usdc.is_none() && prices.usd.is_none() => {
            json!({"charge": "none", "reason": "free_route"})
        }
        Payer::Wallet(_) if launch && let Some(lost) = usage.lost_settlement => {
            json!({"charge": "none", "reason": "settlement_lost", "payment_id": lost.to_string()})
        }
        Payer::Wallet(_) if launch && entitled > 0 => {
            json!({"charge": "none", "reason": "entitlement", "entitlements_left": entitled, "free_left": free.left_now})
        }
        Payer::Wallet(_) if launch && free.left_now > 0 => {
            json!({"charge": "none", "reason": "free_tier", "free_left": free.left_now})
        }
        Payer::Wallet(_) if launch && free.exhausted_today() => json!({
            "charge": prices.usdc.map(|price| format!("{price} USDC")),
            "reason": "free_calls_exhausted_today",
            "free_left": 0,
            format!("free_left_{}", free.this_window()): free.left_in_window,
            "resets_at": free.resets_at.rfc3339_s(),
        }),
        Payer::Wallet(_) => json!({
            "charge": prices.usdc.map(|price| format!("{price} USDC")),
            "reason": "price",
            "free_left": 0,
            "entitlements_kept": usage.entitlements.iter().map(kept).collect::<Value>(),
        }),
        Payer::Card(_) => {
            let account = match gateway.cards.as_ref() {
                Some(desk) => {
                    desk.books.credit_account(payer).await.map_err(|error| internal(&error))?
                }
                None => payments::ports::CreditAccount::default(),
            };
            let price = prices.usd.map(|price| format!("{price} USD"));
            match (credits.map(Credits::get), account.balance.get(), account.debt.get()) {
                (Some(needed), left, 0) if left >= needed => {
                    json!({"charge": format!("{needed} CREDIT"), "reason": "credit", "credits_left": left})
                }
                (_, left, 0) => json!({"charge": price, "reason": "price", "credits_left": left}),
                (_, left, owed) => {
                    json!({"charge": price, "reason": "credits_frozen", "credits_left": left, "credits_owed": owed})
                }
            }
        }
    })
}

/// An entitlement that does not fund this call: it stays open beside it, for a call of its own route.
fn kept(entitlement: &Entitlement) -> Value {
    json!({"amount": entitlement.amount.to_string(), "route": entitlement.route})
}

fn prices(gateway: &Gateway, challenged: Challenged) -> Prices {
    Prices {
        usdc: gateway.challenges.price(challenged),
        usd: gateway.challenges.card_price(Some(challenged)),
    }
}

/// `route=POST+/launches`, or with `%20`.
fn asked_route(call: &GatewayRequest) -> Result<String, GatewayError> {
    let query = call.path_and_query.split_once('?').map_or("", |(_, query)| query);
    let asked = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "route")
        .map(|(_, value)| value.into_owned());
    match asked {
        None => Ok(String::from("POST /launches")),
        Some(route) => Ok(route.replacen(" /v1/", " /", 1)),
    }
}
