//! The core through its router, with signed requests.
#![allow(clippy::unwrap_used)]

mod creation;
mod durability;
mod identity;
mod life;
mod reading;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use payments::identity::{SignedParts, sign};

const SECRET: &[u8] = b"shared by gateway and core";
const START_MS: i64 = 1_771_416_000_000; // 2026-02-18T12:00:00Z
const ALICE: &str = "wallet:0x00000000000000000000000000000000000000aa";
const BOB: &str = "wallet:0x00000000000000000000000000000000000000bb";

struct World {
    core: LaunchCore,
    router: Router,
    now_ms: Arc<AtomicI64>,
    keys: AtomicU64,
    dir: Arc<tempfile::TempDir>,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {:?}", self.text))
    }

    fn code(&self) -> (u16, String) {
        (self.status, self.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
    }

    fn id(&self) -> String {
        self.json()["data"]["id"].as_str().unwrap().to_owned()
    }
}

fn config(path: &Path, now_ms: &Arc<AtomicI64>) -> CoreConfig {
    let now_ms = Arc::clone(now_ms);
    let clock = Arc::new(move || now_ms.load(Ordering::SeqCst));
    // A counter for the whole test process: ids of a reopened file must not repeat.
    static IDS: AtomicU64 = AtomicU64::new(1);
    let new_id = Arc::new(|| uuid::Uuid::from_u128(u128::from(IDS.fetch_add(1, Ordering::SeqCst))));
    CoreConfig::new(path.join("core.db"), SECRET.to_vec(), clock, new_id)
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut CoreConfig)) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let now_ms = Arc::new(AtomicI64::new(START_MS));
        let mut config = config(dir.path(), &now_ms);
        change(&mut config);
        let core = LaunchCore::open(config).await.unwrap();
        Self { router: router(core.clone()), core, now_ms, keys: AtomicU64::new(0), dir }
    }

    /// The same file opened by a new core.
    async fn reopened(self) -> Self {
        self.core.close().await;
        let core = LaunchCore::open(config(self.dir.path(), &self.now_ms)).await.unwrap();
        Self { router: router(core.clone()), core, ..self }
    }

    fn advance_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    fn signed(
        &self,
        agent: &str,
        method: &str,
        target: &str,
        key: &str,
        body: &str,
    ) -> Request<Body> {
        let timestamp_unix_s = self.now_ms.load(Ordering::SeqCst) / 1000;
        let parts = SignedParts {
            timestamp_unix_s,
            method,
            path_and_query: target,
            agent,
            idempotency_key: key,
            body: body.as_bytes(),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("x-turnpike-agent", agent)
            .header("x-turnpike-timestamp", timestamp_unix_s)
            .header("x-turnpike-request-id", "r1")
            .header("x-turnpike-signature", sign(SECRET, &parts));
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        request.body(Body::from(body.to_owned())).unwrap()
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn call(&self, agent: &str, method: &str, target: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(self.signed(agent, method, target, "", &body)).await
    }

    async fn get(&self, agent: &str, target: &str) -> Answer {
        self.call(agent, "GET", target, Value::Null).await
    }

    async fn create_as(&self, agent: &str, key: &str, body: &Value) -> Answer {
        self.send(self.signed(agent, "POST", "/launches", key, &body.to_string())).await
    }

    /// A creation by Alice with a key of its own.
    async fn create(&self, change: Value) -> Answer {
        let key = format!("key-{}", self.keys.fetch_add(1, Ordering::SeqCst));
        self.create_as(ALICE, &key, &body(change)).await
    }
}

/// A good body with some members changed; null takes one away.
fn body(change: Value) -> Value {
    let mut body = json!({"title": "a title", "product_description": "words", "platforms": ["twitter", "linkedin"]});
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}
