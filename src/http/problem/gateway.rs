//! What each refusal of the gateway is answered with: every error once, none left out.

use http::header;
use payments::{
    challenge::{Phase, Retry},
    funding::FundingRefusal,
    ports::{PreparationError, RailError, UpstreamError},
};
use serde_json::json;

use super::{
    super::{
        asked::{Asked, RATE_LIMITED},
        rate,
        state::Api,
    },
    answer::ErrorAnswer,
    card, payment,
};
use crate::{
    gateway::{BodyFinding, BodyRefusal, GatewayError, RateLimited},
    upstream::{contract::BodyError, profile::Condition},
};

/// Seconds after which a rule that could not be checked may be asked again.
const RULES_RETRY_AFTER_S: u64 = 2;

pub(super) fn answer(api: &Api, asked: &Asked, error: &GatewayError) -> ErrorAnswer {
    match error {
        GatewayError::NoCredential => payment::no_credential(api, asked),
        GatewayError::RailNotOffered(rail) => payment::rail_not_offered(api, asked, *rail),
        GatewayError::ApiKeyNotTaken => ErrorAnswer::new(Condition::Unauthenticated, "this route does not accept API keys")
            .reason("api_key_not_taken")
            .retry(Retry::FixRequest),
        GatewayError::ApiKeyNamesNoPayer => {
            ErrorAnswer::new(Condition::Unauthenticated, "this route is for paying agents, not API keys")
        }
        GatewayError::InvalidProof(error) => payment::invalid_proof(error),
        GatewayError::InvalidCard(error) => card::invalid_credential(error),
        GatewayError::UsedForIdentity => payment::used_for_identity(),
        GatewayError::UsedForAnother { payment, known_by } => payment::used_for_another(*payment, *known_by),
        GatewayError::InvalidIdempotencyKey { bytes } => payment::invalid_idempotency_key(*bytes),
        GatewayError::SeveralIdempotencyKeys => payment::several_idempotency_keys(),
        GatewayError::SettledBefore(booked) => payment::settled_before(booked),
        GatewayError::UseNotKnown => payment::use_not_known(),
        GatewayError::Funding(refusal) => funding(api, refusal),
        GatewayError::Preparation(error) => preparation(error),
        GatewayError::QueueFull => queue_full(),
        GatewayError::OutcomePending { payment, receipt } => payment::outcome_pending(*payment, receipt.as_ref()),
        GatewayError::CreditsPending { payment, price } => payment::credits_pending(*payment, *price),
        GatewayError::NotSettled { payment, failure, next, receipt } => {
            payment::not_settled(*payment, failure.as_ref(), *next, receipt.as_ref())
        }
        GatewayError::NotCharged { payment, failure } => card::not_charged(*payment, failure.as_ref()),
        GatewayError::Upstream(error) => upstream(error),
        GatewayError::Chain(error) => chain(error),
        GatewayError::RateLimited(limited) => rate_limited(api, limited),
        GatewayError::Overloaded => overloaded("overloaded"),
        GatewayError::TooManyOpenPayments => overloaded("too_many_open_payments"),
        GatewayError::InvalidBody(findings) => invalid_body(findings),
        GatewayError::RefusedBody(refusal) => refused_body(refusal),
        GatewayError::NoSuchPayment => ErrorAnswer::new(Condition::NotFound, "payment not found").retry(Retry::FixRequest),
        GatewayError::NoSuchRoute { asked } => no_such_route(asked),
        GatewayError::Card(error) => card::answer(error),
        // The same proof may have come before: what became of it then is not known here.
        GatewayError::Internal => {
            ErrorAnswer::unavailable("temporary gateway error; this request was not charged; repeat it, with the same proof if it had one", 2)
                .retry(Retry::ResendSameProof)
        }
    }
}

/// Nothing may or can fund the request: nothing was claimed.
fn funding(api: &Api, refusal: &FundingRefusal) -> ErrorAnswer {
    match refusal {
        FundingRefusal::TooManyRefused => too_many(
            "too many of your paid requests were rejected today; correct the request and try again later",
            "too_many_refused",
        ),
        FundingRefusal::TooManyReverts => too_many(
            "too many of your payments reverted on-chain within an hour; make sure that the wallet can pay when the block is made; nothing was charged",
            "too_many_reverts",
        ),
        FundingRefusal::SettlementLost(lost) => payment::settlement_lost(*lost),
        FundingRefusal::GasBudgetSpent => {
            tracing::error!(setting = "x402.max_gas_lost_gwei_per_hour", "rail.gas_budget_spent");
            let message = "wallet payments are temporarily disabled; nothing was charged";
            ErrorAnswer::unavailable(message, 600).reason("gas_budget_spent").phase(Phase::Reserve)
        }
        FundingRefusal::BalancePromised => {
            let message = "other payments of this wallet that are under way may take its balance; the same proof is good once they are over; \
                           nothing was charged";
            ErrorAnswer::unavailable(message, 2).reason("balance_promised").phase(Phase::Reserve)
        }
        FundingRefusal::NoCredit | FundingRefusal::TooFewCredits { .. } => {
            card::no_credits(api, refusal, "no_credits")
        }
        FundingRefusal::Frozen => card::no_credits(api, refusal, "credits_frozen"),
        FundingRefusal::ProofBelowPrice => payment::proof_below_price(),
        FundingRefusal::FreeCallsExhaustedToday => payment::free_calls_exhausted(api),
    }
}

fn too_many(message: &str, reason: &str) -> ErrorAnswer {
    let answer = ErrorAnswer::new(Condition::RateLimited, message).reason(reason);
    answer.phase(Phase::Reserve).retry(Retry::Wait).header(header::RETRY_AFTER, "3600")
}

fn preparation(error: &PreparationError) -> ErrorAnswer {
    tracing::error!(error = %error, "rail.cannot_settle");
    let reason = match error {
        PreparationError::OutOfGas => "signer_out_of_gas",
        PreparationError::FeeAboveCap => "chain_fee_above_cap",
        PreparationError::Signing => "signing_failed",
    };
    ErrorAnswer::unavailable("payments cannot be settled at the moment; nothing was charged", 30)
        .reason(reason)
        .phase(Phase::Settle)
}

/// Said before anything is claimed: the same proof is good once the queue is shorter.
fn queue_full() -> ErrorAnswer {
    ErrorAnswer::unavailable("too many payments wait to be settled; nothing was charged", 5)
        .reason("settlement_queue_full")
        .phase(Phase::Settle)
}

/// Said before anything is claimed.
fn upstream(error: &UpstreamError) -> ErrorAnswer {
    let unavailable = |retry_after_s| {
        let message = "upstream unavailable; nothing was charged";
        ErrorAnswer::unavailable(message, retry_after_s).reason("upstream_unavailable")
    };
    let answer = match error {
        UpstreamError::Busy { retry_after_s } => unavailable(*retry_after_s),
        UpstreamError::Unreachable(_) => unavailable(2),
        UpstreamError::RefusesUs { retry_after_s } => {
            let message = "the upstream rejects the gateway's own credentials; nothing was charged";
            ErrorAnswer::unavailable(message, *retry_after_s).reason("upstream_refuses_us")
        }
    };
    answer.phase(Phase::Forward)
}

fn chain(error: &RailError) -> ErrorAnswer {
    tracing::warn!(error = %error, "rail.unavailable");
    match error {
        RailError::TokenPaused => {
            let message = "payments cannot be settled while the token is paused; nothing was charged, and the same proof is good until it expires";
            ErrorAnswer::unavailable(message, 30).reason("token_paused").phase(Phase::Settle)
        }
        RailError::Unreachable(_)
        | RailError::WrongChain(_)
        | RailError::Refused(_)
        | RailError::NotReady(_) => {
            ErrorAnswer::unavailable("the blockchain node is unavailable; nothing was charged", 2)
                .reason("chain_unavailable")
                .phase(Phase::Verify)
        }
    }
}

fn rate_limited(api: &Api, limited: &RateLimited) -> ErrorAnswer {
    let retry_after_s = (limited.wait_ms / 1_000).saturating_add(1);
    let message = format!("too many requests. please try again in {retry_after_s} seconds.");
    let answer = ErrorAnswer::new(Condition::RateLimited, message)
        .reason(RATE_LIMITED)
        .retry(Retry::Wait)
        .header(header::RETRY_AFTER, &retry_after_s.to_string())
        .member("limit", limited.limit)
        .member("remaining", 0_u32);
    let left = limited
        .agent
        .into_iter()
        .flat_map(|state| rate::headers(state, &api.settings.rate_headers));
    left.fold(answer, |answer, (name, value)| answer.header(name, &value))
}

fn overloaded(reason: &str) -> ErrorAnswer {
    let message = "the gateway is overloaded; this request was not processed; retry later";
    ErrorAnswer::unavailable(message, 1).reason(reason).retry(Retry::Wait)
}

/// Every finding of the schema with its member, in the form that the launch core uses too.
fn invalid_body(findings: &[BodyError]) -> ErrorAnswer {
    let details = findings.iter().map(|error| BodyFinding {
        field: error.field.clone(),
        message: error.message.clone(),
        expected: error.expected.clone(),
        got: error.got.clone(),
    });
    let details: Vec<_> = details.collect();
    let message = details.first().map_or("the body is not valid", |first| &first.message);
    let answer = ErrorAnswer::new(Condition::Validation, message)
        .reason("invalid_body")
        .retry(Retry::FixRequest);
    match details.first() {
        Some(first) => answer
            .field(&first.field, &first.expected, &first.got)
            .member("details", json!(details)),
        None => answer,
    }
}

/// What the rules beyond the schema say. A status of 500 and more means that they could not be
/// asked.
fn refused_body(refusal: &BodyRefusal) -> ErrorAnswer {
    if refusal.status >= 500 {
        return ErrorAnswer::unavailable(&refusal.message, RULES_RETRY_AFTER_S)
            .with_code(refusal.status, &refusal.code)
            .reason("upstream_unavailable");
    }
    ErrorAnswer::new(Condition::Validation, &refusal.message)
        .with_code(refusal.status, &refusal.code)
        .reason("invalid_body")
        .retry(Retry::FixRequest)
        .field(&refusal.field, &refusal.expected, &refusal.got)
        .member("details", json!(refusal.details))
}

fn no_such_route(asked: &str) -> ErrorAnswer {
    let got: String = asked.chars().take(64).collect();
    let answer = ErrorAnswer::new(Condition::NotFound, "unknown route").reason("unknown_route");
    answer.retry(Retry::FixRequest).field(
        "route",
        "a method and a path, such as POST+/launches",
        &got,
    )
}
