//! `POST /credits/purchase`: a pack, paid by card, with its own drive: CHARGED, then GRANTED.

use std::sync::Arc;

use axum::response::Response;
use payments::challenge::Retry;

use super::{
    super::{call::Call, credential::Credential, fault::Fault, faults::unpaid, state::Api},
    launch::{Order, pay},
};
use crate::upstream::profile::Condition;

pub(in super::super) async fn answer(api: &Arc<Api>, call: &mut Call, credential: &Credential) -> Result<Response, Fault> {
    let Some(pack) = api.card_desk()?.pack else {
        let fault = Fault::new(Condition::NotFound, "nothing here takes credits, so none are sold; nothing was charged");
        return Err(fault.reason("no_packs").retry(Retry::Never));
    };
    if let Credential::Card(header) = credential {
        return pay(api, Order::Pack(pack), call, header).await;
    }
    match credential {
        Credential::None | Credential::AgentToken(_) | Credential::Card(_) => Err(unpaid(api, call)),
        Credential::X402(_) => Err(cards_only("x402 wallets cannot purchase credits (MPP only)")),
        Credential::ApiKey(_) => Err(cards_only("API-key users cannot purchase credits (MPP only)")),
    }
}

fn cards_only(message: &str) -> Fault {
    Fault::new(Condition::Validation, message).reason("cards_only").retry(Retry::Never)
}
