//! Who asks on a route that costs nothing: the holder of an agent token, or of the very credential
//! that paid before. A fresh payment token reads nothing, because company cards are shared, and
//! `source` opens nothing, because the client wrote it.

use std::sync::Arc;

use payments::{
    checkout::{Identified, identify_by_credential, identify_by_token},
    mpp::{
        decode::decode,
        stripe::verify::{PresentedPayment, present},
    },
    proof::ChargeKey,
};

use super::{
    super::{
        error::{CardRequestError, FrozenFor, GatewayError},
        request::Credential,
        request::GatewayRequest,
        state::Gateway,
    },
    who,
};

/// The account of an agent token or of a credential that paid, within its limit.
///
/// # Errors
/// The account is unknown or frozen, its limit is reached, or the books are unavailable.
pub async fn identified(
    gateway: &Arc<Gateway>,
    call: &mut GatewayRequest,
    credential: &Credential,
) -> Result<Identified, GatewayError> {
    let who = match credential {
        Credential::AgentToken(token) => identify_by_token(
            &who::known_token(gateway.card_desk()?, token, gateway.world.clock.now()).await?,
        ),
        Credential::Card(header) => of_credential(gateway, header).await?,
        Credential::None | Credential::X402(_) | Credential::ApiKey(_) => {
            return Err(CardRequestError::UnknownAccount.into());
        }
    };
    call.rate = Some(gateway.limits.agent(who.payer(), gateway.world.clock.now()).await?);
    call.proven = Some(who.payer().clone());
    Ok(who)
}

async fn of_credential(gateway: &Gateway, header: &[u8]) -> Result<Identified, GatewayError> {
    let desk = gateway.card_desk()?;
    let presented = |header| -> Option<PresentedPayment> {
        let unverified = decode([header]).ok()??;
        present(&unverified, &desk.secrets, &desk.realm).ok()
    };
    let Some(paid) = presented(header) else { return Err(CardRequestError::UnknownAccount.into()) };
    let key = ChargeKey {
        challenge_id: paid.challenge_id(),
        token_sha256: *paid.token_sha256().as_bytes(),
    };
    let used =
        desk.books.used_credential(&key).await.map_err(|error| GatewayError::internal(&error))?;
    let Some(used) = used.filter(|used| !used.is_revoked) else {
        return Err(CardRequestError::UnknownAccount.into());
    };
    if used.frozen_since.is_some() {
        return Err(CardRequestError::Frozen(FrozenFor::Identification).into());
    }
    if gateway.world.clock.now() >= used.since.plus_ms(desk.used_credential_ms) {
        return Err(CardRequestError::CredentialTooOld.into());
    }
    Ok(identify_by_credential(&used))
}
