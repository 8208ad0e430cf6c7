//! A request to a priced route with an x402 proof: steps 4 to 11 of design.md section 6, in their order. Nothing in it may be moved.

use std::sync::Arc;

use axum::response::Response;
use http::header;
use payments::{
    challenge::{Phase, Retry},
    checkout::{self, ClaimError, PricedRequest, Progress},
    funding::FundingRefusal,
    intent::KeptRequest,
    money::UsdcUnits,
    ports::{ClaimKey, ClaimRefusal, Claimed, PreparationError, RailError, UpstreamError},
    x402::verify::{LiveTransfer, VerifiedTransfer},
};

use super::{
    Api,
    answer::{self, Delivered},
    credential,
    delivery::Attendance,
    dispatch::{Call, unpaid},
    problem::Fault,
    proof, refusal, replay,
};
use crate::upstream::profile::{Condition, UpstreamRoute};

pub(super) async fn answer(api: &Arc<Api>, upstream: &UpstreamRoute, call: &mut Call, header: &[u8]) -> Result<Response, Fault> {
    let Some(challenged) = call.asked.challenged else { return Err(unpaid(call)) };
    // 4. Offline, without the time: a repeat must be recognised whatever the time is.
    let Some((transfer, identifier)) = proof::named(api, challenged, header)? else { return Err(unpaid(call)) };
    // 5. Known keys answer from the table of repeated keys: no limiter, no clock, no row. Copies that arrive at once take turns.
    let key = claim_key(call, &transfer, identifier)?;
    let turn = api.turns.take(transfer.key()).await;
    if let Some(known) = api.world.books.known(&key).await.map_err(|error| Fault::internal(&error))? {
        drop(turn);
        return replay::answer(api, call, &key, known).await;
    }
    // 6. The time, and the agent's limit.
    let live = proof::live(api, &transfer)?;
    call.rate = Some(api.limits.agent(&proof::payer(&transfer), api.world.clock.now())?);
    call.proven = Some(proof::payer(&transfer));
    // 7. Everything that the upstream would refuse, before any money.
    check_body(api, upstream, call)?;
    // 8. What is open already, the upstream's health, its breaker and budget.
    api.load.creation(api.drives.count())?;
    api.load.upstream(&*api.world.upstream, api.world.clock.now()).await.map_err(closed)?;
    api.world.upstream.gate().map_err(closed)?;
    // 9 and 10. The chain's view, then the claim.
    let price = api.challenges.price(challenged).unwrap_or(UsdcUnits::ZERO);
    let request = priced_request(upstream, call, live, key.clone(), price);
    let claimed = checkout::claim(&api.world, request).await.map_err(not_claimed)?;
    drop(turn);
    match claimed {
        Claimed::New(intent) => {
            // 11. Its own task: a client that hangs up changes nothing.
            let attendance = Attendance::owner(Arc::clone(&api.world.books), intent.id);
            let id = intent.id;
            api.drives.start(intent, Progress::live());
            answer::awaited(api, call, id, attendance, Delivered::First).await
        }
        Claimed::Joined(intent) => {
            let attendance = Attendance::visitor(Arc::clone(&api.world.books), intent.id);
            answer::awaited(api, call, intent.id, attendance, Delivered::Again).await
        }
        Claimed::Known(known) => replay::answer(api, call, &key, known).await,
        Claimed::Refused(refusal) => Err(refused(&refusal)),
    }
}

/// The proof, and the one name that the client itself gave the request: for all of the payer's requests in `Idempotency-Key`, for one route
/// in the payment's identifier. A name of the one kind is never one of the other: a header's value holds no space.
fn claim_key(call: &Call, transfer: &VerifiedTransfer, identifier: Option<String>) -> Result<ClaimKey, Fault> {
    let name = match (credential::idempotency_key(&call.headers)?, identifier) {
        (Some(_), Some(_)) => {
            let fault = Fault::new(Condition::Validation, "a request has one name: Idempotency-Key or the payment's identifier");
            return Err(fault.reason("several_idempotency_keys").retry(Retry::FixRequest).field("Idempotency-Key", "one of both", "both"));
        }
        (Some(key), None) => Some(key),
        (None, Some(identifier)) => Some(format!("{} {identifier}", call.route)),
        (None, None) => None,
    };
    Ok(ClaimKey { proof: transfer.key(), idempotency: name.map(|name| (proof::payer(transfer), name)) })
}

fn check_body(api: &Api, upstream: &UpstreamRoute, call: &Call) -> Result<(), Fault> {
    let Some(schema) = &upstream.body else { return Ok(()) };
    let body = schema.contract.check(&call.body).map_err(|findings| refusal::of_schema(&findings))?;
    (api.body_rules)(&call.route, &body, api.world.clock.now().unix_s()).map_err(|refused| refusal::of_rules(&refused))
}

fn priced_request(upstream: &UpstreamRoute, call: &Call, live: LiveTransfer, key: ClaimKey, price: UsdcUnits) -> PricedRequest {
    PricedRequest {
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
        price,
        free_tier: upstream.free_tier.is_some(),
        idempotency_key: key.idempotency.map(|(_, key)| key),
    }
}

/// The upstream takes nothing now: said before anything is claimed.
pub(super) fn closed(error: UpstreamError) -> Fault {
    let retry_after_s = match error {
        UpstreamError::Busy { retry_after_s } => retry_after_s,
        UpstreamError::Unreachable(_) => 2,
    };
    Fault::unavailable("the service behind this gateway is not taking requests now; nothing was charged", retry_after_s)
        .reason("upstream_unavailable")
        .phase(Phase::Forward)
}

/// The chain could not be asked: nothing was claimed.
pub(super) fn chain_down(error: &RailError) -> Fault {
    tracing::warn!(error = %error, "rail.unavailable");
    Fault::unavailable("the chain cannot be asked now; nothing was charged", 2).reason("chain_unavailable").phase(Phase::Verify)
}

fn not_claimed(error: ClaimError) -> Fault {
    match error {
        ClaimError::Proof(error) => proof::refused(&error),
        ClaimError::Rail(error) => chain_down(&error),
        ClaimError::Books(error) => Fault::internal(&error),
        ClaimError::UsedForIdentity => used_for_identity(),
    }
}

/// A proof that identified somebody is used up, and pays for nothing.
pub(super) fn used_for_identity() -> Fault {
    Fault::new(Condition::X402Invalid, "this proof was used up on a free route; sign a new one")
        .reason("duplicate_settlement")
        .phase(Phase::Verify)
        .retry(Retry::PayAgain)
        .challenged()
}

fn refused(refusal: &ClaimRefusal) -> Fault {
    match refusal {
        ClaimRefusal::Funding(FundingRefusal::TooManyRefused) => Fault::new(
            Condition::RateLimited,
            "too many paid requests of yours were refused today; correct the request and come back later",
        )
        .reason("too_many_refused")
        .phase(Phase::Reserve)
        .retry(Retry::Wait)
        .header(header::RETRY_AFTER, "3600"),
        ClaimRefusal::Funding(FundingRefusal::ProofBelowPrice) => {
            Fault::new(Condition::X402Invalid, "the free launches of this month are used up and the wallet does not hold the price")
                .reason("insufficient_funds")
                .phase(Phase::Reserve)
                .retry(Retry::PayAgain)
                .challenged()
        }
        ClaimRefusal::Preparation(error) => {
            tracing::error!(error = %error, "rail.cannot_settle");
            let reason = match error {
                PreparationError::OutOfGas => "signer_out_of_gas",
                PreparationError::FeeAboveCap => "chain_fee_above_cap",
                PreparationError::Signing => "signing_failed",
            };
            Fault::unavailable("payments cannot be settled now; nothing was charged", 30).reason(reason).phase(Phase::Settle)
        }
    }
}
