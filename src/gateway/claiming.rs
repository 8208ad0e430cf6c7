//! Steps 7 to 11 of docs/architecture.md, of either rail: the gates before a claim, the claim to
//! its end, and the answer of what it made.

use std::{sync::Arc, time::Duration};

use payments::{
    checkout::ClaimError,
    ids::PaymentId,
    ports::{BooksError, ClaimKey, Claimed},
};
use tokio::sync::oneshot;

use super::{
    answer::{self, Delivered},
    attendance::Attendance,
    error::GatewayError,
    replay,
    reply::GatewayReply,
    request::GatewayRequest,
    state::Gateway,
};
use crate::{telemetry::trace, upstream::profile::UpstreamRoute, worker::drives::chain};

/// How long a request waits for its claim. The claim itself goes on.
const CLAIM_PATIENCE: Duration = Duration::from_secs(15);

/// Claims in a task of its own, and begins to drive what was claimed: a client that hangs up
/// meanwhile leaves no claim that nobody drives, and none that seems to be waited for.
///
/// # Errors
/// What the claim says; [`GatewayError::OutcomePending`] when the claim may be written and its
/// answer is not known yet.
pub async fn to_its_end(
    gateway: &Arc<Gateway>,
    id: PaymentId,
    claim: impl Future<Output = Result<Claimed, ClaimError>> + Send + 'static,
) -> Result<Claimed, GatewayError> {
    let (tell, told) = oneshot::channel();
    let (books, drives) = (Arc::clone(&gateway.world.books), gateway.drives.clone());
    tokio::spawn(trace::kept(async move {
        let claimed = claim.await;
        if let Ok(Claimed::New(intent)) = &claimed {
            tracing::info!(payment_id = %intent.id, state = intent.state.word(), funding = intent.funding.word(), "payment.claimed");
            drives.take_on(intent.clone());
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
        () = gateway.out_of_patience() => None,
        () = tokio::time::sleep(CLAIM_PATIENCE) => None,
    };
    match claimed {
        Some(Err(ClaimError::Books(BooksError::NotKnown(_)))) | None => {
            // Whoever sends the same again joins it, with whatever proof.
            gateway.world.books.unattended(id);
            answer::name_payment(id);
            Err(GatewayError::OutcomePending { payment: id, receipt: None })
        }
        Some(claimed) => claimed.map_err(GatewayError::from),
    }
}

/// What a claim is answered with, of either protocol.
pub async fn answer_claimed(
    gateway: &Arc<Gateway>,
    call: &mut GatewayRequest,
    key: &ClaimKey,
    claimed: Claimed,
) -> Result<GatewayReply, GatewayError> {
    match claimed {
        Claimed::New(intent) => {
            // 11. It is driven in a task of its own: a client that hangs up changes nothing.
            let attendance = Attendance::owner(Arc::clone(&gateway.world.books), intent.id);
            answer::awaited(gateway, call, intent.id, attendance, Delivered::First).await
        }
        Claimed::Joined(intent) => {
            let attendance = Attendance::visitor(Arc::clone(&gateway.world.books), intent.id);
            answer::awaited(gateway, call, intent.id, attendance, Delivered::Again).await
        }
        Claimed::Known(known) => replay::answer_known(gateway, call, key, known).await,
        Claimed::Refused(refusal) => Err(refusal.into()),
    }
}

/// Step 8 of docs/architecture.md: what is open already, the upstream's health, its breaker and
/// budget.
pub async fn check_gates(gateway: &Gateway) -> Result<(), GatewayError> {
    gateway.load.creation(gateway.drives.count())?;
    gateway.world.upstream.gate().map_err(GatewayError::Upstream)?;
    gateway.world.upstream.ready().await.map_err(GatewayError::Upstream)
}

/// Step 7 of docs/architecture.md: the body against the schema and the agent rules.
pub fn check_body(
    gateway: &Gateway,
    upstream: &UpstreamRoute,
    call: &GatewayRequest,
) -> Result<(), GatewayError> {
    let Some(schema) = &upstream.body else { return Ok(()) };
    let body = schema.contract.check(&call.body).map_err(GatewayError::InvalidBody)?;
    (gateway.body_rules)(&call.route, &body, gateway.world.clock.now().unix_s())
        .map_err(GatewayError::RefusedBody)
}
