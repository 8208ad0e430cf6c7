//! Who asks by card: the account that the processor's own data names, or the holder of an agent token.

use payments::{
    agent::Payer,
    challenge::{Phase, Retry},
    charge::PaymentToken,
    holder::{Holder, KnownToken},
    mpp::{
        account::StablePayer as Named,
        credential,
        digest::BodyDigest,
        error::{MppError, ProblemType},
        verify::{LiveCharge, VerifiedCredential, verify},
    },
    ports::{CardError, StablePayer, TokenView},
    time::UnixMs,
};
use sha2::{Digest, Sha256};

use super::{
    super::{call::Call, challenges::Challenged, fault::Fault, state::Api},
    desk::{AGENT_TOKEN_HINT, CardDesk},
};
use crate::{clock::Stopwatch, telemetry::Rail, upstream::profile::Condition};

/// Decodes and verifies a credential offline, without the time. `None` where the header holds none: that is an unpaid request.
///
/// # Errors
/// 402 PAYMENT_003 with the check that failed and a fresh challenge.
pub(super) fn verified(
    api: &Api,
    desk: &CardDesk,
    challenged: Challenged,
    call: &Call,
    header: &[u8],
) -> Result<Option<VerifiedCredential>, Fault> {
    let Some(unverified) = credential::decode([header]).map_err(|error| refused(&error))? else { return Ok(None) };
    let Some(offer) = api.challenges.card_offer(challenged) else {
        return Err(Fault::new(Condition::Validation, "this route does not take card payments").reason("unsupported_credential"));
    };
    let digest = desk.bind_bodies.then(|| BodyDigest::of(&call.body));
    let watch = Stopwatch::start();
    let verified = verify(&unverified, &desk.secrets, offer, digest.as_ref());
    api.telemetry.verify_took(Rail::Mpp, watch.elapsed());
    verified.map(Some).map_err(|error| refused(&error))
}

/// Who pays: the account, and the holder whose payment it will be; none where it begins one.
pub(super) struct Paying {
    pub payer: Payer,
    pub holder: Option<Holder>,
    /// What the processor knows the card by; none where it was not asked.
    pub stable: Option<StablePayer>,
}

impl Paying {
    /// The holder of an agent token.
    pub(super) fn holder_of(token: KnownToken) -> Self {
        Self { payer: token.holder.payer.clone(), holder: Some(token.holder), stable: None }
    }
}

/// What the books know of an agent token.
///
/// # Errors
/// 401 for a token that is nobody's or whose account is frozen, 503 when the books do not answer.
pub(super) async fn known_token(desk: &CardDesk, token: &str, now: UnixMs) -> Result<KnownToken, Fault> {
    let sha256 = Sha256::digest(token.as_bytes()).into();
    let known = desk.books.holder_of_token(&sha256, now).await.map_err(|error| Fault::internal(&error))?.ok_or_else(unknown_token)?;
    if known.frozen_since.is_some() { Err(frozen(Condition::Unauthenticated)) } else { Ok(known) }
}

/// An operator stopped the account.
pub(super) fn frozen(condition: Condition) -> Fault {
    let message = "this account is frozen: it neither pays nor reads until the operator lets it go on; nothing was charged";
    Fault::new(condition, message).reason("account_frozen").retry(Retry::Never)
}

/// 401: the token is nobody's.
pub(super) fn unknown_token() -> Fault {
    Fault::new(Condition::Unauthenticated, "no such agent token; it comes in X-Agent-Token with the answer of a paid request")
        .reason("unknown_agent_token")
        .retry(Retry::FixRequest)
        .member("agent_token", AGENT_TOKEN_HINT)
}

/// The account behind a payment token: an agent token beside it says so without asking anybody, otherwise the processor does. A token that can
/// no longer be charged is nobody's.
///
/// # Errors
/// 402 PAYMENT_003 with a fresh challenge for a token that is worth nothing, 503 when the processor does not say; nothing is claimed then.
pub(super) async fn of_payment_token(desk: &CardDesk, live: &LiveCharge, beside: Option<&str>, now: UnixMs) -> Result<Paying, Fault> {
    if let Some(token) = beside {
        return known_token(desk, token, now).await.map(Paying::holder_of);
    }
    let view = desk.rail.token(live.token()).await.map_err(|error| unanswered(&error))?;
    usable(desk, live, &view, now)?;
    Ok(Paying { payer: account(desk, live.token(), &view), holder: None, stable: Some(view.payer) })
}

/// The name of the account, by what stays the same from one token to the next.
fn account(desk: &CardDesk, token: &PaymentToken, view: &TokenView) -> Payer {
    let stable = match &view.payer {
        StablePayer::CardFingerprint(fingerprint) => Named::CardFingerprint(fingerprint),
        StablePayer::LinkEmail(email) => Named::LinkEmail(email),
        StablePayer::TokenAlone => Named::Token(token),
    };
    desk.account_key.account_name(stable, view.agent_profile.as_deref(), view.livemode)
}

/// What the processor would refuse anyway is refused before anything is claimed.
fn usable(desk: &CardDesk, live: &LiveCharge, view: &TokenView, now: UnixMs) -> Result<(), Fault> {
    if let Some(why) = &view.deactivated {
        return Err(worthless(&format!("payment_token_{why}"), "a payment token that was not used or revoked", why));
    }
    if view.livemode != desk.livemode {
        let modes = |live| if live { "live" } else { "test" };
        return Err(worthless("payment_token_mode", modes(desk.livemode), modes(view.livemode)));
    }
    if let Some(currency) = view.currency.as_deref().filter(|currency| *currency != "usd") {
        return Err(worthless("payment_token_currency", "usd", currency));
    }
    if let Some(left) = view.left_minor.filter(|left| *left < live.amount().get()) {
        let (expected, got) = (format!("at least {} cents", live.amount().get()), format!("{left} cents"));
        return Err(worthless("payment_token_limit", &expected, &got));
    }
    match view.expires_unix_s {
        Some(expires) if expires <= now.protocol_s() => Err(worthless("payment_token_expired", "a time ahead", &expires.to_string())),
        _ => Ok(()),
    }
}

fn worthless(reason: &str, expected: &str, got: &str) -> Fault {
    Fault::new(Condition::MppInvalid, format!("the payment token cannot be charged: {reason}; nothing was charged"))
        .reason(reason)
        .phase(Phase::Verify)
        .retry(Retry::PayAgain)
        .field("payload.spt", expected, got)
        .card_problem(ProblemType::VerificationFailed)
        .challenged()
}

/// A credential that does not hold: the field, what was expected and what came.
pub(super) fn refused(error: &MppError) -> Fault {
    if error.status_hint() == 400 {
        let fault = Fault::new(Condition::Validation, format!("the request was not accepted: {}", error.reason.code()));
        return fault.unverified().reason(error.reason.code()).retry(Retry::FixRequest).field(error.field, &error.expected, &error.got);
    }
    Fault::new(Condition::MppInvalid, format!("the card payment was not accepted: {}", error.reason.code()))
        .reason(error.reason.code())
        .phase(Phase::Verify)
        .retry(Retry::PayAgain)
        .field(error.field, &error.expected, &error.got)
        .card_problem(error.problem())
        .challenged()
}

/// The processor did not say whose token it is.
pub(super) fn unanswered(error: &CardError) -> Fault {
    match error {
        CardError::UnknownToken => {
            worthless("payment_token_unknown", "a shared payment token that was granted to this seller", "another one")
        }
        CardError::Busy { retry_after_s } => processor_down(*retry_after_s),
        CardError::Unreachable(_) => {
            tracing::warn!(error = %error, "cards.unavailable");
            processor_down(2)
        }
        CardError::Misconfigured(_) => {
            tracing::error!(error = %error, "cards.misconfigured");
            processor_down(30)
        }
    }
}

fn processor_down(retry_after_s: u64) -> Fault {
    Fault::unavailable("the card processor cannot be asked now; nothing was charged", retry_after_s)
        .reason("card_processor_unavailable")
        .phase(Phase::Verify)
}
