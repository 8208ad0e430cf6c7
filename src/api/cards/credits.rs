//! `GET /credits`: the balance, what is owed in credits, and what can be bought. Wallets and API-key users have none.

use std::sync::Arc;

use axum::response::Response;
use payments::{money::Credits, ports::CreditAccount};
use serde_json::json;

use super::{
    super::{Api, call::Call, credential::Credential, free, own, problem::Fault},
    desk, free as card_free,
};

pub(in super::super) async fn answer(api: &Arc<Api>, call: &mut Call, credential: &Credential) -> Result<Response, Fault> {
    let desk = desk(api)?;
    let account = match credential {
        Credential::ApiKey(_) => CreditAccount::default(),
        Credential::X402(header) => {
            free::identified(api, call, header, false).await?;
            CreditAccount::default()
        }
        Credential::None => return Err(card_free::unknown()),
        Credential::Card(_) | Credential::AgentToken(_) => {
            let who = card_free::identified(api, call, credential).await?;
            desk.books.credit_account(who.payer()).await.map_err(|error| Fault::internal(&error))?
        }
    };
    let mut data = json!({
        "balance": account.balance.get(),
        "packs": [desk.pack.shown()],
        "purchase_endpoint": "POST /v1/credits/purchase",
    });
    if account.debt != Credits::ZERO {
        data["owed"] = json!(account.debt.get());
    }
    Ok(own::answered(&json!({"data": data})))
}
