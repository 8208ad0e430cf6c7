//! A node that is asked by hand, and a sealer that hides nothing.

use std::time::Duration;

use alloy_json_rpc::{ResponsePacket, ResponsePayload};
use alloy_primitives::keccak256;
use payments::ports::{SealError, Sealer};
use serde_json::{Value, json};

use super::super::rpc::HttpTransport;

/// JSON-RPC for a test's own questions.
pub(super) struct Rpc(HttpTransport);

impl Rpc {
    pub(super) fn new(url: &str) -> Self {
        let (transport, _) = HttpTransport::new(url, Duration::from_secs(10)).unwrap();
        Self(transport)
    }

    pub(super) async fn try_call(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<Value, String> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        match self.0.exchange(&call).await {
            Ok(ResponsePacket::Single(response)) => match response.payload {
                ResponsePayload::Success(result) => Ok(serde_json::from_str(result.get()).unwrap()),
                ResponsePayload::Failure(failure) => Err(failure.to_string()),
            },
            Ok(ResponsePacket::Batch(_)) => Err("several answers to one call".to_owned()),
            Err(missed) => Err(missed.words),
        }
    }

    pub(super) async fn call(&self, method: &'static str, params: Value) -> Value {
        self.try_call(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

/// Seals by a checksum: enough to notice bytes that were changed or moved.
pub(super) struct TestSealer;

impl Sealer for TestSealer {
    fn seal(&self, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let tag = keccak256([aad, plain].concat());
        [tag.as_slice(), plain].concat()
    }

    fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (tag, plain) = sealed.split_at_checked(32).ok_or(SealError)?;
        if keccak256([aad, plain].concat()).as_slice() == tag {
            Ok(plain.to_vec())
        } else {
            Err(SealError)
        }
    }
}
