//! `POST /credits/purchase`: a pack, paid by card, with its own drive: CHARGED, then GRANTED.

use std::sync::Arc;

use super::{
    super::{
        error::{CardRequestError, GatewayError, PackBuyer, PackError},
        reply::GatewayReply,
        request::Credential,
        request::GatewayRequest,
        state::Gateway,
    },
    order::Order,
    pay::pay,
};

/// Answers `POST /credits/purchase`.
///
/// # Errors
/// No pack is sold for this request, or it is not paid.
pub async fn buy_pack(
    gateway: &Arc<Gateway>,
    call: &mut GatewayRequest,
    credential: &Credential,
) -> Result<GatewayReply, GatewayError> {
    let Some(pack) = gateway.card_desk()?.pack else {
        return Err(refused(PackError::NoneSold));
    };
    if let Credential::Card(header) = credential {
        return pay(gateway, Order::Pack(pack), call, header).await;
    }
    match credential {
        Credential::None | Credential::AgentToken(_) | Credential::Card(_) => {
            Err(GatewayError::NoCredential)
        }
        Credential::X402(_) => Err(refused(PackError::NeedsCard(PackBuyer::Wallet))),
        Credential::ApiKey(_) => Err(refused(PackError::NeedsCard(PackBuyer::ApiKey))),
    }
}

fn refused(error: PackError) -> GatewayError {
    CardRequestError::Pack(error).into()
}
