//! A credential that today's terms refuse may have been taken under earlier ones: another price,
//! another receiver, other secrets. What is under way or done is answered as its key says, and only
//! what the books do not know is compared with today's terms.

use std::sync::Arc;

use payments::{
    mpp::{self, error::Reason},
    ports::{ClaimKey, HalfKnown},
    proof::ProofKey,
    x402::{decode, verify::present},
};

use super::{
    cards::repeated::repeated, error::GatewayError, replay, reply::GatewayReply,
    request::GatewayRequest, state::Gateway,
};

/// The answer for an x402 proof that is known already; `None` for any other header.
///
/// # Errors
/// What the table of repeated keys says, or that the books are unavailable. Never a challenge while
/// money may have moved.
pub async fn of_transfer(
    gateway: &Arc<Gateway>,
    call: &GatewayRequest,
    header: &[u8],
) -> Result<Option<GatewayReply>, GatewayError> {
    let Ok(Some(unverified)) = decode::decode(header) else { return Ok(None) };
    let Ok(presented) = present(&unverified, gateway.requirements().token()) else {
        return Ok(None);
    };
    let key =
        call.claim_key(presented.key(), unverified.payment_identifier().map(ToOwned::to_owned))?;
    match gateway.world.books.known(&key).await.map_err(|error| GatewayError::internal(&error))? {
        Some(known) => replay::answer_known(gateway, call, &key, known).await.map(Some),
        None => Ok(None),
    }
}

/// The answer for a card credential whose token is being charged or was charged; `refused` for any
/// other. One for another body or another route than it was made for says nothing about this
/// request: what becomes of it is not this request's answer.
///
/// # Errors
/// See [`of_transfer`], and `refused`.
pub async fn of_charge(
    gateway: &Arc<Gateway>,
    call: &GatewayRequest,
    header: &[u8],
    refused: GatewayError,
) -> Result<GatewayReply, GatewayError> {
    let Some(key) = charge(header) else { return Err(refused) };
    let Some(known) =
        gateway.world.books.known(&key).await.map_err(|error| GatewayError::internal(&error))?
    else {
        return Err(refused);
    };
    let elsewhere = matches!(&refused, GatewayError::InvalidCard(error) if [Reason::BodyMismatch, Reason::RouteMismatch].contains(&error.reason));
    match known.half_known {
        None if elsewhere && known.fingerprint != call.fingerprint => Err(refused),
        None | Some(HalfKnown::Challenge | HalfKnown::Token) => {
            repeated(gateway, call, &key, known).await
        }
    }
}

/// The same on a route that takes no cards any more.
///
/// # Errors
/// See [`of_transfer`].
pub async fn of_former_charge(
    gateway: &Arc<Gateway>,
    call: &GatewayRequest,
    header: &[u8],
) -> Result<Option<GatewayReply>, GatewayError> {
    let Some(key) = charge(header) else { return Ok(None) };
    match gateway.world.books.known(&key).await.map_err(|error| GatewayError::internal(&error))? {
        Some(known) => repeated(gateway, call, &key, known).await.map(Some),
        None => Ok(None),
    }
}

/// What the books would know the credential by.
fn charge(header: &[u8]) -> Option<ClaimKey> {
    let unverified = mpp::decode::decode([header]).ok()??;
    Some(ClaimKey {
        proof: Some(ProofKey::Charge(mpp::stripe::verify::named(&unverified)?)),
        idempotency: None,
    })
}
