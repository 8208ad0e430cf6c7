//! What a holder of a card account reads and changes upstream: what it paid for. The upstream knows accounts alone, so it is decided here.

use std::{collections::BTreeSet, sync::Arc};

use axum::{body::Body, response::Response};
use http::header;
use payments::{checkout::Identified, holder::Scope, ids::PaymentId};
use serde_json::Value;

use super::super::{
    call::Call,
    error::{GatewayError, card::CardRequestError},
    free,
    state::Api,
};
use crate::upstream::profile::UpstreamRoute;

/// Where the results of a list stand.
const LISTS: [&str; 3] = ["", "/data", "/data/launches"];
/// The longest list that is read.
const MAX_LIST_BYTES: usize = 16 * 1024 * 1024;

/// Forwards for somebody of a card account: one result that it paid for, or a list less the others.
///
/// # Errors
/// 404 for a result of somebody else, and whatever forwarding says.
pub(in super::super) async fn forwarded(
    api: &Arc<Api>,
    upstream: &UpstreamRoute,
    call: &Call,
    who: &Identified,
) -> Result<Response, GatewayError> {
    match who.scope() {
        Scope::Account => free::forwarded(api, upstream, call, who).await,
        Scope::Holder(_) | Scope::Payment(_) => match call.id.as_deref() {
            Some(result) => {
                let own = results(api, who, Some(result)).await?;
                if own.is_empty() { Err(CardRequestError::NotPaidByHolder.into()) } else { free::forwarded(api, upstream, call, who).await }
            }
            None => {
                let all = free::forwarded(api, upstream, call, who).await?;
                less_others(all, &results(api, who, None).await?).await
            }
        },
    }
}

/// Refuses the payment of another holder, as if there were none.
///
/// # Errors
/// 404.
pub(in super::super) async fn check_payment(api: &Api, who: &Identified, payment: PaymentId) -> Result<(), GatewayError> {
    let own = match who.scope() {
        Scope::Account => true,
        Scope::Payment(own) => own == payment,
        Scope::Holder(holder) => {
            let of = api.card_desk()?.books.holder_of_payment(payment).await.map_err(|error| GatewayError::internal(&error))?;
            of.is_some_and(|of| of.id == holder)
        }
    };
    if own { Ok(()) } else { Err(GatewayError::NoSuchPayment) }
}

async fn results(api: &Api, who: &Identified, only: Option<&str>) -> Result<BTreeSet<String>, GatewayError> {
    let found = api.card_desk()?.books.results_of(who.payer(), who.scope(), only).await;
    found.map_err(|error| GatewayError::internal(&error))
}

/// A list without what others of the account paid for. What cannot be read as one is not shown.
async fn less_others(response: Response, own: &BTreeSet<String>) -> Result<Response, GatewayError> {
    if !response.status().is_success() {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, MAX_LIST_BYTES).await.map_err(|error| GatewayError::internal(&error))?;
    let mut list: Value = serde_json::from_slice(&bytes).map_err(|_| CardRequestError::NotPaidByHolder)?;
    for place in LISTS {
        if let Some(Value::Array(results)) = list.pointer_mut(place) {
            results.retain(|result| result["id"].as_str().is_none_or(|id| own.contains(id)));
        }
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(list.to_string())))
}
