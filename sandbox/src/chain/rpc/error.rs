//! The error member of an answer: JSON-RPC's codes, and those that nodes added.

use std::fmt::Display;

use alloy_primitives::Bytes;
use alloy_sol_types::{Panic, Revert, SolError as _};
use serde_json::{Value, json};

use crate::chain::ChainError;
use crate::chain::submit::Rejected;

/// A failed call: text for people, and the revert data for programs.
#[derive(Debug)]
pub(super) struct RpcError {
    code: i32,
    message: String,
    data: Option<Bytes>,
}

impl RpcError {
    fn new(code: i32, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message, data: None }
    }

    pub(super) fn parse_error() -> Self {
        Self::new(-32700, "parse error")
    }

    pub(super) fn invalid_request(message: &str) -> Self {
        Self::new(-32600, message)
    }

    pub(super) fn method_not_found(method: &str) -> Self {
        let text = format!("the method {method} does not exist/is not available");
        Self::new(-32601, text)
    }

    pub(super) fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }

    pub(super) fn internal(error: &dyn Display) -> Self {
        Self::new(-32603, error.to_string())
    }

    /// What nodes answer when the request is well formed and cannot be served.
    pub(super) fn server(message: impl Into<String>) -> Self {
        Self::new(-32000, message)
    }

    /// A call that ended in `REVERT`, with the reason in words if the data holds one.
    pub(super) fn reverted(data: Bytes) -> Self {
        let reason = if let Ok(revert) = Revert::abi_decode(&data) {
            format!(": {}", revert.reason)
        } else if let Ok(panic) = Panic::abi_decode(&data) {
            format!(": {panic}")
        } else {
            String::new()
        };
        Self { code: 3, message: format!("execution reverted{reason}"), data: Some(data) }
    }

    pub(super) fn to_value(&self) -> Value {
        match &self.data {
            Some(data) => json!({"code": self.code, "message": self.message, "data": data}),
            None => json!({"code": self.code, "message": self.message}),
        }
    }
}

impl From<ChainError> for RpcError {
    fn from(error: ChainError) -> Self {
        tracing::error!(%error, "sandbox.chain_failed");
        Self::internal(&"the chain could not store a block")
    }
}

impl From<Rejected> for RpcError {
    fn from(why: Rejected) -> Self {
        match why {
            Rejected::Invalid(text) => Self::server(text),
            Rejected::Chain(error) => error.into(),
        }
    }
}
