//! A request to a priced route with an x402 proof: steps 4 to 11, in their order. Nothing in it may be moved.

use std::{sync::Arc, time::Duration};

use axum::response::Response;
use payments::{
    agent::Payer,
    challenge::Retry,
    checkout::{self, ClaimError, PricedRequest, Progress},
    ids::PaymentId,
    intent::KeptRequest,
    money::UsdcUnits,
    ports::{BooksError, ClaimKey, Claimed},
    proof::{PaymentKey, ProofKey},
    route::Terms,
    x402::verify::{EXPIRY_PAD_S, LiveTransfer, VerifiedTransfer},
};

use tokio::sync::oneshot;

use super::{
    Api,
    answer::{self, Delivered},
    call::Call,
    credential,
    delivery::Attendance,
    earlier_terms,
    faults::{claim_not_known, closed, not_claimed, refused, settled_before, unpaid},
    problem::Fault,
    proof, refusal, replay,
};
use crate::{
    telemetry::trace,
    upstream::profile::{Condition, UpstreamRoute},
    worker::drives::chain,
};

/// How long a request waits for its claim. The claim itself goes on.
const CLAIM_PATIENCE: Duration = Duration::from_secs(15);

/// A priced route that takes USDC.
pub(super) struct UsdcRoute<'a> {
    pub(super) upstream: &'a UpstreamRoute,
    pub(super) terms: &'a Terms,
    pub(super) price: UsdcUnits,
}

pub(super) async fn answer(api: &Arc<Api>, route: UsdcRoute<'_>, call: &mut Call, header: &[u8]) -> Result<Response, Fault> {
    let Some(challenged) = call.asked.challenged else { return Err(unpaid(api, call)) };
    // 4. Offline, without the time: a repeat must be recognised whatever the time is.
    let (transfer, identifier) = match proof::named(api, challenged, header) {
        Ok(Some(named)) => named,
        Ok(None) => return Err(unpaid(api, call)),
        Err(refused) => return earlier_terms::of_transfer(api, call, header).await?.ok_or(refused),
    };
    // 5. Known keys answer from the table of repeated keys: no limiter, no clock, no row. Copies that arrive at once take turns.
    let key = claim_key(call, &transfer.key(), identifier)?;
    let turn = api.turns.take(ProofKey::Authorization(transfer.key())).await;
    if let Some(known) = api.world.books.known(&key).await.map_err(|error| Fault::internal(&error))? {
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
async fn over(api: &Api, call: &mut Call, transfer: &VerifiedTransfer, refused: Fault) -> Fault {
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
        Ok(Some(booked)) => settled_before(&booked),
        Err(error) => not_claimed(error),
    }
}

/// Claims in a task of its own, and begins to drive what was claimed: a client that hangs up meanwhile leaves no claim that nobody drives, and
/// none that seems to be waited for.
///
/// # Errors
/// What [`not_claimed`] says; 503 with the payment's id when the claim may be written and nobody knows yet.
pub(super) async fn to_its_end(
    api: &Arc<Api>,
    id: PaymentId,
    claim: impl Future<Output = Result<Claimed, ClaimError>> + Send + 'static,
) -> Result<Claimed, Fault> {
    let (tell, told) = oneshot::channel();
    let (books, drives) = (Arc::clone(&api.world.books), api.drives.clone());
    tokio::spawn(trace::kept(async move {
        let claimed = claim.await;
        if let Ok(Claimed::New(intent)) = &claimed {
            tracing::info!(payment_id = %intent.id, state = intent.state.word(), funding = intent.funding.word(), "payment.claimed");
            drives.start(intent.clone(), Progress::live());
        }
        if let Err(ClaimError::Books(error @ BooksError::NotKnown(_))) = &claimed {
            tracing::error!(payment_id = %id, error = %chain(error), "payment.claim_not_known");
            books.unattended(id);
        }
        if let Err(Ok(Claimed::New(intent) | Claimed::Joined(intent))) = tell.send(claimed) {
            books.unattended(intent.id);
        }
    }));
    let claimed = tokio::select! {
        claimed = told => claimed.ok(),
        () = api.out_of_patience() => None,
        () = tokio::time::sleep(CLAIM_PATIENCE) => None,
    };
    match claimed {
        Some(Err(ClaimError::Books(BooksError::NotKnown(_)))) | None => Err(claim_not_known(api, id)),
        Some(claimed) => claimed.map_err(not_claimed),
    }
}

/// What a claim is answered with, of either protocol.
pub(super) async fn answer_claimed(api: &Arc<Api>, call: &mut Call, key: &ClaimKey, claimed: Claimed) -> Result<Response, Fault> {
    match claimed {
        Claimed::New(intent) => {
            // 11. It is driven in a task of its own: a client that hangs up changes nothing.
            let attendance = Attendance::owner(Arc::clone(&api.world.books), intent.id);
            answer::awaited(api, call, intent.id, attendance, Delivered::First).await
        }
        Claimed::Joined(intent) => {
            let attendance = Attendance::visitor(Arc::clone(&api.world.books), intent.id);
            answer::awaited(api, call, intent.id, attendance, Delivered::Again).await
        }
        Claimed::Known(known) => replay::answer(api, call, key, known).await,
        Claimed::Refused(refusal) => Err(refused(api, &refusal)),
    }
}

/// The proof, and the one name that the client itself gave the request: for all of the payer's requests in `Idempotency-Key`, for one route
/// in the payment's identifier. A name of the one kind is never one of the other: a header's value holds no space.
pub(super) fn claim_key(call: &Call, payment: &PaymentKey, identifier: Option<String>) -> Result<ClaimKey, Fault> {
    let name = match (credential::idempotency_key(&call.headers)?, identifier) {
        (Some(_), Some(_)) => {
            let fault = Fault::new(Condition::Validation, "a request has one name: Idempotency-Key or the payment's identifier");
            return Err(fault.reason("several_idempotency_keys").retry(Retry::FixRequest).field("Idempotency-Key", "one of both", "both"));
        }
        (Some(key), None) => Some(key),
        (None, Some(identifier)) => Some(format!("{} {identifier}", call.route)),
        (None, None) => None,
    };
    let proof = Some(ProofKey::Authorization(*payment));
    Ok(ClaimKey { proof, idempotency: name.map(|name| (Payer::Wallet(payment.from), name)) })
}

/// Step 8: what is open already, the upstream's health, its breaker and budget.
pub(super) async fn check_gates(api: &Api) -> Result<(), Fault> {
    api.load.creation(api.drives.count())?;
    api.world.upstream.gate().map_err(closed)?;
    api.world.upstream.ready().await.map_err(closed)
}

/// Step 7: the body against the schema and the agent rules.
pub(super) fn check_body(api: &Api, upstream: &UpstreamRoute, call: &Call) -> Result<(), Fault> {
    let Some(schema) = &upstream.body else { return Ok(()) };
    let body = schema.contract.check(&call.body).map_err(|findings| refusal::of_schema(&findings))?;
    (api.body_rules)(&call.route, &body, api.world.clock.now().unix_s()).map_err(|refused| refusal::of_rules(&refused))
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
