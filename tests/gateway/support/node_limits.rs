//! What a node or its provider does not take, as the common ones say it.

use http::Response;
use http_body_util::Full;
use serde_json::{Value, json};

use super::anvil::quantity;
use super::server::Answer;

/// Nothing is limited unless a test says so.
#[derive(Clone, Default)]
pub struct NodeLimits {
    /// The most calls in one array; 0: no array at all. Refused by one object for the whole.
    pub batch: Option<usize>,
    /// The most blocks in one `eth_getLogs`.
    pub log_blocks: Option<u64>,
    /// The most logs in one answer.
    pub logs: Option<usize>,
    /// Methods that the node does not have.
    pub missing: Vec<&'static str>,
    /// A page of somebody in between, with this status, in the place of every answer.
    pub page: Option<u16>,
}

impl NodeLimits {
    /// What is answered to the whole request, if anything.
    pub fn of_request(&self, body: &Value) -> Option<Answer> {
        if let Some(status) = self.page {
            let page = "<!DOCTYPE html><html><head><title>Access denied</title></head><body>Ray 8f</body></html>";
            let response = Response::builder().status(status).header("content-type", "text/html");
            return Some(Ok(response.body(Full::from(page)).unwrap()));
        }
        let calls = body.as_array()?.len();
        let most = self.batch?;
        let message = format!("batch of {calls} calls, this plan takes {most}");
        let error =
            json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": message}});
        (calls > most).then(|| super::server::json(200, &error))
    }

    /// The error of this call, if the node is not even asked.
    pub fn of_call(&self, method: &str, params: &Value) -> Option<Value> {
        if self.missing.contains(&method) {
            return Some(
                json!({"code": -32601, "message": format!("the method {method} does not exist/is not available")}),
            );
        }
        let most = self.log_blocks.filter(|_| method == "eth_getLogs")?;
        let blocks = quantity(&params[0]["toBlock"]) + 1 - quantity(&params[0]["fromBlock"]);
        let message = format!("eth_getLogs is limited to a {most} block range");
        (blocks > most).then(|| json!({"code": -32614, "message": message}))
    }

    /// The error in the place of this result, if there is too much of it.
    pub fn of_result(&self, method: &str, result: &Value) -> Option<Value> {
        let most = self.logs.filter(|_| method == "eth_getLogs")?;
        let message = format!("query returned more than {most} results");
        (result.as_array()?.len() > most).then(|| json!({"code": -32005, "message": message}))
    }
}
