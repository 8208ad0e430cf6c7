//! From a header to a verified transfer: step 4 of docs/architecture.md, in one place for priced
//! and free routes.

use payments::{
    agent::Payer,
    x402::{
        decode,
        verify::{LiveTransfer, Offers, VerifiedTransfer, verify},
    },
};

use super::{challenges::Challenged, error::GatewayError, state::Gateway};
use crate::{clock::Stopwatch, telemetry::Rail};

/// Decodes and verifies offline, without the time window. `None` for an empty header: that is an
/// unpaid request.
///
/// # Errors
/// [`GatewayError::InvalidProof`] with the check that failed.
pub fn verified(
    gateway: &Gateway,
    challenged: Challenged,
    header: &[u8],
) -> Result<Option<VerifiedTransfer>, GatewayError> {
    Ok(named(gateway, challenged, header)?.map(|(transfer, _)| transfer))
}

/// The same, with the identifier that the client gave its payment.
///
/// # Errors
/// See [`verified`].
pub fn named(
    gateway: &Gateway,
    challenged: Challenged,
    header: &[u8],
) -> Result<Option<(VerifiedTransfer, Option<String>)>, GatewayError> {
    let watch = Stopwatch::start();
    let named = checked(gateway, challenged, header);
    gateway.telemetry.verify_took(Rail::X402, watch.elapsed());
    named
}

fn checked(
    gateway: &Gateway,
    challenged: Challenged,
    header: &[u8],
) -> Result<Option<(VerifiedTransfer, Option<String>)>, GatewayError> {
    let Some(unverified) = decode::decode(header).map_err(GatewayError::InvalidProof)? else {
        return Ok(None);
    };
    let requirements = gateway.challenges.requirements_of(challenged);
    let also = if gateway.challenges.price(challenged).is_some() {
        &[]
    } else {
        gateway.challenges.prices()
    };
    let transfer = verify(&unverified, &Offers::or_also(requirements, also))
        .map_err(GatewayError::InvalidProof)?;
    Ok(Some((transfer, unverified.payment_identifier().map(ToOwned::to_owned))))
}

/// Adds the clock.
///
/// # Errors
/// [`GatewayError::InvalidProof`] outside the window.
pub fn live(gateway: &Gateway, transfer: &VerifiedTransfer) -> Result<LiveTransfer, GatewayError> {
    let now_unix_s = gateway.world.clock.now().protocol_s();
    transfer
        .within_window(now_unix_s, gateway.settings.max_window_s)
        .map_err(GatewayError::InvalidProof)
}

/// Who signed.
pub fn payer(transfer: &VerifiedTransfer) -> Payer {
    Payer::Wallet(*transfer.from())
}
