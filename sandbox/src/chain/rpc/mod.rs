//! JSON-RPC 2.0, with the methods, shapes and error texts of an Ethereum node.

mod blocks;
mod call;
mod error;
mod fees;
mod logs;
mod params;
mod state;
mod transactions;

use alloy_primitives::U64;
use serde::Serialize;
use serde_json::{Value, json};

use self::error::RpcError;
use self::params::Params;
use super::{Chain, Inner};

/// The most requests in one batch.
const MAX_BATCH: usize = 1000;

/// What a method answers.
type Answer = Result<Value, RpcError>;

impl Chain {
    /// Answers one JSON-RPC request, or a batch of them in the same order.
    ///
    /// Never fails: what is wrong with a request is said in its answer. A request without `id` is
    /// carried out and gets no answer; if nothing is to be answered, this is `null`.
    #[must_use]
    pub fn rpc(&self, request: Value) -> Value {
        let Value::Array(batch) = request else {
            return self.answer_one(&request).unwrap_or(Value::Null);
        };
        if batch.is_empty() {
            return error_object(&Value::Null, &RpcError::invalid_request("empty batch"));
        }
        if batch.len() > MAX_BATCH {
            return error_object(&Value::Null, &RpcError::invalid_request("batch too large"));
        }
        let answers: Vec<Value> = batch.iter().filter_map(|one| self.answer_one(one)).collect();
        if answers.is_empty() { Value::Null } else { Value::Array(answers) }
    }

    fn answer_one(&self, request: &Value) -> Option<Value> {
        let id = request.get("id").cloned();
        let named = match (request.get("jsonrpc"), request.get("method")) {
            (Some(Value::String(version)), Some(Value::String(method))) if version == "2.0" => {
                Some(method)
            }
            _ => None,
        };
        let Some(method) = named else {
            let error = RpcError::invalid_request("invalid request");
            return Some(error_object(&id.unwrap_or_default(), &error));
        };
        let done = Params::new(request.get("params")).and_then(|params| self.call(method, &params));
        let id = id?;
        Some(match done {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(error) => error_object(&id, &error),
        })
    }

    fn call(&self, method: &str, params: &Params<'_>) -> Answer {
        let now = (self.clock)();
        let mut inner = self.lock()?;
        match method {
            "eth_sendRawTransaction" => transactions::send_raw(&mut inner, params, now),
            "evm_mine" => {
                let draft = inner.world.empty_next(now);
                inner.commit(draft)?;
                Ok(json!("0x0"))
            }
            _ => inner.look_up(method, params, now),
        }
    }
}

impl Inner {
    /// Everything that changes nothing.
    fn look_up(&self, method: &str, params: &Params<'_>, now: u64) -> Answer {
        match method {
            "eth_chainId" => to_value(U64::from(self.world.genesis.chain_id)),
            "net_version" => to_value(self.world.genesis.chain_id.to_string()),
            "web3_clientVersion" => {
                to_value(concat!("turnpike-sandbox/v", env!("CARGO_PKG_VERSION")))
            }
            "net_listening" => to_value(true),
            "eth_syncing" => to_value(false),
            "eth_accounts" => to_value(json!([])),
            "eth_blockNumber" => to_value(U64::from(self.world.head().number)),
            "eth_getBlockByNumber" => blocks::by_number(self, params, now),
            "eth_getBlockByHash" => blocks::by_hash(self, params),
            "eth_getBlockReceipts" => blocks::receipts(self, params),
            "eth_gasPrice" => to_value(U64::from(fees::GAS_PRICE_WEI)),
            "eth_maxPriorityFeePerGas" => to_value(U64::from(fees::PRIORITY_FEE_WEI)),
            "eth_feeHistory" => fees::history(self, params),
            "eth_getBalance" => state::balance(self, params),
            "eth_getTransactionCount" => state::transaction_count(self, params),
            "eth_getCode" => state::code(self, params),
            "eth_getStorageAt" => state::storage_at(self, params),
            "eth_call" => call::call(self, params, now),
            "eth_estimateGas" => call::estimate_gas(self, params, now),
            "eth_getTransactionByHash" => transactions::by_hash(self, params),
            "eth_getTransactionReceipt" => transactions::receipt(self, params),
            "eth_getLogs" => logs::get(self, params),
            _ => Err(RpcError::method_not_found(method)),
        }
    }
}

/// The answer to text that is not JSON.
pub(super) fn parse_error() -> Value {
    error_object(&Value::Null, &RpcError::parse_error())
}

fn error_object(id: &Value, error: &RpcError) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": error.to_value()})
}

fn to_value(result: impl Serialize) -> Answer {
    serde_json::to_value(result).map_err(|error| RpcError::internal(&error))
}
