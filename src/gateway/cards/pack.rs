//! The body that buys a pack, and the answer of a pack that is granted.

use payments::{
    funding::Funding,
    intent::{Intent, StoredAnswer},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    super::{error::PackError, request::GatewayRequest, state::Gateway},
    desk::{AGENT_TOKEN_HINT, Pack},
};

/// The body; an empty one buys the one pack that there is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    pack: Option<String>,
    /// The buyer knows that only the agent token of the answer spends the credits.
    #[serde(default)]
    agent_token_only: bool,
}

/// Refuses a body before any money: the pack that it names is the one that is charged. Says whether
/// the buyer means to spend the credits by agent token alone.
///
/// # Errors
/// The body is malformed, or names no pack that is sold.
pub fn check_body(pack: &Pack, call: &GatewayRequest) -> Result<bool, PackError> {
    let asked: Asked = if call.body.is_empty() {
        Asked::default()
    } else {
        serde_json::from_slice(&call.body).map_err(|_| PackError::InvalidBody)?
    };
    match asked.pack.as_deref() {
        None => Ok(asked.agent_token_only),
        Some(asked_for) if asked_for == pack.id => Ok(asked.agent_token_only),
        Some(other) => {
            Err(PackError::Unknown { sold: pack.id, asked: other.chars().take(64).collect() })
        }
    }
}

/// The answer of a pack that is granted: the same each time, because all that it says is kept with
/// the intent.
pub fn granted(gateway: &Gateway, intent: &Intent) -> Option<StoredAnswer> {
    let (Funding::MppPack { credits }, Some(balance)) = (&intent.funding, intent.granted_balance)
    else {
        return None;
    };
    let pack = json!({
        "id": gateway.cards.as_ref().and_then(|desk| desk.pack).map_or("pack_20", |pack| pack.id),
        "credits": credits.get(),
        "price_usd": intent.price.to_string().trim_end_matches(" USD"),
    });
    let body = json!({"data": {"credits_added": credits.get(), "new_balance": balance.get(), "pack": pack, "agent_token": AGENT_TOKEN_HINT}});
    let headers = vec![(String::from("content-type"), String::from("application/json"))];
    Some(StoredAnswer { status: 200, headers, body: body.to_string().into() })
}
