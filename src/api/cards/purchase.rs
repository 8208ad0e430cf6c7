//! `POST /credits/purchase`: a pack, paid by card, with its own drive: CHARGED, then GRANTED.

use std::sync::Arc;

use axum::response::Response;

use super::{
    super::{
        call::Call,
        credential::Credential,
        error::{
            GatewayError,
            card::{CardRequestError, PackBuyer, PackError},
        },
        state::Api,
    },
    launch::{Order, pay},
};

pub(in super::super) async fn answer(api: &Arc<Api>, call: &mut Call, credential: &Credential) -> Result<Response, GatewayError> {
    let Some(pack) = api.card_desk()?.pack else {
        return Err(refused(PackError::NoneSold));
    };
    if let Credential::Card(header) = credential {
        return pay(api, Order::Pack(pack), call, header).await;
    }
    match credential {
        Credential::None | Credential::AgentToken(_) | Credential::Card(_) => Err(GatewayError::NoCredential),
        Credential::X402(_) => Err(refused(PackError::NeedsCard(PackBuyer::Wallet))),
        Credential::ApiKey(_) => Err(refused(PackError::NeedsCard(PackBuyer::ApiKey))),
    }
}

fn refused(error: PackError) -> GatewayError {
    CardRequestError::Pack(error).into()
}
