//! What a request by card that cannot be served is answered with.

use payments::{
    challenge::{Phase, Retry},
    funding::FundingRefusal,
    ids::PaymentId,
    mpp::error::{MppError, ProblemType},
    ports::EventRefusal,
    settlement::PaymentFailure,
};

use super::{super::state::Api, answer::ErrorAnswer};
use crate::{
    gateway::{
        AGENT_TOKEN_HINT, BlockedFor, CardRequestError, EventError, FrozenFor, PackBuyer,
        PackError, UnusableToken,
    },
    upstream::profile::Condition,
};

pub(super) fn answer(error: &CardRequestError) -> ErrorAnswer {
    match error {
        CardRequestError::NotEnabled => invalid(
            "this gateway does not take card payments; pay with x402",
            "unsupported_credential",
        )
        .field(
            "Authorization",
            "an x402 payment in X-PAYMENT or PAYMENT-SIGNATURE",
            "a card credential",
        ),
        CardRequestError::NotEnabledAtClaim => {
            ErrorAnswer::unavailable("card payments are not enabled; nothing was charged", 30)
                .reason("no_cards")
                .phase(Phase::Verify)
        }
        CardRequestError::NotTakenOnRoute => {
            invalid("this route does not take card payments", "unsupported_credential")
        }
        CardRequestError::UnknownAccount => unknown_account(),
        CardRequestError::CredentialTooOld => {
            let message = "this credential is too old to identify the caller; use the agent token from its response";
            unauthenticated(message, "used_credential_ended")
                .member("agent_token", AGENT_TOKEN_HINT)
        }
        CardRequestError::Frozen(what) => frozen(*what),
        CardRequestError::UnknownToken => {
            let message =
                "unknown agent token; the response to a paid request carries it in X-Agent-Token";
            unauthenticated(message, "unknown_agent_token").member("agent_token", AGENT_TOKEN_HINT)
        }
        CardRequestError::TokenRotated => conflict(
            "this agent token was already rotated; the new one is in that response and in the next paid one",
            "agent_token_rotated",
        ),
        CardRequestError::UnusableToken(why) => unusable_token(why),
        CardRequestError::ProcessorUnavailable { retry_after_s } => ErrorAnswer::unavailable(
            "the card processor is unavailable; nothing was charged",
            *retry_after_s,
        )
        .reason("card_processor_unavailable")
        .phase(Phase::Verify),
        CardRequestError::ChallengeUsed => conflict(
            "this challenge was paid with another payment token; nothing was done",
            "challenge_used",
        )
        .phase(Phase::Verify),
        // A challenge now would be paid with another token, on top of the charge that is open.
        CardRequestError::PaymentTokenInUse => {
            let message = "this payment token is being charged under another challenge; repeat that request unchanged";
            conflict(message, "payment_token_in_use").phase(Phase::Settle).retry(Retry::Wait)
        }
        CardRequestError::PaymentTokenUsed => {
            let message = "this payment token was used for another payment; nothing was charged";
            unpaid(message, "payment_token_used").card_problem(ProblemType::VerificationFailed)
        }
        CardRequestError::Blocked(why) => blocked(*why),
        CardRequestError::NotPaidByHolder => ErrorAnswer::new(
            Condition::NotFound,
            "no launch found that this agent token or credential paid for",
        )
        .reason("not_paid_by_this_holder")
        .retry(Retry::FixRequest),
        CardRequestError::CardNotRecognised => card_not_recognised(),
        CardRequestError::Pack(error) => pack(error),
        CardRequestError::Event(error) => event(*error),
    }
}

/// The field, what was expected and what came.
pub(super) fn invalid_credential(error: &MppError) -> ErrorAnswer {
    let (reason, field) = (error.reason.code(), error.field);
    if error.status_hint() == 400 {
        let answer = invalid(format!("invalid request: {reason}"), reason).unverified();
        return answer.retry(Retry::FixRequest).field(field, &error.expected, &error.got);
    }
    unpaid(format!("card payment rejected: {reason}"), reason)
        .field(field, &error.expected, &error.got)
        .card_problem(error.problem())
}

/// The charge is proven refused: a new token may be tried. Where something else was taken than
/// asked, no challenge is sent along: it is on its way back, and a client that pays again at once
/// would be charged on top.
pub(super) fn not_charged(payment: PaymentId, failure: Option<&PaymentFailure>) -> ErrorAnswer {
    let reason = failure.map_or("card_declined", PaymentFailure::word);
    let kind = match reason {
        "authentication_required" => ProblemType::PaymentActionRequired,
        _ => ProblemType::VerificationFailed,
    };
    let answer = |message: String| {
        let answer =
            ErrorAnswer::new(Condition::MppInvalid, message).reason(reason).phase(Phase::Settle);
        answer.payment(payment).card_problem(kind)
    };
    if failure == Some(&PaymentFailure::Mischarged) {
        let message = String::from("a wrong amount was charged; all of it is refunded to the card");
        return answer(message).retry(Retry::Wait);
    }
    answer(format!("the card was not charged: {reason}")).retry(Retry::PayAgain).challenged()
}

/// The balance does not pay for the call: what could be bought instead.
pub(super) fn no_credits(api: &Api, refusal: &FundingRefusal, reason: &str) -> ErrorAnswer {
    let message =
        format!("{refusal}; buy a pack (POST /credits/purchase), or pay for this request alone");
    let packs: Vec<_> =
        api.gateway.cards.iter().filter_map(|desk| desk.pack).map(|pack| pack.shown()).collect();
    ErrorAnswer::new(Condition::PaymentRequired, message)
        .reason(reason)
        .phase(Phase::Reserve)
        .retry(Retry::PayAgain)
        .member("packs", packs)
        .member("purchase_endpoint", "POST /v1/credits/purchase")
        .challenged()
}

/// 401: a payment would prove nothing here, so none is asked for.
fn unknown_account() -> ErrorAnswer {
    let message = "say who you are with the agent token that came with a paid answer (Authorization: Bearer tpk_...), or with the credential \
                   that paid; a new card payment would not tell";
    unauthenticated(message, "unknown_account")
        .field(
            "Authorization",
            "Bearer tpk_..., or the credential of an earlier payment",
            "none that names an account",
        )
        .member("agent_token", AGENT_TOKEN_HINT)
}

/// An operator stopped the account.
fn frozen(what: FrozenFor) -> ErrorAnswer {
    let condition = match what {
        FrozenFor::Identification => Condition::Unauthenticated,
        FrozenFor::Payment => Condition::PaymentRequired,
    };
    let message = "this account is frozen: it cannot pay or read until the operator unfreezes it; nothing was charged";
    ErrorAnswer::new(condition, message).reason("account_frozen").retry(Retry::Never)
}

/// No challenge is sent along: another payment would be refused, too.
fn blocked(why: BlockedFor) -> ErrorAnswer {
    let why = match why {
        BlockedFor::Chargeback => "a payment of this account was charged back",
        BlockedFor::FraudWarning => "the card network reported a payment of this account as fraud",
    };
    let message =
        format!("{why}; it cannot buy until the operator unblocks it. Nothing was charged");
    ErrorAnswer::new(Condition::PaymentRequired, message)
        .reason("account_blocked")
        .phase(Phase::Reserve)
        .retry(Retry::Never)
}

fn unusable_token(why: &UnusableToken) -> ErrorAnswer {
    let modes = |live| if live { "live" } else { "test" };
    match why {
        UnusableToken::Unknown => unusable(
            "payment_token_unknown",
            "a shared payment token that was granted to this seller",
            "another one",
        ),
        UnusableToken::Deactivated(word) => unusable(
            &format!("payment_token_{word}"),
            "a payment token that was not used or revoked",
            word,
        ),
        UnusableToken::OtherMode { livemode } => {
            unusable("payment_token_mode", modes(*livemode), modes(!*livemode))
        }
        UnusableToken::OtherCurrency(currency) => {
            unusable("payment_token_currency", "usd", currency)
        }
        UnusableToken::LimitBelowPrice { price_cents, left_cents } => unusable(
            "payment_token_limit",
            &format!("at least {price_cents} cents"),
            &format!("{left_cents} cents"),
        ),
        UnusableToken::Expired { at_s } => {
            unusable("payment_token_expired", "a time ahead", &at_s.to_string())
        }
    }
}

fn unusable(reason: &str, expected: &str, got: &str) -> ErrorAnswer {
    unpaid(format!("the payment token cannot be charged: {reason}; nothing was charged"), reason)
        .field("payload.spt", expected, got)
        .card_problem(ProblemType::VerificationFailed)
}

fn card_not_recognised() -> ErrorAnswer {
    let message = "the card processor tells nothing by which this card is known again: its credits can be spent with the agent token of \
                   the answer alone. Say so in the body to buy them; nothing was charged";
    invalid(message, "card_not_known_again")
        .retry(Retry::FixRequest)
        .field("agent_token_only", "true", "nothing")
        .member("agent_token", AGENT_TOKEN_HINT)
}

fn pack(error: &PackError) -> ErrorAnswer {
    match error {
        PackError::NoneSold => ErrorAnswer::new(
            Condition::NotFound,
            "no route accepts credits, so packs are not sold; nothing was charged",
        )
        .reason("no_packs")
        .retry(Retry::Never),
        PackError::NeedsCard(PackBuyer::Wallet) => {
            invalid("x402 wallets cannot purchase credits (MPP only)", "cards_only")
                .retry(Retry::Never)
        }
        PackError::NeedsCard(PackBuyer::ApiKey) => {
            invalid("API-key users cannot purchase credits (MPP only)", "cards_only")
                .retry(Retry::Never)
        }
        PackError::InvalidBody => {
            let message = "the body must be empty or {\"pack\": \"pack_20\"}, optionally with \"agent_token_only\": true; nothing was charged";
            invalid(message, "invalid_body").retry(Retry::FixRequest).field(
                "body",
                "an object with pack and agent_token_only",
                "another body",
            )
        }
        PackError::Unknown { sold, asked } => {
            invalid("unknown pack; nothing was charged", "unknown_pack")
                .retry(Retry::FixRequest)
                .field("pack", sold, asked)
        }
    }
}

fn event(error: EventError) -> ErrorAnswer {
    match error {
        EventError::NotEnabled => ErrorAnswer::unavailable(
            "cannot verify webhook signatures: stripe.webhook_secret is not set",
            60,
        )
        .reason("webhooks_off"),
        EventError::TooLarge => {
            ErrorAnswer::new(Condition::TooLarge, "the event is larger than 1 MiB")
                .retry(Retry::Never)
        }
        EventError::Invalid(why) => {
            let reason = match why {
                EventRefusal::Header => "invalid_signature_header",
                EventRefusal::Time => "stale_event",
                EventRefusal::Signature => "invalid_signature",
                EventRefusal::Body => "invalid_event",
                EventRefusal::Mode => "wrong_mode",
            };
            invalid(format!("event rejected: {why}"), reason).retry(Retry::Never)
        }
        EventError::PutOff => ErrorAnswer::unavailable("the card processor is unavailable", 10)
            .reason("card_processor_unavailable"),
    }
}

fn invalid(message: impl Into<String>, reason: &str) -> ErrorAnswer {
    ErrorAnswer::new(Condition::Validation, message).reason(reason)
}

fn unauthenticated(message: &str, reason: &str) -> ErrorAnswer {
    ErrorAnswer::new(Condition::Unauthenticated, message).reason(reason).retry(Retry::FixRequest)
}

fn conflict(message: &str, reason: &str) -> ErrorAnswer {
    ErrorAnswer::new(Condition::Conflict, message).reason(reason).retry(Retry::Never)
}

/// A card payment that does not hold: another one may be made.
fn unpaid(message: impl Into<String>, reason: &str) -> ErrorAnswer {
    let answer = ErrorAnswer::new(Condition::MppInvalid, message).reason(reason);
    answer.phase(Phase::Verify).retry(Retry::PayAgain).challenged()
}
