//! Faults that more than one room answers with: no payment, nothing claimed, nobody there.

use http::header;
use payments::{
    challenge::{Phase, Retry},
    checkout::ClaimError,
    funding::FundingRefusal,
    ids::PaymentId,
    ports::{ClaimRefusal, PreparationError, RailError, UnclaimedBooked, UpstreamError},
};

use super::{Api, answer, call::Call, problem::Fault, proof};
use crate::upstream::profile::Condition;

/// What surprises payers with the clients' own settings.
const CLIENT_CAPS: &str = "clients often cap a payment at 0.10 or 1.00 USD";

/// Step 3: no credential, no store is asked.
pub(super) fn unpaid(api: &Api, call: &Call) -> Fault {
    let message = unpaid_message(api, call);
    Fault::new(Condition::PaymentRequired, message).reason("no_credential").phase(Phase::Challenge).retry(Retry::PayAgain).challenged()
}

fn unpaid_message(api: &Api, call: &Call) -> String {
    let asked = call.asked.challenged;
    let usdc = asked.and_then(|challenged| api.challenges.price(challenged));
    let free = match api.table.quota_of(&call.route) {
        Some(quota) => format!("wallets have some free each {}, and ", quota.window.word()),
        None => String::new(),
    };
    match (usdc, api.challenges.card_price(asked)) {
        (Some(usdc), Some(usd)) => {
            format!("payment required: {usdc} USDC (x402) or {usd} USD by card (MPP) for {}; {free}{CLIENT_CAPS}", call.route)
        }
        (Some(usdc), None) => format!("payment required: {usdc} USDC (x402) for {}; {free}{CLIENT_CAPS}", call.route),
        (None, Some(usd)) => format!("payment required: {usd} USD by card (MPP) for {}", call.route),
        (None, None) => String::from("identify yourself with a signed x402 payment of amount 0; nothing is charged"),
    }
}

/// The credential is of a rail that the route does not offer: the 402 says which it does. Nothing is claimed, and no proof is used up.
pub(super) fn not_offered(api: &Api, call: &Call, by: &str) -> Fault {
    let message = format!("{} is not paid by {by}; nothing was charged; {}", call.route, unpaid_message(api, call));
    Fault::new(Condition::PaymentRequired, message).reason("rail_not_offered").phase(Phase::Challenge).retry(Retry::PayAgain).challenged()
}

/// The upstream takes nothing now: said before anything is claimed.
pub(super) fn closed(error: UpstreamError) -> Fault {
    let unavailable = ("the service behind this gateway is not taking requests now; nothing was charged", "upstream_unavailable");
    let ((message, reason), retry_after_s) = match error {
        UpstreamError::Busy { retry_after_s } => (unavailable, retry_after_s),
        UpstreamError::Unreachable(_) => (unavailable, 2),
        UpstreamError::RefusesUs { retry_after_s } => {
            (("the service behind this gateway refuses the gateway itself; nothing was charged", "upstream_refuses_us"), retry_after_s)
        }
    };
    Fault::unavailable(message, retry_after_s).reason(reason).phase(Phase::Forward)
}

/// The chain could not be asked: nothing was claimed.
pub(super) fn chain_down(error: &RailError) -> Fault {
    tracing::warn!(error = %error, "rail.unavailable");
    if *error == RailError::TokenPaused {
        let message =
            "payments cannot be settled while the token is paused; nothing was charged, and the same proof is good until it expires";
        return Fault::unavailable(message, 30).reason("token_paused").phase(Phase::Settle);
    }
    Fault::unavailable("the chain cannot be asked now; nothing was charged", 2).reason("chain_unavailable").phase(Phase::Verify)
}

pub(super) fn not_claimed(error: ClaimError) -> Fault {
    match error {
        ClaimError::Proof(error) => proof::refused(&error),
        ClaimError::Rail(error) => chain_down(&error),
        ClaimError::Upstream(error) => closed(error),
        ClaimError::Books(error) => Fault::internal(&error),
        ClaimError::SettledBefore(booked) => settled_before(&booked),
        ClaimError::UseNotKnown => {
            let message = "the token took this proof, and what it paid is not known yet; repeat the same request with the same proof";
            Fault::unavailable(message, 2).reason("use_not_known").phase(Phase::Verify).retry(Retry::ResendSameProof)
        }
        ClaimError::UsedForIdentity => used_for_identity(),
        ClaimError::NoCards => {
            Fault::unavailable("no cards are taken here; nothing was charged", 30).reason("no_cards").phase(Phase::Verify)
        }
    }
}

/// It paid us, and these books are older. The proof is public by now and opens nothing; what it paid is owed to its wallet.
pub(super) fn settled_before(booked: &UnclaimedBooked) -> Fault {
    let (message, retry) = match booked {
        UnclaimedBooked::Open { until } => {
            let until = until.rfc3339();
            let message = format!(
                "this payment was settled before these books began; what it paid is owed to its wallet until {until}: sign a new proof for the \
                 same price, which will not be charged"
            );
            (message, Retry::FixRequest)
        }
        UnclaimedBooked::Over => {
            (String::from("this payment was settled before these books began, and what it paid was used or given back"), Retry::Never)
        }
        UnclaimedBooked::Suspense => (
            String::from("this payment was settled before these books began, or for another service; ask the operator about it"),
            Retry::Never,
        ),
    };
    Fault::new(Condition::Conflict, message).reason("settled_before_these_books").phase(Phase::Verify).retry(retry)
}

/// The claim may be written, and its answer was lost. Whoever asks for the same again joins it, with whatever proof.
pub(super) fn claim_not_known(api: &Api, id: PaymentId) -> Fault {
    api.world.books.unattended(id);
    answer::named(id);
    answer::not_known_yet(id)
}

/// A proof that identified somebody is used up, and pays for nothing.
pub(super) fn used_for_identity() -> Fault {
    Fault::new(Condition::X402Invalid, "this proof was used up on a free route; sign a new one")
        .reason("duplicate_settlement")
        .phase(Phase::Verify)
        .retry(Retry::PayAgain)
        .challenged()
}

/// A payment that served this wallet is not on the chain any more. No challenge goes out: another payment would be refused, too.
pub(super) fn settlement_lost(lost: PaymentId) -> Fault {
    let message = "a reorganisation of the chain took a payment of this wallet that was served; until it is back, or the operator has settled it, \
                   this wallet is served nothing, free or paid. Nothing was charged";
    Fault::new(Condition::PaymentRequired, message)
        .reason("settlement_lost")
        .phase(Phase::Reserve)
        .retry(Retry::Wait)
        .payment(lost)
        .header(header::RETRY_AFTER, "60")
}

/// Nothing may or can fund the request: nothing was claimed.
pub(super) fn refused(api: &Api, refusal: &ClaimRefusal) -> Fault {
    match refusal {
        ClaimRefusal::Funding(FundingRefusal::TooManyRefused) => Fault::new(
            Condition::RateLimited,
            "too many paid requests of yours were refused today; correct the request and come back later",
        )
        .reason("too_many_refused")
        .phase(Phase::Reserve)
        .retry(Retry::Wait)
        .header(header::RETRY_AFTER, "3600"),
        ClaimRefusal::Funding(FundingRefusal::TooManyReverts) => Fault::new(
            Condition::RateLimited,
            "too many payments of yours reverted on the chain within an hour; see that the wallet can pay when the block is made; nothing was charged",
        )
        .reason("too_many_reverts")
        .phase(Phase::Reserve)
        .retry(Retry::Wait)
        .header(header::RETRY_AFTER, "3600"),
        ClaimRefusal::Funding(FundingRefusal::SettlementLost(lost)) => settlement_lost(*lost),
        ClaimRefusal::Funding(FundingRefusal::GasBudgetSpent) => {
            tracing::error!("rail.gas_budget_spent: reverted payments cost what x402.max_gas_lost_gwei_per_hour allows");
            let message = "payments by transfer are not taken for a while; nothing was charged";
            Fault::unavailable(message, 600).reason("gas_budget_spent").phase(Phase::Reserve)
        }
        ClaimRefusal::Funding(FundingRefusal::BalancePromised) => {
            let message = "other payments of this wallet that are under way may take its balance; the same proof is good once they are over; \
                           nothing was charged";
            Fault::unavailable(message, 2).reason("balance_promised").phase(Phase::Reserve)
        }
        ClaimRefusal::Funding(
            refusal @ (FundingRefusal::NoCredit | FundingRefusal::TooFewCredits { .. } | FundingRefusal::Frozen),
        ) => {
            let reason = if *refusal == FundingRefusal::Frozen { "credits_frozen" } else { "no_credits" };
            let message = format!("{refusal}; buy a pack (POST /credits/purchase), or pay for this request alone");
            let fault = Fault::new(Condition::PaymentRequired, message).reason(reason).phase(Phase::Reserve).retry(Retry::PayAgain);
            let packs: Vec<_> = api.cards.iter().filter_map(|desk| desk.pack).map(|pack| pack.shown()).collect();
            fault.member("packs", packs).member("purchase_endpoint", "POST /v1/credits/purchase").challenged()
        }
        ClaimRefusal::Funding(FundingRefusal::ProofBelowPrice) => {
            Fault::new(Condition::X402Invalid, "no free launch is left for this wallet now, and this payment does not pay the price")
                .reason("insufficient_funds")
                .phase(Phase::Reserve)
                .retry(Retry::PayAgain)
                .challenged()
        }
        ClaimRefusal::Funding(FundingRefusal::FreeCallsExhaustedToday) => {
            let resets_at = api.world.clock.now().day_end().rfc3339_s();
            let message = format!(
                "the free launches of all wallets are used up for today; nothing was charged, and this payment is refused for good: sign a new \
                 one to pay the price, or come back after {resets_at}"
            );
            let fault = Fault::new(Condition::PaymentRequired, message).reason("free_calls_exhausted_today").phase(Phase::Reserve);
            fault.retry(Retry::PayAgain).member("resets_at", resets_at).challenged()
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
