//! A Stripe that answers what a test wants, for what no real one can be made to say.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;

/// A call as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: String,
}

/// An answer.
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

type Script = Arc<dyn Fn(&Heard) -> Reply + Send + Sync>;

#[derive(Clone)]
pub(super) struct CannedStripe {
    script: Script,
    heard: Arc<Mutex<Vec<Heard>>>,
}

// === impl Heard ===

impl Heard {
    /// Method and path, without the version: `POST /payment_intents`.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.path.strip_prefix("/v1").unwrap())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

// === impl Reply ===

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string())
    }

    pub(super) fn text(status: u16, body: &str) -> Self {
        Self { status, headers: vec![("request-id", String::from("req_1"))], body: body.to_owned() }
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn replayed(self) -> Self {
        self.with("idempotent-replayed", "true")
    }
}

// === impl CannedStripe ===

impl CannedStripe {
    /// A Stripe on a free port.
    pub(super) async fn start(
        script: impl Fn(&Heard) -> Reply + Send + Sync + 'static,
    ) -> (String, Self) {
        let stripe = Self { script: Arc::new(script), heard: Arc::default() };
        let app = Router::new().fallback(answer).with_state(stripe.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (url, stripe)
    }

    /// Every call so far.
    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Method and path of every call so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.heard().iter().map(Heard::line).collect()
    }
}

async fn answer(
    State(stripe): State<CannedStripe>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = uri.query().unwrap_or_default().to_owned();
    let heard = Heard {
        method,
        path: uri.path().to_owned(),
        query,
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    stripe.heard.lock().unwrap().push(heard.clone());
    let reply = (stripe.script)(&heard);
    let mut response = (StatusCode::from_u16(reply.status).unwrap(), reply.body).into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
