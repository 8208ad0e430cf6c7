//! Calls on their way to the node: in their order, in as few requests as the node takes. The chain
//! id is asked with each of them, or before them where they go one by one.
//!
//! A request that is refused as a whole may be too large, or the node may refuse everything: the
//! chain id alone tells the two apart. Only what a smaller request cured is learned as a limit.

use std::collections::BTreeMap;

use alloy_json_rpc::{ErrorPayload, Id, Response, ResponsePacket, ResponsePayload};
use alloy_primitives::U64;
use payments::ports::RailError;
use serde_json::{Value, json, value::RawValue};
use tokio::sync::oneshot;

use super::{
    limits::Limit,
    node::{NoAnswer, Node, Refusal},
    rpc::Missed,
};

/// What a call was answered.
pub(super) type Reply = Result<Box<RawValue>, NoAnswer>;

const CHAIN_ID: &str = "eth_chainId";

/// One call, and where its answer goes.
pub(super) struct Call {
    pub method: &'static str,
    pub params: Value,
    pub answer: oneshot::Sender<Reply>,
}

/// What came of a request with several calls.
enum Taken {
    /// The answers of all calls, in their order.
    Whole(Vec<Reply>),
    /// It was refused as a whole, in these words.
    Refused(String),
}

impl Node {
    /// Sends the calls. Their answers count for nothing unless this succeeds.
    ///
    /// # Errors
    /// [`RailError::WrongChain`] when the node answers for another chain than configured;
    /// [`RailError::Unreachable`].
    pub(super) async fn exchange(&self, mut calls: Vec<Call>) -> Result<(), RailError> {
        let mut size = usize::try_from(self.limits.batch_calls()).unwrap_or(1);
        let mut refused: Option<String> = None;
        while size > 1 && !calls.is_empty() {
            let part = calls.len().min(size.saturating_sub(1));
            match self.together(calls.get(..part).unwrap_or_default()).await? {
                Taken::Whole(replies) => {
                    if let Some(words) = refused.take() {
                        self.limits.learn_batch(size as u64, &words);
                    }
                    calls.drain(..part).zip(replies).for_each(|(call, reply)| call.answered(reply));
                    if calls.is_empty() {
                        return Ok(());
                    }
                }
                Taken::Refused(words) => {
                    self.limits.count(Limit::Batch);
                    if refused.is_none() {
                        self.check_chain().await?;
                    }
                    size = part.saturating_add(1) / 2;
                    refused = Some(words);
                }
            }
        }
        self.check_chain().await?;
        for call in calls {
            let reply = self.alone(call.method, &call.params).await?;
            if let Some(words) = refused.take() {
                self.limits.learn_batch(1, &words);
            }
            call.answered(reply);
        }
        Ok(())
    }

    /// One call in a request of its own; the outer error says that there is no answer at all.
    pub(super) async fn alone(
        &self,
        method: &'static str,
        params: &Value,
    ) -> Result<Reply, RailError> {
        match self.transport.exchange(&request(0, method, params)).await {
            Ok(ResponsePacket::Single(response)) => Ok(self.reply(method, response.payload)),
            Ok(ResponsePacket::Batch(_)) => Err(self.lost(method, "unreadable answer")),
            Err(missed) => Err(self.lost(method, &missed.words)),
        }
    }

    async fn check_chain(&self) -> Result<(), RailError> {
        let reply = self.alone(CHAIN_ID, &json!([])).await?;
        self.believe(reply)
    }

    async fn together(&self, calls: &[Call]) -> Result<Taken, RailError> {
        let named = std::iter::once((CHAIN_ID, &Value::Null))
            .chain(calls.iter().map(|call| (call.method, &call.params)));
        let none = json!([]);
        let params = |params: &Value| if params.is_null() { none.clone() } else { params.clone() };
        let requests =
            named.zip(0_u64..).map(|((method, of), id)| request(id, method, &params(of)));
        match self.transport.exchange(&Value::Array(requests.collect())).await {
            Ok(ResponsePacket::Batch(responses)) => self.sorted(calls, responses),
            Ok(ResponsePacket::Single(Response {
                payload: ResponsePayload::Failure(failure),
                ..
            })) => self.refused(&failure),
            Ok(ResponsePacket::Single(_)) => Err(self.lost("batch", "unreadable answer")),
            Err(missed) if missed.may_be_too_large() => Ok(Taken::Refused(missed.words)),
            Err(Missed { words, .. }) => Err(self.lost("batch", &words)),
        }
    }

    /// A node may answer in any order, leave out what is beyond its limit, or refuse each call for
    /// the sake of the whole.
    fn sorted(&self, calls: &[Call], responses: Vec<Response>) -> Result<Taken, RailError> {
        let failure = responses.iter().find_map(|response| response.payload.as_error()).cloned();
        let of_batch = responses
            .iter()
            .filter_map(|response| response.payload.as_error())
            .any(|failure| speaks_of_batch(&failure.message));
        let mut by_id: BTreeMap<u64, ResponsePayload> = BTreeMap::new();
        for response in responses {
            if let Id::Number(id) = response.id {
                by_id.insert(id, response.payload);
            }
        }
        let chain_id = by_id.remove(&0).filter(|payload| payload.is_success());
        let payloads: Vec<ResponsePayload> =
            (1_u64..).map_while(|id| by_id.remove(&id)).take(calls.len()).collect();
        match (chain_id, failure) {
            (Some(chain_id), _) if payloads.len() == calls.len() && !of_batch => {
                self.believe(self.reply(CHAIN_ID, chain_id))?;
                Ok(Taken::Whole(
                    calls
                        .iter()
                        .zip(payloads)
                        .map(|(call, payload)| self.reply(call.method, payload))
                        .collect(),
                ))
            }
            (_, Some(failure)) => self.refused(&failure),
            (_, None) => Ok(Taken::Refused(String::from("not every call is answered"))),
        }
    }

    /// Whoever asked too often is not asked more often.
    fn refused(&self, failure: &ErrorPayload) -> Result<Taken, RailError> {
        let refusal = self.refusal("batch", failure);
        if refusal.is_throttled() {
            Err(NoAnswer::Refused(refusal).into())
        } else {
            Ok(Taken::Refused(format!("error {}: {}", refusal.code, refusal.message)))
        }
    }

    fn believe(&self, reply: Reply) -> Result<(), RailError> {
        let unreadable = || self.lost(CHAIN_ID, "unreadable answer");
        let chain_id: U64 = serde_json::from_str(reply?.get()).map_err(|_| unreadable())?;
        self.answered_for(chain_id)
    }

    fn reply(&self, method: &'static str, payload: ResponsePayload) -> Reply {
        match payload {
            ResponsePayload::Success(result) => Ok(result),
            ResponsePayload::Failure(failure) => {
                Err(NoAnswer::Refused(self.refusal(method, &failure)))
            }
        }
    }

    fn refusal(&self, method: &'static str, failure: &ErrorPayload) -> Refusal {
        Refusal { method, code: failure.code, message: self.secrets.redact(&failure.message) }
    }
}

impl Call {
    /// Whoever dropped the question wants no answer.
    fn answered(self, reply: Reply) {
        let _ = self.answer.send(reply);
    }
}

fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn speaks_of_batch(message: &str) -> bool {
    message.to_lowercase().contains("batch")
}
