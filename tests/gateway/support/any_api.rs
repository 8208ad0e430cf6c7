//! An API of any kind behind the gateway, under a profile of the test's own: it records what
//! reaches it and answers every path.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use serde_json::json;
use tempfile::TempDir;

use super::Setup;
use super::fake_core::Seen;
use super::gateway::Settings;
use super::server::{Answer, Server, json as answer};

/// What every profile of these tests says beside its routes.
pub const HEAD: &str = r#"
schema = 2
name = "any"
ownership = "upstream"
outcome = { refused = { status = [400, 403, 404, 409, 422], has = ["/error/code", "/error/message"] } }
upstream = { base_url = "http://127.0.0.1:1" }
idempotency = { header = "Idempotency-Key" }
"#;

/// The API, and the profile file that names it.
pub struct AnyApi {
    pub server: Server,
    seen: Arc<Mutex<Vec<Seen>>>,
    refusals: Arc<Mutex<usize>>,
    folder: TempDir,
}

impl AnyApi {
    /// An API with these `[[route]]` tables.
    pub async fn start(routes: &str) -> Self {
        let (seen, refusals) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::<Mutex<usize>>::default());
        let (noted, left) = (Arc::clone(&seen), Arc::clone(&refusals));
        let handler = Arc::new(move |request: Request<Bytes>| {
            let reply = answered(&noted, &left, &request);
            Box::pin(async move { reply }) as futures::future::BoxFuture<'static, Answer>
        });
        let folder = TempDir::new().unwrap();
        std::fs::write(file(folder.path()), format!("{HEAD}{routes}")).unwrap();
        Self { server: Server::start(handler).await, seen, refusals, folder }
    }

    /// A gateway before this API.
    pub fn setup(&self) -> Setup {
        self.settings()
            .into_iter()
            .fold(Setup::new(), |setup, (key, value)| setup.set(&key, &value))
    }

    /// What points a gateway here.
    pub fn settings(&self) -> Settings {
        Settings::from([
            ("upstream.url".to_owned(), self.server.url()),
            ("upstream.profile".to_owned(), file(self.folder.path()).display().to_string()),
            (
                "upstream.signing_secret".to_owned(),
                "a-secret-of-the-tests-that-is-long-enough".to_owned(),
            ),
        ])
    }

    /// Everything that reached it.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The method and target of everything that reached it.
    pub fn calls(&self) -> Vec<String> {
        self.seen().iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect()
    }

    /// Refuses so many calls from now on, in its own words.
    pub fn refuse(&self, count: usize) {
        *self.refusals.lock().unwrap() = count;
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("any.toml")
}

fn answered(seen: &Mutex<Vec<Seen>>, refusals: &Mutex<usize>, request: &Request<Bytes>) -> Answer {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut seen = seen.lock().unwrap();
    seen.push(Seen {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: request.body().clone(),
    });
    let mut left = refusals.lock().unwrap();
    if *left > 0 {
        *left -= 1;
        return answer(422, &json!({"error": {"code": "NOT_THIS", "message": "not this one"}}));
    }
    answer(200, &json!({"data": {"id": format!("r{}", seen.len())}}))
}
