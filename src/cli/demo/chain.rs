//! What the chain itself says, asked over its JSON-RPC like any node.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use payments::agent::Wallet;
use sandbox::agent::Transport;
use serde_json::{Value, json};

use super::{error::DemoError, stage::Stage};

/// `balanceOf(address)`.
const BALANCE_OF: &str = "70a08231";

/// What an account holds, in units of USDC.
pub(super) async fn balance_units(stage: &Stage<'_>, account: &Wallet) -> Result<u64, DemoError> {
    let data = format!("0x{BALANCE_OF}{:0>64}", hex::encode(account.as_bytes()));
    let token = stage.spending.token.address().to_string();
    quantity(&call(stage, "eth_call", json!([{"to": token, "data": data}, "latest"])).await?)
}

/// The block of a transaction that succeeded.
pub(super) async fn block_of(
    stage: &Stage<'_>,
    transaction: &str,
) -> Result<Option<u64>, DemoError> {
    let receipt = call(stage, "eth_getTransactionReceipt", json!([transaction])).await?;
    match receipt["status"].as_str() {
        Some("0x1") => quantity(&receipt["blockNumber"]).map(Some),
        _ => Ok(None),
    }
}

async fn call(stage: &Stage<'_>, method: &str, params: Value) -> Result<Value, DemoError> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = stage.running.rpc_url.parse().map_err(|_| "the chain has no address")?;
    request
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let response = stage.agent.transport.send(request).await?;
    let answer: Value = serde_json::from_slice(response.body())?;
    answer.get("result").cloned().ok_or_else(|| DemoError::Chain {
        method: method.to_owned(),
        error: answer["error"].clone(),
    })
}

fn quantity(value: &Value) -> Result<u64, DemoError> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    // A word of the EVM has leading zeros.
    let significant = digits.map(|digits| digits.trim_start_matches('0'));
    let number = significant.and_then(|digits| {
        if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 16).ok() }
    });
    number.ok_or_else(|| DemoError::NoNumber(value.clone()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_of_the_chain_are_read_in_both_widths() {
        assert_eq!(quantity(&json!("0x0")).unwrap(), 0);
        assert_eq!(quantity(&json!(format!("0x{:0>64}", "86470"))).unwrap(), 550_000);
        for wrong in [json!("0x10000000000000000"), json!("550000"), json!(1), json!(null)] {
            assert!(quantity(&wrong).is_err(), "{wrong}");
        }
    }
}
