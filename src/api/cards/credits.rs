//! `GET /credits`: the balance, what is owed in credits, and what can be bought. Wallets and API-key users have none.

use std::sync::Arc;

use axum::response::Response;
use payments::{agent::Payer, money::Credits, ports::ShownBalance};
use serde_json::json;

use super::{
    super::{
        call::Call,
        credential::Credential,
        error::{GatewayError, card::CardRequestError},
        free, json,
        state::Api,
    },
    desk::{CardDesk, Pack},
    free as card_free,
};

const NOTHING: ShownBalance = ShownBalance { balance: Credits::ZERO, debt: Credits::ZERO };

pub(in super::super) async fn answer(api: &Arc<Api>, call: &mut Call, credential: &Credential) -> Result<Response, GatewayError> {
    let desk = api.card_desk()?;
    let account = match credential {
        Credential::ApiKey(_) => NOTHING,
        Credential::X402(header) => {
            free::identified(api, call, header, false).await?;
            NOTHING
        }
        Credential::None => return Err(CardRequestError::UnknownAccount.into()),
        Credential::Card(_) | Credential::AgentToken(_) => {
            let who = card_free::identified(api, call, credential).await?;
            shown(api, desk, who.payer()).await?
        }
    };
    let packs: Vec<_> = desk.pack.iter().map(Pack::shown).collect();
    let mut data = json!({
        "balance": account.balance.get(),
        "packs": packs,
        "purchase_endpoint": "POST /v1/credits/purchase",
    });
    if account.debt != Credits::ZERO {
        data["owed"] = json!(account.debt.get());
    }
    Ok(json::free_of_charge(&json!({"data": data})))
}

/// The only place that shows a kept balance.
async fn shown(api: &Api, desk: &CardDesk, payer: &Payer) -> Result<ShownBalance, GatewayError> {
    if let Some(kept) = api.world.balances.get(payer).await {
        return Ok(kept);
    }
    let account = desk.books.credit_account(payer).await.map_err(|error| GatewayError::internal(&error))?;
    let shown = ShownBalance { balance: account.balance, debt: account.debt };
    api.world.balances.put(payer, shown).await;
    Ok(shown)
}
