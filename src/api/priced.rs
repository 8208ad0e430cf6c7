//! A request to a priced route with an x402 proof: steps 4 to 11, in their order. Nothing in it may be moved.

use std::sync::Arc;

use axum::response::Response;
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
    call::Call,
    claiming::{answer_claimed, check_body, check_gates, to_its_end},
    earlier_terms,
    error::GatewayError,
    proof, replay,
    state::Api,
};
use crate::upstream::profile::UpstreamRoute;

/// A priced route that takes USDC.
pub(super) struct UsdcRoute<'a> {
    pub(super) upstream: &'a UpstreamRoute,
    pub(super) terms: &'a Terms,
    pub(super) price: UsdcUnits,
}

pub(super) async fn answer(api: &Arc<Api>, route: UsdcRoute<'_>, call: &mut Call, header: &[u8]) -> Result<Response, GatewayError> {
    let Some(challenged) = call.asked.challenged else { return Err(GatewayError::NoCredential) };
    // 4. Offline, without the time: a repeat must be recognised whatever the time is.
    let (transfer, identifier) = match proof::named(api, challenged, header) {
        Ok(Some(named)) => named,
        Ok(None) => return Err(GatewayError::NoCredential),
        Err(refused) => return earlier_terms::of_transfer(api, call, header).await?.ok_or(refused),
    };
    // 5. Known keys answer from the table of repeated keys: no limiter, no clock, no row. Copies that arrive at once take turns.
    let key = call.claim_key(&transfer.key(), identifier)?;
    let turn = api.turns.take(ProofKey::Authorization(transfer.key())).await;
    if let Some(known) = api.world.books.known(&key).await.map_err(|error| GatewayError::internal(&error))? {
        drop(turn);
        return replay::answer(api, call, &key, known).await;
    }
    // 6. The time, and the agent's limit.
    let live = match proof::live(api, &transfer) {
        Ok(live) => live,
        Err(refused) => return Err(over(api, call, &transfer, refused).await),
    };
    call.rate = Some(api.limits.agent(&proof::payer(&transfer), api.world.clock.now()).await?);
    call.proven = Some(proof::payer(&transfer));
    // 7. Everything that the upstream would refuse, before any money.
    check_body(api, route.upstream, call)?;
    // 8. What is open already, the upstream's health, its breaker and budget.
    check_gates(api).await?;
    // 9 and 10. The chain's view, then the claim.
    let request = priced_request(api, &route, call, live, key.clone());
    let id = request.id;
    let world = api.world.clone();
    let claimed = to_its_end(api, id, async move { checkout::claim(&world, request).await }).await?;
    drop(turn);
    answer_claimed(api, call, &key, claimed).await
}

/// A proof whose time is over, and that these books do not know, may have paid before they began: then nobody is asked to pay again.
async fn over(api: &Api, call: &mut Call, transfer: &VerifiedTransfer, refused: GatewayError) -> GatewayError {
    let now = api.world.clock.now();
    if transfer.value() == UsdcUnits::ZERO || transfer.valid_before_unix_s() > now.protocol_s().saturating_add(EXPIRY_PAD_S) {
        return refused;
    }
    match api.limits.agent(&proof::payer(transfer), now).await {
        Ok(rate) => call.rate = Some(rate),
        Err(limited) => return limited,
    }
    match checkout::settled_before(&api.world, transfer).await {
        Ok(None) => refused,
        Ok(Some(booked)) => GatewayError::SettledBefore(booked),
        Err(error) => error.into(),
    }
}

fn priced_request(api: &Api, route: &UsdcRoute<'_>, call: &Call, live: LiveTransfer, key: ClaimKey) -> PricedRequest {
    PricedRequest {
        id: api.world.ids.payment_id(),
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
