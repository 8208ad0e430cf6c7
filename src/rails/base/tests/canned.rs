//! A node that answers what a test wants, for what no real chain can be made to say.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};

/// The `result` of a call, or the `error`.
pub(super) type Reply = Result<Value, Value>;
type Script = Arc<dyn Fn(&str, &Value) -> Reply + Send + Sync>;

#[derive(Clone)]
pub(super) struct CannedNode {
    script: Script,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
}

impl CannedNode {
    /// A node on a free port; `script` gets method and params.
    pub(super) async fn start(
        script: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static,
    ) -> (String, Self) {
        let node = Self { script: Arc::new(script), heard: Arc::default() };
        let app = Router::new()
            .route("/{*key}", post(answer))
            .route("/", post(answer))
            .with_state(node.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (url, node)
    }

    /// The params of every call of this method so far.
    pub(super) fn heard(&self, method: &str) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|(name, _)| name == method).map(|(_, params)| params.clone()).collect()
    }

    fn one(&self, call: &Value) -> Value {
        let (method, params) = (call["method"].as_str().unwrap(), &call["params"]);
        self.heard.lock().unwrap().push((method.to_owned(), params.clone()));
        match (self.script)(method, params) {
            Ok(result) => json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
            Err(error) => json!({"jsonrpc": "2.0", "id": call["id"], "error": error}),
        }
    }
}

async fn answer(State(node): State<CannedNode>, Json(body): Json<Value>) -> Json<Value> {
    Json(match body.as_array() {
        // In reverse: a node may answer a batch in any order.
        Some(calls) => calls.iter().rev().map(|call| node.one(call)).collect(),
        None => node.one(&body),
    })
}
