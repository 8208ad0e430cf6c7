//! `POST /agent-token/rotate`: a new token in the place of the one that is shown.

use std::sync::Arc;

use payments::holder::ROTATED_FOR_MS;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    super::{
        error::{CardRequestError, GatewayError},
        reply::GatewayReply,
        request::Credential,
        request::GatewayRequest,
        state::Gateway,
    },
    who,
};

/// Answers `POST /agent-token/rotate`.
///
/// # Errors
/// There is no such agent token, or it was rotated already.
pub async fn rotate_token(
    gateway: &Arc<Gateway>,
    call: &mut GatewayRequest,
    credential: &Credential,
) -> Result<GatewayReply, GatewayError> {
    let desk = gateway.card_desk()?;
    let token = match credential {
        Credential::AgentToken(token) => token,
        Credential::None | Credential::Card(_) | Credential::X402(_) | Credential::ApiKey(_) => {
            return Err(CardRequestError::UnknownToken.into());
        }
    };
    let now = gateway.world.clock.now();
    let known = who::known_token(desk, token, now).await?;
    let holder = &known.holder;
    call.rate = Some(gateway.limits.agent(&holder.payer, now).await?);
    call.proven = Some(holder.payer.clone());
    if !known.is_current {
        return Err(CardRequestError::TokenRotated.into());
    }
    let next = desk.tokens.token_at(&holder.payer, holder.id, holder.rotation.saturating_add(1));
    let sha256 = Sha256::digest(next.as_bytes()).into();
    let until = now.plus_ms(ROTATED_FOR_MS);
    if !desk
        .books
        .rotate_token(holder, &sha256, now, until)
        .await
        .map_err(|error| GatewayError::internal(&error))?
    {
        return Err(CardRequestError::TokenRotated.into());
    }
    tracing::info!(holder = %holder.id, "cards.token_rotated");
    let body = json!({"data": {"agent_token": next, "previous_token_ends_at": until.rfc3339()}});
    let mut reply = GatewayReply::free_of_charge(&body);
    reply.set("x-agent-token", &next);
    Ok(reply)
}
