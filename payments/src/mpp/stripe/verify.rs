//! From an unverified credential to proof, in two stages, because a credential that arrives again
//! must be recognised whatever the time is.
//!
//! [`verify`] checks everything that needs neither clock nor card processor and makes a
//! [`VerifiedCredential`]. [`VerifiedCredential::in_window`] adds the clock and makes a
//! [`LiveCharge`], which alone may be claimed and charged.
//!
//! | # | check | problem |
//! |---|---|---|
//! | 1 | one of our secrets made the id for these very texts | `invalid-challenge` |
//! | 2 | realm, method and intent are this route's | `invalid-challenge` |
//! | 3 | `opaque` names this route | `invalid-challenge` |
//! | 4 | `request` is what this route asks now | `invalid-challenge` |
//! | 5 | `expires` is there, in RFC 3339 | `invalid-challenge` |
//! | 6 | `digest` names the body, where the route binds bodies | `invalid-challenge` |
//! | 7 | a bound `externalId` is repeated | `invalid-challenge` |
//! | 8 | the payload holds a shared payment token | `invalid-payload` |
//! | 9 | the clock: now is before `expires` | `payment-expired` |
//!
//! Check 4 is what keeps a credential for the cheap route off the expensive one, and an old price
//! from being paid.

mod proof;

use serde_json::{Map, Value};

use crate::mpp::decode::UnverifiedCredential;
use crate::mpp::digest::BodyDigest;
use crate::mpp::error::{MppError, Reason};
use crate::mpp::secrets::{ChallengeId, Secrets};
use crate::mpp::stripe::offer::Offer;
use crate::mpp::stripe::token::PaymentToken;
use crate::mpp::{INTENT, decode_lenient, stripe::METHOD};
use crate::proof::ChargeKey;
use crate::time::UnixMs;

pub use proof::{LiveCharge, PresentedPayment, VerifiedCredential};

/// Verifies everything that needs neither clock nor card processor, in the order of the module's
/// list. `body` is the digest of the request's body where the route binds bodies.
///
/// # Errors
/// The first check that fails.
pub fn verify(
    credential: &UnverifiedCredential,
    secrets: &Secrets,
    offer: &Offer,
    body: Option<&BodyDigest>,
) -> Result<VerifiedCredential, MppError> {
    let challenge_id = check_challenge(credential, secrets, offer.realm())?;
    check_route(credential, offer)?;
    check_terms(credential, offer)?;
    let expires = check_expires(credential)?;
    check_body(credential, body)?;
    check_external_id(credential, offer)?;
    Ok(VerifiedCredential {
        challenge_id,
        token: token(credential)?,
        amount: offer.amount(),
        route_key: offer.route_key().to_owned(),
        expires,
        source: credential.source.clone(),
    })
}

/// Checks that the challenge is ours and holds a token, and nothing else: who paid with this
/// credential before may show it again where nothing is paid.
///
/// # Errors
/// The first of the checks 1, 2 and 8 that fails.
pub fn present(
    credential: &UnverifiedCredential,
    secrets: &Secrets,
    realm: &str,
) -> Result<PresentedPayment, MppError> {
    let challenge_id = check_challenge(credential, secrets, realm)?;
    Ok(PresentedPayment { challenge_id, token_sha256: token(credential)?.sha256() })
}

/// What the credential says it answers, whoever made the challenge and whatever it asked: the key
/// of a charge that may be under way or done. Only who holds the token can name both, so the books'
/// record of both is proof enough to answer for it; it pays nothing.
#[must_use]
pub fn named(credential: &UnverifiedCredential) -> Option<ChargeKey> {
    let token = token(credential).ok()?;
    Some(ChargeKey {
        challenge_id: credential.id.parse().ok()?,
        token_sha256: *token.sha256().as_bytes(),
    })
}

// === the checks ===

/// From here on the echoed texts are our own.
fn check_challenge(
    credential: &UnverifiedCredential,
    secrets: &Secrets,
    realm: &str,
) -> Result<ChallengeId, MppError> {
    let slots = credential.slots();
    let Some(challenge_id) = secrets.verify(&slots, &credential.id) else {
        let got = "an id that none of our secrets makes of the echoed values";
        return Err(MppError::new(
            Reason::ChallengeNotOurs,
            "challenge.id",
            "a challenge of ours, echoed unchanged",
            got,
        ));
    };
    if slots.realm != realm {
        return Err(MppError::new(Reason::RealmMismatch, "challenge.realm", realm, slots.realm));
    }
    for (field, ours, theirs) in
        [("challenge.method", METHOD, slots.method), ("challenge.intent", INTENT, slots.intent)]
    {
        if theirs != ours {
            return Err(MppError::new(Reason::MethodNotOffered, field, ours, theirs));
        }
    }
    Ok(challenge_id)
}

fn check_route(credential: &UnverifiedCredential, offer: &Offer) -> Result<(), MppError> {
    if offer.binding.is_empty() {
        return Ok(());
    }
    let members = members(credential.slots().opaque);
    for (name, expected) in &offer.binding {
        let got = members.get(name).and_then(Value::as_str);
        if got != Some(expected) {
            return Err(MppError::new(
                Reason::RouteMismatch,
                "challenge.opaque",
                expected,
                got.unwrap_or("nothing"),
            ));
        }
    }
    Ok(())
}

/// The same bytes nearly always. Another spelling of the same terms is still ours, since the MAC
/// holds.
fn check_terms(credential: &UnverifiedCredential, offer: &Offer) -> Result<(), MppError> {
    const FIELD: &str = "challenge.request";
    let request = credential.slots().request;
    if request == offer.request_encoded() {
        return Ok(());
    }
    let theirs = Value::Object(members(request));
    if theirs == offer.request {
        return Ok(());
    }
    let differs = |field: &&str| theirs.pointer(field) != offer.request.pointer(field);
    let shown = |terms: &Value, field| {
        terms.pointer(field).map_or_else(|| "nothing".to_owned(), Value::to_string)
    };
    match ["/amount", "/currency", "/recipient", "/methodDetails", "/externalId"]
        .into_iter()
        .find(differs)
    {
        Some(field) => {
            let name = &field[1..];
            let (expected, got) = (shown(&offer.request, field), shown(&theirs, field));
            Err(MppError::new(
                Reason::TermsMismatch,
                FIELD,
                format_args!("{name} {expected}"),
                format_args!("{name} {got}"),
            ))
        }
        None => Err(MppError::new(
            Reason::TermsMismatch,
            FIELD,
            "the terms of this route",
            "other members",
        )),
    }
}

fn check_expires(credential: &UnverifiedCredential) -> Result<UnixMs, MppError> {
    let expires = credential.slots().expires;
    let refuse = |got: &str| {
        MppError::new(Reason::ExpiresUnusable, "challenge.expires", "a time in RFC 3339", got)
    };
    if expires.is_empty() {
        return Err(refuse("nothing"));
    }
    UnixMs::parse_rfc3339(expires).ok_or_else(|| refuse(expires))
}

fn check_body(
    credential: &UnverifiedCredential,
    body: Option<&BodyDigest>,
) -> Result<(), MppError> {
    let Some(body) = body else { return Ok(()) };
    let digest = credential.slots().digest;
    if body.matches(digest) {
        return Ok(());
    }
    let expected = format!("{}, the body of this request", body.as_str());
    Err(MppError::new(
        Reason::BodyMismatch,
        "challenge.digest",
        expected,
        if digest.is_empty() { "nothing" } else { digest },
    ))
}

fn check_external_id(credential: &UnverifiedCredential, offer: &Offer) -> Result<(), MppError> {
    let Some(bound) = offer.request.get("externalId").and_then(Value::as_str) else {
        return Ok(());
    };
    if credential.payload.external_id.as_deref() == Some(bound) {
        return Ok(());
    }
    let got = if credential.payload.external_id.is_some() { "another one" } else { "nothing" };
    Err(MppError::new(Reason::ExternalIdMismatch, "payload.externalId", bound, got))
}

fn token(credential: &UnverifiedCredential) -> Result<PaymentToken, MppError> {
    const EXPECTED: &str = "spt_ and 1 to 200 letters, digits and _";
    let refuse = |got| MppError::new(Reason::InvalidPayload, "payload.spt", EXPECTED, got);
    let text = credential.payload.token.as_deref().ok_or_else(|| refuse("no text"))?;
    PaymentToken::parse(text).map_err(|_| refuse("another text"))
}

/// The members of an object that our MAC covers; none when it is none.
fn members(encoded: &str) -> Map<String, Value> {
    let decoded = decode_lenient(encoded.as_bytes()).ok();
    decoded.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
}
