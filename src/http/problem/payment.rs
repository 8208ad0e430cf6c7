//! What a payment by x402 that does not fund its call is answered with. A challenge is sent along
//! only where it is certain that nothing was sent for the request.

use http::{HeaderName, header};
use payments::{
    challenge::{Phase, Retry},
    error::ProofError,
    ids::PaymentId,
    money::Amount,
    ports::UnclaimedBooked,
    settlement::PaymentFailure,
};

use super::{
    super::{asked::Asked, state::Api},
    answer::ErrorAnswer,
};
use crate::{
    gateway::{KnownBy, NextPayment, OfferedRail, ReceiptHeader},
    upstream::profile::Condition,
};

/// Seconds after which a client may ask again about an open outcome.
const PENDING_RETRY_AFTER_S: &str = "2";

/// Step 3 of docs/architecture.md: no credential, no store is asked.
pub(super) fn no_credential(api: &Api, asked: &Asked) -> ErrorAnswer {
    challenge(offers(api, asked), "no_credential")
}

/// The 402 says which rails the route offers. Nothing is claimed, and no proof is used up.
pub(super) fn rail_not_offered(api: &Api, asked: &Asked, rail: OfferedRail) -> ErrorAnswer {
    let by = match rail {
        OfferedRail::X402 => "x402",
        OfferedRail::Card => "a card",
        OfferedRail::Credits => "credits",
    };
    let message = format!(
        "{} cannot be paid by {by}; nothing was charged; {}",
        asked.route_key,
        offers(api, asked)
    );
    challenge(message, "rail_not_offered")
}

fn challenge(message: String, reason: &str) -> ErrorAnswer {
    let answer = ErrorAnswer::new(Condition::PaymentRequired, message).reason(reason);
    answer.phase(Phase::Challenge).retry(Retry::PayAgain).challenged()
}

fn offers(api: &Api, asked: &Asked) -> String {
    let (route, challenged) = (&asked.route_key, asked.challenged);
    let usdc = challenged.and_then(|challenged| api.gateway.challenges.price(challenged));
    let free = match api.gateway.table.quota_of(route) {
        Some(quota) => format!("; {} free per {}", quota.count, quota.window.word()),
        None => String::new(),
    };
    match (usdc, api.gateway.challenges.card_price(challenged)) {
        (Some(usdc), Some(usd)) => {
            format!(
                "payment required: {usdc} USDC (x402) or {usd} USD by card (MPP) for {route}{free}"
            )
        }
        (Some(usdc), None) => {
            format!("payment required: {usdc} USDC (x402) for {route}{free}")
        }
        (None, Some(usd)) => format!("payment required: {usd} USD by card (MPP) for {route}"),
        (None, None) => String::from(
            "identify yourself with a signed x402 payment of amount 0; nothing is charged",
        ),
    }
}

/// In the place of a challenge while the node answers for another chain.
pub(super) fn no_challenge() -> ErrorAnswer {
    ErrorAnswer::unavailable("payments cannot be accepted at the moment; nothing was charged", 30)
        .reason("chain_unavailable")
        .phase(Phase::Challenge)
}

/// The field, what was expected and what came.
pub(super) fn invalid_proof(error: &ProofError) -> ErrorAnswer {
    if error.status_hint() == 400 {
        let message = format!("invalid request: {}", error.reason.code());
        return ErrorAnswer::new(Condition::Validation, message)
            .unverified()
            .reason(error.reason.code())
            .retry(Retry::FixRequest)
            .field(error.field, &error.expected, &error.got);
    }
    let message = format!("x402 payment rejected: {}", error.reason.code());
    let answer = ErrorAnswer::new(Condition::X402Invalid, message)
        .reason(error.reason.code())
        .phase(Phase::Verify)
        .retry(Retry::PayAgain)
        .field(error.field, &error.expected, &error.got)
        .challenged();
    match error.status_hint() {
        431 => answer.with_code(431, "PAYMENT_002"),
        _ => answer,
    }
}

/// A proof that identified its payer is used up, and pays for nothing.
pub(super) fn used_for_identity() -> ErrorAnswer {
    ErrorAnswer::new(
        Condition::X402Invalid,
        "this proof was already used on a free route; sign a new one",
    )
    .reason("duplicate_settlement")
    .phase(Phase::Verify)
    .retry(Retry::PayAgain)
    .challenged()
}

pub(super) fn used_for_another(payment: PaymentId, known_by: KnownBy) -> ErrorAnswer {
    let reason = match known_by {
        KnownBy::IdempotencyKey => "idempotency_key_used",
        KnownBy::Proof => "proof_used",
    };
    ErrorAnswer::new(
        Condition::Conflict,
        "idempotency key or proof already used with a different request; use a new key; nothing was charged",
    )
    .reason(reason)
    .phase(Phase::Verify)
    .retry(Retry::Never)
    .payment(payment)
}

pub(super) fn invalid_idempotency_key(bytes: usize) -> ErrorAnswer {
    ErrorAnswer::new(
        Condition::Validation,
        "Idempotency-Key must be 1-255 printable ASCII characters without spaces",
    )
    .retry(Retry::FixRequest)
    .reason("invalid_idempotency_key")
    .field("Idempotency-Key", "1 to 255 printable characters, once", &format!("{bytes} bytes"))
}

pub(super) fn several_idempotency_keys() -> ErrorAnswer {
    ErrorAnswer::new(
        Condition::Validation,
        "send either Idempotency-Key or the payment identifier, not both",
    )
    .reason("several_idempotency_keys")
    .retry(Retry::FixRequest)
    .field("Idempotency-Key", "one of both", "both")
}

/// It paid us, and these books are older. The proof is public by now and opens nothing; what it
/// paid is owed to its wallet.
pub(super) fn settled_before(booked: &UnclaimedBooked) -> ErrorAnswer {
    let (message, retry) = match booked {
        UnclaimedBooked::Open { until } => {
            let until = until.rfc3339();
            let message = format!(
                "this payment was settled before these books began; what it paid is owed to its wallet until {until}: sign a new proof for the \
                 same price, which will not be charged"
            );
            (message, Retry::FixRequest)
        }
        UnclaimedBooked::Over => (
            String::from(
                "this payment was settled before this ledger began, and was used or refunded",
            ),
            Retry::Never,
        ),
        UnclaimedBooked::Suspense => (
            String::from(
                "this payment was settled before this ledger began, or for another service; contact the operator",
            ),
            Retry::Never,
        ),
    };
    ErrorAnswer::new(Condition::Conflict, message)
        .reason("settled_before_these_books")
        .phase(Phase::Verify)
        .retry(retry)
}

pub(super) fn use_not_known() -> ErrorAnswer {
    let message = "this proof was settled on-chain, but its payment is not identified yet; repeat the same request with the same proof";
    ErrorAnswer::unavailable(message, 2)
        .reason("use_not_known")
        .phase(Phase::Verify)
        .retry(Retry::ResendSameProof)
}

/// No challenge is sent along: another payment would be refused, too.
pub(super) fn settlement_lost(lost: PaymentId) -> ErrorAnswer {
    let message = "a reorganisation of the chain took a payment of this wallet that was served; until it is back, or the operator has settled it, \
                   this wallet is served nothing, free or paid. Nothing was charged";
    ErrorAnswer::new(Condition::PaymentRequired, message)
        .reason("settlement_lost")
        .phase(Phase::Reserve)
        .retry(Retry::Wait)
        .payment(lost)
        .header(header::RETRY_AFTER, "60")
}

pub(super) fn proof_below_price() -> ErrorAnswer {
    ErrorAnswer::new(
        Condition::X402Invalid,
        "this wallet has no free launch left, and this payment does not cover the price",
    )
    .reason("insufficient_funds")
    .phase(Phase::Reserve)
    .retry(Retry::PayAgain)
    .challenged()
}

pub(super) fn free_calls_exhausted(api: &Api) -> ErrorAnswer {
    let resets_at = api.gateway.world.clock.now().day_end().rfc3339_s();
    let message = format!(
        "the free launches of all wallets are used up for today; nothing was charged, and this payment is refused for good: sign a new \
         one to pay the price, or come back after {resets_at}"
    );
    let answer = ErrorAnswer::new(Condition::PaymentRequired, message)
        .reason("free_calls_exhausted_today")
        .phase(Phase::Reserve);
    answer.retry(Retry::PayAgain).member("resets_at", resets_at).challenged()
}

/// The payment is named, and what to do about it; nothing is said about what it cost.
pub(super) fn outcome_pending(payment: PaymentId, receipt: Option<&ReceiptHeader>) -> ErrorAnswer {
    let message = "the outcome is not known yet; repeat the same request with the same proof";
    let answer =
        pending(Condition::UnknownSettlement, message, payment).reason("settlement_pending");
    with_receipt(
        answer.header(HeaderName::from_static("x-charge"), &format!("unknown; payment={payment}")),
        receipt,
    )
}

pub(super) fn credits_pending(payment: PaymentId, price: Amount) -> ErrorAnswer {
    let message = "the pack is paid, and its credits will be added automatically";
    pending(Condition::PurchaseFailed, message, payment)
        .reason("credits_pending")
        .header(HeaderName::from_static("x-charge"), &format!("{price}; payment={payment}"))
}

fn pending(condition: Condition, message: &str, payment: PaymentId) -> ErrorAnswer {
    ErrorAnswer::new(condition, message)
        .phase(Phase::Settle)
        .retry(Retry::ResendSameProof)
        .payment(payment)
        .header(header::RETRY_AFTER, PENDING_RETRY_AFTER_S)
}

/// A challenge is sent along only once the authorization can no longer be used by anybody, and
/// nobody used it.
pub(super) fn not_settled(
    payment: PaymentId,
    failure: Option<&PaymentFailure>,
    next: NextPayment,
    receipt: Option<&ReceiptHeader>,
) -> ErrorAnswer {
    let reason = failure.map_or("settlement_failed", PaymentFailure::word);
    let answer = ErrorAnswer::new(
        Condition::X402Invalid,
        format!("the payment was not settled: {reason}; nothing was charged"),
    )
    .reason(reason)
    .phase(Phase::Settle)
    .payment(payment);
    let answer = with_receipt(answer, receipt);
    match next {
        NextPayment::Now => answer.retry(Retry::PayAgain).challenged(),
        NextPayment::Later => answer.retry(Retry::Wait),
    }
}

fn with_receipt(answer: ErrorAnswer, receipt: Option<&ReceiptHeader>) -> ErrorAnswer {
    let named = receipt.and_then(|receipt| {
        Some((HeaderName::try_from(receipt.name.as_str()).ok()?, &receipt.value))
    });
    match named {
        Some((name, value)) => answer.header(name, value),
        None => answer,
    }
}
