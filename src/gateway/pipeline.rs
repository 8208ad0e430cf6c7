//! A call to a route of the upstream, from its credential to its reply: what the route asks decides
//! the way, and each credential goes to the rail that takes it.

use std::sync::Arc;

use payments::{
    checkout::Admission,
    route::{Access, Terms},
};

use super::{
    answer, cards, earlier_terms,
    error::{GatewayError, OfferedRail},
    free,
    priced::{self, UsdcRoute},
    reply::GatewayReply,
    request::{Credential, GatewayRequest},
    state::Gateway,
};
use crate::upstream::profile::UpstreamRoute;

/// Serves a call to a route of the upstream.
///
/// # Errors
/// [`GatewayError`]: nothing was forwarded for this request, or its payment is not known to have
/// come to an end.
pub async fn upstream_route(
    gateway: &Arc<Gateway>,
    upstream: &UpstreamRoute,
    call: &mut GatewayRequest,
    credential: &Credential,
) -> Result<GatewayReply, GatewayError> {
    if let Credential::ApiKey(key) = credential {
        if !upstream.takes_api_keys {
            return Err(GatewayError::ApiKeyNotTaken);
        }
        return answer::forwarded(
            gateway,
            Admission::for_api_key(key.clone(), call.forward_request()),
            "none; reason=api_key",
        )
        .await;
    }
    match &upstream.access {
        Access::Open => {
            let admission = Admission::for_anyone(&upstream.access, call.forward_request())
                .ok_or(GatewayError::NoCredential)?;
            answer::forwarded(gateway, admission, "none; reason=open_route").await
        }
        Access::Identified => identified_route(gateway, upstream, call, credential).await,
        Access::Priced(terms) => priced_route(gateway, upstream, terms, call, credential).await,
    }
}

/// A route that costs nothing and asks who is there.
async fn identified_route(
    gateway: &Arc<Gateway>,
    upstream: &UpstreamRoute,
    call: &mut GatewayRequest,
    credential: &Credential,
) -> Result<GatewayReply, GatewayError> {
    match credential {
        Credential::None | Credential::ApiKey(_) => Err(GatewayError::NoCredential),
        Credential::X402(header) => free::serve_identified(gateway, upstream, call, header).await,
        Credential::Card(_) | Credential::AgentToken(_) => {
            let who = cards::free::identified(gateway, call, credential).await?;
            cards::reach::forwarded(gateway, upstream, call, &who).await
        }
    }
}

/// A priced route: each credential goes to the rail that takes it, and to nothing else. What was
/// paid in a way that the route no longer offers is answered as it was.
async fn priced_route(
    gateway: &Arc<Gateway>,
    upstream: &UpstreamRoute,
    terms: &Terms,
    call: &mut GatewayRequest,
    credential: &Credential,
) -> Result<GatewayReply, GatewayError> {
    match credential {
        Credential::None | Credential::ApiKey(_) => Err(GatewayError::NoCredential),
        Credential::X402(header) => match terms.offers.usdc() {
            Some(price) => {
                priced::pay_by_transfer(gateway, UsdcRoute { upstream, terms, price }, call, header)
                    .await
            }
            None => earlier_terms::of_transfer(gateway, call, header)
                .await?
                .ok_or(GatewayError::RailNotOffered(OfferedRail::X402)),
        },
        Credential::Card(header) => match terms.offers.usd() {
            Some(_) => cards::call::by_credential(gateway, upstream, terms, call, header).await,
            None => match earlier_terms::of_former_charge(gateway, call, header).await? {
                Some(known) => Ok(known),
                None => Err(match gateway.card_desk() {
                    Err(error) => error.into(),
                    Ok(_) => GatewayError::RailNotOffered(OfferedRail::Card),
                }),
            },
        },
        // It says who asks, and pays with credits alone.
        Credential::AgentToken(token) => match terms.credits {
            Some(_) => cards::call::by_token(gateway, upstream, terms, call, token).await,
            None => Err(GatewayError::RailNotOffered(OfferedRail::Credits)),
        },
    }
}
