//! A request to a priced route with an x402 proof: steps 4 to 11 of docs/architecture.md, in their
//! order. Nothing in it may be moved.

use std::sync::Arc;

use payments::{
    checkout::{self, PricedRequest},
    intent::KeptRequest,
    money::UsdcUnits,
    ports::ClaimKey,
    proof::ProofKey,
    route::Terms,
    x402::verify::{EXPIRY_PAD_S, LiveTransfer, VerifiedTransfer},
};

use super::{
    claiming::{answer_claimed, check_body, check_gates, to_its_end},
    earlier_terms,
    error::GatewayError,
    proof, replay,
    reply::GatewayReply,
    request::GatewayRequest,
    state::Gateway,
};
use crate::upstream::profile::UpstreamRoute;

/// A priced route that takes USDC.
pub struct UsdcRoute<'a> {
    pub upstream: &'a UpstreamRoute,
    pub terms: &'a Terms,
    pub price: UsdcUnits,
}

/// Pays for a call with an x402 proof, and serves it.
///
/// # Errors
/// The proof does not hold, nothing may fund the call, or its outcome is not known yet.
pub async fn pay_by_transfer(
    gateway: &Arc<Gateway>,
    route: UsdcRoute<'_>,
    call: &mut GatewayRequest,
    header: &[u8],
) -> Result<GatewayReply, GatewayError> {
    let Some(challenged) = call.challenged else { return Err(GatewayError::NoCredential) };
    // 4. Offline, without the time: a repeat must be recognised whatever the time is.
    let (transfer, identifier) = match proof::named(gateway, challenged, header) {
        Ok(Some(named)) => named,
        Ok(None) => return Err(GatewayError::NoCredential),
        Err(refused) => {
            return earlier_terms::of_transfer(gateway, call, header).await?.ok_or(refused);
        }
    };
    // 5. Known keys answer from the table of repeated keys: no limiter, no clock, no row. Copies
    //    that arrive at once take turns.
    let key = call.claim_key(&transfer.key(), identifier)?;
    let turn = gateway.turns.take(ProofKey::Authorization(transfer.key())).await;
    if let Some(known) =
        gateway.world.books.known(&key).await.map_err(|error| GatewayError::internal(&error))?
    {
        drop(turn);
        return replay::answer_known(gateway, call, &key, known).await;
    }
    // 6. The time, and the agent's limit.
    let live = match proof::live(gateway, &transfer) {
        Ok(live) => live,
        Err(refused) => return Err(over(gateway, call, &transfer, refused).await),
    };
    call.rate =
        Some(gateway.limits.agent(&proof::payer(&transfer), gateway.world.clock.now()).await?);
    call.proven = Some(proof::payer(&transfer));
    // 7. Everything that the upstream would refuse, before any money.
    check_body(gateway, route.upstream, call)?;
    // 8. What is open already, the upstream's health, its breaker and budget.
    check_gates(gateway).await?;
    // 9 and 10. The chain's view, then the claim.
    let request = priced_request(gateway, &route, call, live, key.clone());
    let id = request.id;
    let world = gateway.world.clone();
    let claimed =
        to_its_end(gateway, id, async move { checkout::claim(&world, request).await }).await?;
    drop(turn);
    answer_claimed(gateway, call, &key, claimed).await
}

/// A proof whose time is over, and that these books do not know, may have paid before they began:
/// then nobody is asked to pay again.
async fn over(
    gateway: &Gateway,
    call: &mut GatewayRequest,
    transfer: &VerifiedTransfer,
    refused: GatewayError,
) -> GatewayError {
    let now = gateway.world.clock.now();
    if transfer.value() == UsdcUnits::ZERO
        || transfer.valid_before_unix_s() > now.protocol_s().saturating_add(EXPIRY_PAD_S)
    {
        return refused;
    }
    match gateway.limits.agent(&proof::payer(transfer), now).await {
        Ok(rate) => call.rate = Some(rate),
        Err(limited) => return limited,
    }
    match checkout::settled_before(&gateway.world, transfer).await {
        Ok(None) => refused,
        Ok(Some(booked)) => GatewayError::SettledBefore(booked),
        Err(error) => error.into(),
    }
}

fn priced_request(
    gateway: &Gateway,
    route: &UsdcRoute<'_>,
    call: &GatewayRequest,
    live: LiveTransfer,
    key: ClaimKey,
) -> PricedRequest {
    PricedRequest {
        id: gateway.world.ids.payment_id(),
        payer: proof::payer(&live),
        proof_version: live.x402_version(),
        transfer: live,
        fingerprint: call.fingerprint,
        request: KeptRequest {
            route: call.route.clone(),
            path_and_query: call.path_and_query.clone(),
            body: call.body.clone(),
            content_type: call.content_type(),
        },
        price: route.price,
        free: route.terms.free.clone(),
        idempotency_key: key.idempotency.map(|(_, key)| key),
    }
}
