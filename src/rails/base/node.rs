//! The node behind the rail. Everything is asked in batches, and every batch asks for the chain id
//! too: a node that was swapped for one of another chain is never believed.

use std::{
    marker::PhantomData,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use alloy_json_rpc::RpcRecv;
use alloy_primitives::{Address, B256, Bytes, U64};
use payments::ports::RailError;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{
    exchange::{Call, Reply},
    limits::NodeLimits,
    redact::Secrets,
    rpc::{HttpTransport, RpcUrlError},
};

/// A node that must answer for one chain.
pub(super) struct Node {
    pub transport: HttpTransport,
    pub secrets: Secrets,
    pub limits: NodeLimits,
    chain_id: u64,
    /// What the last batch showed. Read where no call may be made.
    wrong_chain: AtomicBool,
}

/// Reads that travel together.
pub(super) struct Batch<'a> {
    node: &'a Node,
    calls: Vec<Call>,
}

/// One answer to come.
pub(super) struct Answer<'a, R: RpcRecv> {
    node: &'a Node,
    method: &'static str,
    reply: oneshot::Receiver<Reply>,
    read_as: PhantomData<fn() -> R>,
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
        let limits = NodeLimits::new(secrets.clone());
        Ok(Self { transport, secrets, limits, chain_id, wrong_chain: AtomicBool::new(false) })
    }

    /// Whether the last batch that was answered was answered for another chain.
    pub(super) fn on_wrong_chain(&self) -> bool {
        self.wrong_chain.load(Ordering::Relaxed)
    }

    /// An empty batch.
    pub(super) fn batch(&self) -> Batch<'_> {
        Batch { node: self, calls: Vec::new() }
    }

    /// Hands a signed transaction to the node; its hash if the node took it. Alone, so that its
    /// fate is not tied to a read's.
    pub(super) async fn send_raw(&self, raw: &[u8]) -> Result<B256, NoAnswer> {
        const METHOD: &str = "eth_sendRawTransaction";
        let params = json!([Bytes::copy_from_slice(raw)]);
        let reply = self.alone(METHOD, &params).await.map_err(NoAnswer::Lost)?;
        self.read(METHOD, reply)
    }

    /// What the answer says. Never the text of an answer that could not be read: only what kind of
    /// fault it is.
    fn read<R: RpcRecv>(&self, method: &'static str, reply: Reply) -> Result<R, NoAnswer> {
        serde_json::from_str(reply?.get())
            .map_err(|_| NoAnswer::Lost(self.lost(method, "unreadable answer")))
    }

    /// No answer, for this reason.
    pub(super) fn lost(&self, method: &str, why: &str) -> RailError {
        RailError::Unreachable(format!("{method}: {}", self.secrets.redact(why)))
    }

    /// What the node says which chain it is of.
    ///
    /// # Errors
    /// [`RailError::WrongChain`].
    pub(super) fn answered_for(&self, chain_id: U64) -> Result<(), RailError> {
        let right = chain_id.to::<u64>() == self.chain_id;
        self.wrong_chain.store(!right, Ordering::Relaxed);
        if right {
            return Ok(());
        }
        Err(RailError::WrongChain(format!("chain id {chain_id} instead of {}", self.chain_id)))
    }
}

// === impl Batch ===

impl<'a> Batch<'a> {
    /// Adds a call of this method.
    pub(super) fn ask<R: RpcRecv>(&mut self, method: &'static str, params: Value) -> Answer<'a, R> {
        let (answer, reply) = oneshot::channel();
        self.calls.push(Call { method, params, answer });
        Answer { node: self.node, method, reply, read_as: PhantomData }
    }

    /// Adds a read of a contract.
    pub(super) fn call(&mut self, to: Address, data: &Bytes, at: At) -> Answer<'a, Bytes> {
        let block = match at {
            At::Latest => json!("latest"),
            At::Block(number) => json!(U64::from(number)),
        };
        self.ask("eth_call", json!([{ "to": to, "data": data }, block]))
    }

    /// Adds the run of a transaction of `from` that is not sent.
    pub(super) fn simulate(
        &mut self,
        from: Address,
        to: Address,
        data: &Bytes,
        gas: u64,
    ) -> Answer<'a, Bytes> {
        self.ask(
            "eth_call",
            json!([{ "from": from, "to": to, "data": data, "gas": U64::from(gas) }, "latest"]),
        )
    }

    /// What was learned of the node that is asked.
    pub(super) fn limits(&self) -> &'a NodeLimits {
        &self.node.limits
    }

    /// Sends the batch. Its answers count for nothing unless this succeeds.
    ///
    /// # Errors
    /// [`RailError::WrongChain`] when the node answers for another chain than configured.
    pub(super) async fn send(self) -> Result<(), RailError> {
        self.node.exchange(self.calls).await
    }
}

// === impl Refusal ===

impl Refusal {
    /// How the common nodes say that the contract refused a call: 3 is go-ethereum's code and its
    /// descendants', -32015 that of others.
    pub(super) fn is_revert(&self) -> bool {
        let message = self.message.to_lowercase();
        matches!(self.code, 3 | -32_015)
            || message.contains("revert")
            || message.contains("out of gas")
    }

    /// How providers say that they were asked too often: a smaller question cures nothing then.
    pub(super) fn is_throttled(&self) -> bool {
        let message = self.message.to_lowercase();
        let words = [
            "too many requests",
            "rate limit",
            "rate-limit",
            "request limit",
            "requests per second",
            "compute units",
            "quota",
        ];
        self.code == 429 || words.iter().any(|word| message.contains(word))
    }

    /// How nodes and providers say that they do not have a method.
    pub(super) fn is_missing_method(&self) -> bool {
        let message = self.message.to_lowercase();
        let words = [
            "does not exist",
            "not found",
            "not supported",
            "unsupported",
            "not available",
            "not allowed",
            "not whitelisted",
        ];
        matches!(self.code, -32_601 | -32_004)
            || message.contains("method") && words.iter().any(|word| message.contains(word))
    }
}

// === impl Answer ===

impl<'a, R: RpcRecv> Answer<'a, R> {
    /// The answer, once the batch was sent.
    pub(super) async fn get(self) -> Result<R, RailError> {
        self.try_get().await.map_err(RailError::from)
    }

    /// The answer, or whether the node refused it.
    pub(super) async fn try_get(self) -> Result<R, NoAnswer> {
        match self.reply.await {
            Ok(reply) => self.node.read(self.method, reply),
            Err(_) => Err(NoAnswer::Lost(self.node.lost(self.method, "it was not asked"))),
        }
    }

    /// What was asked.
    pub(super) fn method(&self) -> &'static str {
        self.method
    }

    /// Whom to ask for what the answer lacks.
    pub(super) fn node(&self) -> &'a Node {
        self.node
    }
}

impl From<NoAnswer> for RailError {
    fn from(none: NoAnswer) -> Self {
        match none {
            NoAnswer::Refused(Refusal { method, code, message }) => {
                Self::Unreachable(format!("{method}: error {code}: {message}"))
            }
            NoAnswer::Lost(error) => error,
        }
    }
}
