//! The node behind the rail. Everything is asked in batches, and every batch asks for the chain id too: a node that was
//! swapped for one of another chain is never believed.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use alloy_json_rpc::{ErrorPayload, RpcError, RpcRecv};
use alloy_primitives::{Address, B256, Bytes, U64};
use alloy_rpc_client::{BatchRequest, RpcClient, Waiter};
use alloy_transport::TransportError;
use payments::ports::RailError;
use serde_json::{Value, json};

use super::{
    redact::Secrets,
    rpc::{HttpTransport, RpcUrlError},
};

/// A node that must answer for one chain.
pub(super) struct Node {
    client: RpcClient,
    chain_id: u64,
    secrets: Secrets,
    /// What the last batch showed. Read where no call may be made.
    wrong_chain: AtomicBool,
}

/// Reads that travel together.
pub(super) struct Batch<'a> {
    node: &'a Node,
    requests: BatchRequest<'a>,
    chain_id: Waiter<U64>,
}

/// One answer to come.
pub(super) struct Answer<'a, R: RpcRecv> {
    node: &'a Node,
    method: &'static str,
    waiter: Waiter<R>,
}

/// Why there is no answer: the node refused, or did not answer at all.
pub(super) enum NoAnswer {
    /// A JSON-RPC error.
    Refused(Refusal),
    /// Anything else.
    Lost(RailError),
}

/// A node's own words, without what is secret.
pub(super) struct Refusal {
    pub method: &'static str,
    pub code: i64,
    pub message: String,
}

/// The block that a read looks at.
#[derive(Clone, Copy)]
pub(super) enum At {
    Latest,
    Block(u64),
}

// === impl Node ===

impl Node {
    pub(super) fn new(url: &str, timeout: Duration, chain_id: u64) -> Result<Self, RpcUrlError> {
        let (transport, secrets) = HttpTransport::new(url, timeout)?;
        Ok(Self { client: RpcClient::new(transport, false), chain_id, secrets, wrong_chain: AtomicBool::new(false) })
    }

    /// Whether the last batch that was answered was answered for another chain.
    pub(super) fn on_wrong_chain(&self) -> bool {
        self.wrong_chain.load(Ordering::Relaxed)
    }

    /// An empty batch.
    pub(super) fn batch(&self) -> Result<Batch<'_>, RailError> {
        let mut requests = self.client.new_batch();
        let chain_id = requests.add_call("eth_chainId", &json!([])).map_err(|error| self.lost("eth_chainId", &error))?;
        Ok(Batch { node: self, requests, chain_id })
    }

    /// Hands a signed transaction to the node; its hash if the node took it. Alone, so that its fate is not tied to a read's.
    pub(super) async fn send_raw(&self, raw: &[u8]) -> Result<B256, NoAnswer> {
        const METHOD: &str = "eth_sendRawTransaction";
        let params = json!([Bytes::copy_from_slice(raw)]);
        self.client.request(METHOD, params).await.map_err(|error| self.no_answer(METHOD, error))
    }

    fn no_answer(&self, method: &'static str, error: TransportError) -> NoAnswer {
        match error {
            RpcError::ErrorResp(ErrorPayload { code, message, .. }) => {
                NoAnswer::Refused(Refusal { method, code, message: self.secrets.redact(&message) })
            }
            other => NoAnswer::Lost(self.lost(method, &other)),
        }
    }

    /// Never the text of an answer that could not be read: only what kind of fault it is.
    fn lost(&self, method: &str, error: &TransportError) -> RailError {
        let why = match error {
            RpcError::DeserError { .. } | RpcError::NullResp => String::from("unreadable answer"),
            RpcError::Transport(kind) => self.secrets.redact(&kind.to_string()),
            RpcError::ErrorResp(payload) => self.secrets.redact(&payload.message),
            _ => String::from("the request cannot be built"),
        };
        RailError::Unreachable(format!("{method}: {why}"))
    }
}

// === impl Batch ===

impl<'a> Batch<'a> {
    /// Adds a call of this method.
    pub(super) fn ask<R: RpcRecv>(&mut self, method: &'static str, params: Value) -> Result<Answer<'a, R>, RailError> {
        let waiter = self.requests.add_call(method, &params).map_err(|error| self.node.lost(method, &error))?;
        Ok(Answer { node: self.node, method, waiter })
    }

    /// Adds a read of a contract.
    pub(super) fn call(&mut self, to: Address, data: &Bytes, at: At) -> Result<Answer<'a, Bytes>, RailError> {
        let block = match at {
            At::Latest => json!("latest"),
            At::Block(number) => json!(U64::from(number)),
        };
        self.ask("eth_call", json!([{ "to": to, "data": data }, block]))
    }

    /// Adds the run of a transaction of `from` that is not sent.
    pub(super) fn simulate(&mut self, from: Address, to: Address, data: &Bytes, gas: u64) -> Result<Answer<'a, Bytes>, RailError> {
        self.ask("eth_call", json!([{ "from": from, "to": to, "data": data, "gas": U64::from(gas) }, "latest"]))
    }

    /// Sends the batch. Its answers count for nothing unless this succeeds.
    ///
    /// # Errors
    /// [`RailError::WrongChain`] when the node answers for another chain than configured.
    pub(super) async fn send(self) -> Result<(), RailError> {
        let Self { node, requests, chain_id } = self;
        requests.send().await.map_err(|error| node.lost("batch", &error))?;
        let chain_id: U64 = Answer { node, method: "eth_chainId", waiter: chain_id }.get().await?;
        let right = chain_id.to::<u64>() == node.chain_id;
        node.wrong_chain.store(!right, Ordering::Relaxed);
        if right {
            return Ok(());
        }
        Err(RailError::WrongChain(format!("chain id {chain_id} instead of {}", node.chain_id)))
    }
}

// === impl Refusal ===

impl Refusal {
    /// How the common nodes say that the contract refused a call: 3 is go-ethereum's code and its descendants', -32015 that of others.
    pub(super) fn is_revert(&self) -> bool {
        let message = self.message.to_lowercase();
        matches!(self.code, 3 | -32_015) || message.contains("revert") || message.contains("out of gas")
    }
}

// === impl Answer ===

impl<R: RpcRecv> Answer<'_, R> {
    /// The answer, once the batch was sent.
    pub(super) async fn get(self) -> Result<R, RailError> {
        self.try_get().await.map_err(RailError::from)
    }

    /// The answer, or whether the node refused it.
    pub(super) async fn try_get(self) -> Result<R, NoAnswer> {
        self.waiter.await.map_err(|error| self.node.no_answer(self.method, error))
    }
}

impl From<NoAnswer> for RailError {
    fn from(none: NoAnswer) -> Self {
        match none {
            NoAnswer::Refused(Refusal { method, code, message }) => Self::Unreachable(format!("{method}: error {code}: {message}")),
            NoAnswer::Lost(error) => error,
        }
    }
}
