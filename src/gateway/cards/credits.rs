//! `GET /credits`: the balance, what is owed in credits, and what can be bought. Wallets and
//! API-key users have none.

use std::sync::Arc;

use payments::{agent::Payer, money::Credits, ports::ShownBalance};
use serde_json::json;

use super::{
    super::{
        error::{CardRequestError, GatewayError},
        free,
        reply::GatewayReply,
        request::Credential,
        request::GatewayRequest,
        state::Gateway,
    },
    desk::{CardDesk, Pack},
    free as card_free,
};

const NOTHING: ShownBalance = ShownBalance { balance: Credits::ZERO, debt: Credits::ZERO };

/// Answers `GET /credits`.
///
/// # Errors
/// Nobody is named, or the books do not answer.
pub async fn show_credits(
    gateway: &Arc<Gateway>,
    call: &mut GatewayRequest,
    credential: &Credential,
) -> Result<GatewayReply, GatewayError> {
    let desk = gateway.card_desk()?;
    let account = match credential {
        Credential::ApiKey(_) => NOTHING,
        Credential::X402(header) => {
            free::identified(gateway, call, header, false).await?;
            NOTHING
        }
        Credential::None => return Err(CardRequestError::UnknownAccount.into()),
        Credential::Card(_) | Credential::AgentToken(_) => {
            let who = card_free::identified(gateway, call, credential).await?;
            shown(gateway, desk, who.payer()).await?
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
    Ok(GatewayReply::free_of_charge(&json!({"data": data})))
}

/// The only place that shows a kept balance.
async fn shown(
    gateway: &Gateway,
    desk: &CardDesk,
    payer: &Payer,
) -> Result<ShownBalance, GatewayError> {
    if let Some(kept) = gateway.world.balances.get(payer).await {
        return Ok(kept);
    }
    let account =
        desk.books.credit_account(payer).await.map_err(|error| GatewayError::internal(&error))?;
    let shown = ShownBalance { balance: account.balance, debt: account.debt };
    gateway.world.balances.put(payer, shown).await;
    Ok(shown)
}
