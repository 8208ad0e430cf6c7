//! What a holder of a card account reads and changes upstream: what it paid for. The upstream knows
//! accounts alone, so it is decided here.

use std::{collections::BTreeSet, sync::Arc};

use payments::{checkout::Identified, holder::Scope, ids::PaymentId};
use serde_json::Value;

use super::super::{
    error::{CardRequestError, GatewayError},
    free,
    reply::GatewayReply,
    request::GatewayRequest,
    state::Gateway,
};
use crate::upstream::profile::UpstreamRoute;

/// Where the results of a list stand.
const LISTS: [&str; 3] = ["", "/data", "/data/launches"];
/// The longest list that is read.
const MAX_LIST_BYTES: usize = 16 * 1024 * 1024;

/// Forwards for somebody of a card account: one result that it paid for, or a list less the others.
///
/// # Errors
/// [`CardRequestError::NotPaidByHolder`] for a result of another holder, and what forwarding says.
pub async fn forwarded(
    gateway: &Arc<Gateway>,
    upstream: &UpstreamRoute,
    call: &GatewayRequest,
    who: &Identified,
) -> Result<GatewayReply, GatewayError> {
    match who.scope() {
        Scope::Account => free::forwarded(gateway, upstream, call, who).await,
        Scope::Holder(_) | Scope::Payment(_) => match call.id.as_deref() {
            Some(result) => {
                let own = results(gateway, who, Some(result)).await?;
                if own.is_empty() {
                    Err(CardRequestError::NotPaidByHolder.into())
                } else {
                    free::forwarded(gateway, upstream, call, who).await
                }
            }
            None => {
                let all = free::forwarded(gateway, upstream, call, who).await?;
                less_others(all, &results(gateway, who, None).await?)
            }
        },
    }
}

/// Refuses the payment of another holder, as if there were none.
///
/// # Errors
/// [`GatewayError::NoSuchPayment`].
pub async fn check_payment(
    gateway: &Gateway,
    who: &Identified,
    payment: PaymentId,
) -> Result<(), GatewayError> {
    let own = match who.scope() {
        Scope::Account => true,
        Scope::Payment(own) => own == payment,
        Scope::Holder(holder) => {
            let of = gateway
                .card_desk()?
                .books
                .holder_of_payment(payment)
                .await
                .map_err(|error| GatewayError::internal(&error))?;
            of.is_some_and(|of| of.id == holder)
        }
    };
    if own { Ok(()) } else { Err(GatewayError::NoSuchPayment) }
}

async fn results(
    gateway: &Gateway,
    who: &Identified,
    only: Option<&str>,
) -> Result<BTreeSet<String>, GatewayError> {
    let found = gateway.card_desk()?.books.results_of(who.payer(), who.scope(), only).await;
    found.map_err(|error| GatewayError::internal(&error))
}

/// A list without what others of the account paid for. What cannot be read as one is not shown.
fn less_others(
    mut reply: GatewayReply,
    own: &BTreeSet<String>,
) -> Result<GatewayReply, GatewayError> {
    if !reply.is_success() {
        return Ok(reply);
    }
    if reply.body.len() > MAX_LIST_BYTES {
        tracing::error!(bytes = reply.body.len(), "cards.list_too_long");
        return Err(GatewayError::Internal);
    }
    let mut list: Value =
        serde_json::from_slice(&reply.body).map_err(|_| CardRequestError::NotPaidByHolder)?;
    for place in LISTS {
        if let Some(Value::Array(results)) = list.pointer_mut(place) {
            results.retain(|result| result["id"].as_str().is_none_or(|id| own.contains(id)));
        }
    }
    reply.replace_body(list.to_string());
    Ok(reply)
}
