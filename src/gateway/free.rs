//! A route that costs nothing but asks who is there. The proof is used up by the request, and never
//! settled.

use std::sync::Arc;

use payments::{
    agent::Payer,
    checkout::{self, Admission, Identified},
    ids::PaymentId,
    money::UsdcUnits,
    ports::IdentityClaim,
    time::UnixMs,
    x402::verify::check_chain_state,
};

use super::{
    answer, error::GatewayError, proof, reply::GatewayReply, request::GatewayRequest,
    state::Gateway,
};
use crate::upstream::profile::UpstreamRoute;

/// Serves a call to a route that asks who is there and costs nothing.
///
/// # Errors
/// The proof does not hold, or the upstream is unavailable.
pub async fn serve_identified(
    gateway: &Arc<Gateway>,
    upstream: &UpstreamRoute,
    call: &mut GatewayRequest,
    header: &[u8],
) -> Result<GatewayReply, GatewayError> {
    let who = identified(gateway, call, header, upstream.durable_claim).await?;
    forwarded(gateway, upstream, call, &who).await
}

/// Forwards on behalf of somebody who is known, once the body holds.
pub async fn forwarded(
    gateway: &Arc<Gateway>,
    upstream: &UpstreamRoute,
    call: &GatewayRequest,
    who: &Identified,
) -> Result<GatewayReply, GatewayError> {
    if let Some(schema) = &upstream.body
        && let Err(findings) = schema.contract.check(&call.body)
    {
        return Err(GatewayError::InvalidBody(findings));
    }
    let admission = Admission::for_identified(&upstream.access, who, call.forward_request())
        .ok_or(GatewayError::NoCredential)?;
    answer::forwarded(gateway, admission, "none; reason=free_route").await
}

/// Who asks, by a proof that works exactly once: a stranger who saw it reads nothing with it. The
/// limiter comes after the claim, so that a repeated proof cannot empty its owner's bucket.
///
/// # Errors
/// The proof does not hold or was used before, the agent's limit is reached, or chain or books are
/// unavailable.
pub async fn identified(
    gateway: &Arc<Gateway>,
    call: &mut GatewayRequest,
    header: &[u8],
    durable: bool,
) -> Result<Identified, GatewayError> {
    let Some(challenged) = call.challenged else { return Err(GatewayError::NoCredential) };
    let Some(transfer) = proof::verified(gateway, challenged, header)? else {
        return Err(GatewayError::NoCredential);
    };
    let live = proof::live(gateway, &transfer)?;
    if live.value() != UsdcUnits::ZERO {
        // A settled authorization is public on the chain: whoever shows one has read it there.
        let view = gateway.world.rail.view(&live).await.map_err(GatewayError::Chain)?;
        let balance = alloy_primitives::U256::from(live.value().get());
        check_chain_state(&live, view.authorization_used, balance)
            .map_err(GatewayError::InvalidProof)?;
    }
    let now = gateway.world.clock.now();
    let payer = proof::payer(&live);
    // What changes something is a service; what only reads is not.
    if durable && let Some(lost) = lost_settlement(gateway, &payer, now).await? {
        return Err(GatewayError::settlement_lost(lost));
    }
    let claim = IdentityClaim { key: live.key(), fingerprint: call.fingerprint, at: now };
    let claimed = if durable {
        checkout::identify(&gateway.world, payer.clone(), claim).await
    } else {
        checkout::identify_quickly(&gateway.world, payer.clone(), claim).await
    };
    let Some(who) = claimed.map_err(|error| GatewayError::internal(&error))? else {
        return Err(GatewayError::UsedForIdentity);
    };
    call.rate = Some(gateway.limits.agent(&payer, now).await?);
    call.proven = Some(payer);
    Ok(who)
}

/// The payment of this payer that a reorganisation took, while its finding is open.
async fn lost_settlement(
    gateway: &Gateway,
    payer: &Payer,
    now: UnixMs,
) -> Result<Option<PaymentId>, GatewayError> {
    let usage = gateway
        .world
        .books
        .usage(payer, now.month(), None)
        .await
        .map_err(|error| GatewayError::internal(&error))?;
    Ok(usage.lost_settlement)
}
