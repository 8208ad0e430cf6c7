//! Who asks on a route that costs nothing: the holder of an agent token, or of the very credential that paid before. A fresh payment token
//! reads nothing, because company cards are shared, and `source` opens nothing, because the client wrote it.

use std::sync::Arc;

use payments::{
    challenge::Retry,
    checkout::{Identified, identify_by_charge, identify_by_token},
    mpp::{
        credential::decode,
        verify::{PresentedPayment, present},
    },
    proof::ChargeKey,
};
use sha2::{Digest, Sha256};

use super::{
    super::{Api, call::Call, credential::Credential, problem::Fault},
    desk, who,
};
use crate::upstream::profile::Condition;

/// The account of an agent token or of a credential that paid, within its limit.
///
/// # Errors
/// 401 for anybody else, 429, 503 when the books do not answer.
pub(in super::super) async fn identified(api: &Arc<Api>, call: &mut Call, credential: &Credential) -> Result<Identified, Fault> {
    let who = match credential {
        Credential::AgentToken(token) => of_token(api, token).await?,
        Credential::Card(header) => of_credential(api, header).await?,
        Credential::None | Credential::X402(_) | Credential::ApiKey(_) => return Err(unknown()),
    };
    call.rate = Some(api.limits.agent(who.payer(), api.world.clock.now()).await?);
    call.proven = Some(who.payer().clone());
    Ok(who)
}

/// The account of an agent token.
///
/// # Errors
/// 401, or 503 when the books do not answer.
pub(in super::super) async fn of_token(api: &Api, token: &str) -> Result<Identified, Fault> {
    let sha256 = Sha256::digest(token.as_bytes()).into();
    let who = identify_by_token(&*desk(api)?.books, &sha256).await.map_err(|error| Fault::internal(&error))?;
    who.ok_or_else(who::unknown_token)
}

async fn of_credential(api: &Api, header: &[u8]) -> Result<Identified, Fault> {
    let desk = desk(api)?;
    let presented = |header| -> Option<PresentedPayment> {
        let unverified = decode([header]).ok()??;
        present(&unverified, &desk.secrets, &desk.realm).ok()
    };
    let Some(paid) = presented(header) else { return Err(unknown()) };
    let key = ChargeKey { challenge_id: paid.challenge_id(), token_sha256: *paid.token_sha256().as_bytes() };
    let who = identify_by_charge(&*desk.books, &key).await.map_err(|error| Fault::internal(&error))?;
    who.ok_or_else(unknown)
}

/// 401: a payment would prove nothing here, so none is asked for.
pub(super) fn unknown() -> Fault {
    let message = "say who you are with the agent token that came with a paid answer (Authorization: Bearer tpk_...), or with the credential \
                   that paid; a new card payment would not tell";
    Fault::new(Condition::Unauthenticated, message).reason("unknown_account").retry(Retry::FixRequest).field(
        "Authorization",
        "Bearer tpk_..., or the credential of an earlier payment",
        "none that names an account",
    )
}
