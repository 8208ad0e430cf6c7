//! An emulator with a clock that is moved by hand, a client of a few lines, and a target for
//! webhooks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sandbox::stripe::{Emulator, EmulatorConfig, SECRET_KEY};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub const NOW: u64 = 1_795_300_000;
pub const PREVIEW: &str = "2026-07-29.preview";
pub const INTENTS: &str = "/v1/payment_intents";
pub const REFUNDS: &str = "/v1/refunds";
pub const GRANT: &str = "/v1/test_helpers/shared_payment/granted_tokens";

pub struct World {
    pub emulator: Emulator,
    pub time: Arc<AtomicU64>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

pub fn config(time: &Arc<AtomicU64>) -> EmulatorConfig {
    let time = Arc::clone(time);
    EmulatorConfig::in_memory(Arc::new(move || time.load(Ordering::SeqCst)))
}

/// Sends one request on a connection of its own; `None` if the connection ended without an answer.
pub async fn send(request: Request<Full<Bytes>>) -> Option<Answer> {
    let client = Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http();
    let response = client.request(request).await.ok()?;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.ok()?.to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap();
    Some(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
}

impl World {
    pub async fn new() -> Self {
        let time = Arc::new(AtomicU64::new(NOW));
        Self { emulator: Emulator::start(config(&time)).await.unwrap(), time }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.emulator.base_url())
    }

    pub fn request(&self, method: &str, path: &str) -> http::request::Builder {
        let request =
            Request::builder().method(method).uri(self.url(path)).header("stripe-version", PREVIEW);
        request.header("authorization", format!("Bearer {SECRET_KEY}"))
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request("GET", path).body(Full::default()).unwrap()).await.unwrap()
    }

    pub async fn try_post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        key: Option<&str>,
    ) -> Option<Answer> {
        let mut request =
            self.request("POST", path).header("content-type", "application/x-www-form-urlencoded");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        send(request.body(Full::from(encoded(form))).unwrap()).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.try_post(path, form, None).await.unwrap()
    }

    pub async fn post_key(&self, path: &str, form: &[(&str, &str)], key: &str) -> Answer {
        self.try_post(path, form, Some(key)).await.unwrap()
    }

    pub async fn control(&self, path: &str, body: Value) -> Answer {
        let request = Request::post(self.url(path)).header("content-type", "application/json");
        send(request.body(Full::from(body.to_string())).unwrap()).await.unwrap()
    }

    /// A fresh token for up to 60 cents of a test payment method.
    pub async fn token(&self, method: &str) -> String {
        let granted = self.post(GRANT, &granting(method)).await;
        assert_eq!(granted.status, 200, "{}", granted.body);
        granted.body["id"].as_str().unwrap().to_owned()
    }

    /// 60 cents from a fresh token.
    pub async fn pay(&self, method: &str) -> Answer {
        let token = self.token(method).await;
        self.post(INTENTS, &paying(&token)).await
    }

    pub async fn charge_of(&self, intent: &Answer) -> String {
        assert_eq!(intent.status, 200, "{}", intent.body);
        intent.body["latest_charge"].as_str().unwrap().to_owned()
    }

    pub fn pass(&self, seconds: u64) {
        self.time.fetch_add(seconds, Ordering::SeqCst);
    }
}

pub fn granting(method: &str) -> Vec<(&str, &str)> {
    vec![
        ("payment_method", method),
        ("usage_limits[currency]", "usd"),
        ("usage_limits[max_amount]", "60"),
    ]
}

pub fn paying(token: &str) -> Vec<(&str, &str)> {
    vec![
        ("amount", "60"),
        ("currency", "usd"),
        ("confirm", "true"),
        ("shared_payment_granted_token", token),
    ]
}

pub fn encoded(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The error's code, or its type where it has no code.
    pub fn error(&self) -> &str {
        let error = &self.body["error"];
        error["code"].as_str().or(error["type"].as_str()).unwrap_or_default()
    }

    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }
}

/// Something that receives webhooks: the signature and body of each.
pub struct Target {
    pub url: String,
    pub received: Arc<Mutex<Vec<(String, Bytes)>>>,
    /// So many deliveries are answered with 500 first.
    pub failures: Arc<AtomicU64>,
}

impl Target {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let (received, failures) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU64::new(0)));
        let (kept, failing) = (Arc::clone(&received), Arc::clone(&failures));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, failing) = (Arc::clone(&kept), Arc::clone(&failing));
                let service = service_fn(move |request| {
                    receive(Arc::clone(&kept), Arc::clone(&failing), request)
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, received, failures }
    }

    /// Waits until `count` deliveries have come; their signatures and events.
    pub async fn events(&self, count: usize) -> Vec<(String, Value)> {
        for _ in 0..500 {
            let received = self.received.lock().unwrap().clone();
            if received.len() >= count {
                return received
                    .iter()
                    .map(|(signature, body)| {
                        (signature.clone(), serde_json::from_slice(body).unwrap())
                    })
                    .collect();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("only {} of {count} deliveries came", self.received.lock().unwrap().len());
    }

    pub async fn kinds(&self, count: usize) -> Vec<String> {
        self.events(count)
            .await
            .iter()
            .map(|(_, event)| event["type"].as_str().unwrap().to_owned())
            .collect()
    }
}

async fn receive(
    kept: Arc<Mutex<Vec<(String, Bytes)>>>,
    failing: Arc<AtomicU64>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let signature = request.headers()["stripe-signature"].to_str().unwrap().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let fails = failing
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
        .is_ok();
    if !fails {
        kept.lock().unwrap().push((signature, body));
    }
    let status = if fails { 500 } else { 200 };
    Ok(Response::builder()
        .status(status)
        .body(Full::from(json!({"received": !fails}).to_string()))
        .unwrap())
}
