//! Who asks by card: the account that the processor's own data names, or the holder of an agent
//! token.

use payments::{
    agent::Payer,
    charge::PaymentToken,
    holder::{Holder, KnownToken},
    mpp::{
        account::StablePayer as Named,
        decode,
        digest::BodyDigest,
        stripe::verify::{LiveCharge, VerifiedCredential, verify},
    },
    ports::{CardError, StablePayer, TokenView},
    time::UnixMs,
};
use sha2::{Digest, Sha256};

use super::{
    super::{
        challenges::Challenged,
        error::{CardRequestError, FrozenFor, GatewayError, UnusableToken},
        request::GatewayRequest,
        state::Gateway,
    },
    desk::CardDesk,
};
use crate::{clock::Stopwatch, telemetry::Rail};

/// Decodes and verifies a credential offline, without the time. `None` where the header holds none:
/// that is an unpaid request.
///
/// # Errors
/// [`GatewayError::InvalidCard`] with the check that failed.
pub fn verified(
    gateway: &Gateway,
    desk: &CardDesk,
    challenged: Challenged,
    call: &GatewayRequest,
    header: &[u8],
) -> Result<Option<VerifiedCredential>, GatewayError> {
    let Some(unverified) = decode::decode([header]).map_err(GatewayError::InvalidCard)? else {
        return Ok(None);
    };
    let Some(offer) = gateway.challenges.card_offer(challenged) else {
        return Err(CardRequestError::NotTakenOnRoute.into());
    };
    let digest = desk.bind_bodies.then(|| BodyDigest::of(&call.body));
    let watch = Stopwatch::start();
    let verified = verify(&unverified, &desk.secrets, offer, digest.as_ref());
    gateway.telemetry.verify_took(Rail::Mpp, watch.elapsed());
    verified.map(Some).map_err(GatewayError::InvalidCard)
}

/// Who pays: the account, and the holder whose payment it will be; none where it begins one.
pub struct Paying {
    pub payer: Payer,
    pub holder: Option<Holder>,
    /// What the processor knows the card by; none where it was not asked.
    pub stable: Option<StablePayer>,
}

impl Paying {
    /// The holder of an agent token.
    pub fn holder_of(token: KnownToken) -> Self {
        Self { payer: token.holder.payer.clone(), holder: Some(token.holder), stable: None }
    }
}

/// What the books know of an agent token.
///
/// # Errors
/// The token does not exist, its account is frozen, or the books are unavailable.
pub async fn known_token(
    desk: &CardDesk,
    token: &str,
    now: UnixMs,
) -> Result<KnownToken, GatewayError> {
    let sha256 = Sha256::digest(token.as_bytes()).into();
    let known = desk
        .books
        .holder_of_token(&sha256, now)
        .await
        .map_err(|error| GatewayError::internal(&error))?
        .ok_or(CardRequestError::UnknownToken)?;
    if known.frozen_since.is_some() {
        Err(CardRequestError::Frozen(FrozenFor::Identification).into())
    } else {
        Ok(known)
    }
}

/// The account behind a payment token: an agent token beside it says so without asking anybody,
/// otherwise the processor does. A token that can no longer be charged is nobody's.
///
/// # Errors
/// The token cannot be charged, or the processor is unavailable; nothing is claimed then.
pub async fn of_payment_token(
    desk: &CardDesk,
    live: &LiveCharge,
    beside: Option<&str>,
    now: UnixMs,
) -> Result<Paying, GatewayError> {
    if let Some(token) = beside {
        return known_token(desk, token, now).await.map(Paying::holder_of);
    }
    let view = desk.rail.token(live.token()).await.map_err(|error| unanswered(&error))?;
    usable(desk, live, &view, now).map_err(CardRequestError::UnusableToken)?;
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
fn usable(
    desk: &CardDesk,
    live: &LiveCharge,
    view: &TokenView,
    now: UnixMs,
) -> Result<(), UnusableToken> {
    if let Some(why) = &view.deactivated {
        return Err(UnusableToken::Deactivated(why.clone()));
    }
    if view.livemode != desk.livemode {
        return Err(UnusableToken::OtherMode { livemode: desk.livemode });
    }
    if let Some(currency) = view.currency.as_deref().filter(|currency| *currency != "usd") {
        return Err(UnusableToken::OtherCurrency(currency.to_owned()));
    }
    let price_cents = live.amount().get();
    if let Some(left_cents) = view.left_minor.filter(|left| *left < price_cents) {
        return Err(UnusableToken::LimitBelowPrice { price_cents, left_cents });
    }
    match view.expires_unix_s {
        Some(at_s) if at_s <= now.protocol_s() => Err(UnusableToken::Expired { at_s }),
        _ => Ok(()),
    }
}

/// The processor did not say whose token it is.
pub fn unanswered(error: &CardError) -> CardRequestError {
    match error {
        CardError::UnknownToken => CardRequestError::UnusableToken(UnusableToken::Unknown),
        CardError::Busy { retry_after_s } => {
            CardRequestError::ProcessorUnavailable { retry_after_s: *retry_after_s }
        }
        CardError::Unreachable(_) => {
            tracing::warn!(error = %error, "cards.unavailable");
            CardRequestError::ProcessorUnavailable { retry_after_s: 2 }
        }
        CardError::Misconfigured(_) => {
            tracing::error!(error = %error, "cards.misconfigured");
            CardRequestError::ProcessorUnavailable { retry_after_s: 30 }
        }
    }
}
