//! One call, from its headers to its answer: key, fault, idempotency key, work, answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::error::ApiError;
use super::faults::Fault;
use super::form::Form;
use super::reply::{Answer, Reply};
use super::routes::{self, Asked};
use super::rows::Stored;
use super::state::{CallSeen, Claim, Shared};
use super::world::{Change, Tx};
use super::{EmulatorError, auth};

/// The longest idempotency key, in characters.
const LONGEST_KEY: usize = 255;

/// A call that may begin.
struct Call {
    method: Method,
    path: String,
    form: Form,
    version: Option<String>,
    /// Only a POST has one.
    key: Option<String>,
    request_id: String,
    fault: Option<Fault>,
}

/// Answers a call of the API.
pub(super) async fn call(shared: Arc<Shared>, parts: Parts, body: Bytes) -> Reply {
    let path = parts.uri.path().to_owned();
    let (method, headers) = (parts.method.clone(), &parts.headers);
    let (version, key) = (
        text(headers, "stripe-version"),
        text(headers, "idempotency-key").filter(|_| method == Method::POST),
    );
    let reply = match prepare(&shared, &parts, &body, version.clone(), key.clone()) {
        Ok(call) => perform(Arc::clone(&shared), call).await,
        Err(error) => Ok(Reply::Answer(Answer::error(&error).about(
            "req_refused",
            version.as_deref(),
            key.as_deref(),
        ))),
    };
    let reply = reply.unwrap_or_else(|error| {
        tracing::error!(%error, "sandbox.stripe_failed");
        Reply::Answer(Answer::error(&ApiError::internal()))
    });
    let (status, replayed) = match &reply {
        Reply::Answer(answer) => (Some(answer.status), answer.replayed()),
        Reply::Drop => (None, false),
    };
    let path = without_tokens(&path);
    tracing::debug!(%method, path, status, replayed, "sandbox.stripe_call");
    shared.seen(CallSeen {
        method: method.to_string(),
        path,
        idempotency_key: key,
        status,
        replayed,
    });
    reply
}

/// What is looked at before anything can begin.
fn prepare(
    shared: &Shared,
    parts: &Parts,
    body: &Bytes,
    version: Option<String>,
    key: Option<String>,
) -> Result<Call, ApiError> {
    auth::check(&parts.headers, &shared.secret_key)?;
    let form = match parts.method {
        Method::POST => {
            let kind = text(&parts.headers, "content-type").unwrap_or_default();
            if !body.is_empty() && !kind.starts_with("application/x-www-form-urlencoded") {
                let message = "Invalid request (check that your POST content type is application/x-www-form-urlencoded).";
                return Err(ApiError::invalid("body", message));
            }
            Form::parse(body)
        }
        _ => Form::parse(parts.uri.query().unwrap_or_default().as_bytes()),
    };
    let path = parts.uri.path().to_owned();
    let (request_id, fault) =
        shared.begin_call(&parts.method, &path).map_err(|_| ApiError::internal())?;
    Ok(Call { method: parts.method.clone(), path, form, version, key, request_id, fault })
}

async fn perform(shared: Arc<Shared>, call: Call) -> Result<Reply, EmulatorError> {
    let refused = |answer: Answer| {
        Ok(Reply::Answer(answer.about(
            &call.request_id,
            call.version.as_deref(),
            call.key.as_deref(),
        )))
    };
    match &call.fault {
        Some(Fault::DropBefore) => return Ok(Reply::Drop),
        Some(Fault::ErrorBefore) => return refused(Answer::error(&ApiError::internal())),
        Some(Fault::RateLimited { retry_after_s }) => {
            return refused(
                Answer::error(&ApiError::rate_limited())
                    .header("retry-after", retry_after_s.to_string()),
            );
        }
        Some(Fault::Conflict) => {
            return refused(Answer::error(&ApiError::key_in_use(
                call.key.as_deref().unwrap_or("none"),
            )));
        }
        _ => {}
    }
    if shared.is_over_rate()? {
        return refused(Answer::error(&ApiError::rate_limited()).header("retry-after", "1"));
    }
    if let Err(error) = call.asked().check_version() {
        return refused(Answer::error(&error));
    }
    if let Some(key) = &call.key {
        if key.chars().count() > LONGEST_KEY {
            return refused(Answer::error(&ApiError::invalid(
                "Idempotency-Key",
                "Idempotency keys can be up to 255 characters long.",
            )));
        }
        let claim = {
            let (shared, key, asked) = (Arc::clone(&shared), key.clone(), call.fingerprint());
            move || shared.claim(&key, &asked)
        };
        // The lock may have to wait for the disk.
        match tokio::task::spawn_blocking(claim).await.map_err(|_| EmulatorError::Broken)?? {
            Claim::Begin => {}
            Claim::Refused(error) => return refused(Answer::error(&error)),
            Claim::Replay(stored) => {
                let answer = Answer::new(stored.status, stored.body)
                    .header("original-request", stored.request_id);
                return Ok(afterwards(&call, answer.header(Answer::REPLAYED, "true")).await);
            }
        }
    }
    if let Some(Fault::Delay { ms }) = call.fault {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let call = Arc::new(call);
    let work = {
        let call = Arc::clone(&call);
        move || shared.commit(call.key.as_deref(), |tx| call.work(tx))
    };
    let (status, body) =
        tokio::task::spawn_blocking(work).await.map_err(|_| EmulatorError::Broken)??;
    Ok(afterwards(&call, Answer::new(status, body)).await)
}

/// Sends the answer, or does not.
async fn afterwards(call: &Call, answer: Answer) -> Reply {
    match call.fault {
        Some(Fault::DropAfter) => return Reply::Drop,
        Some(Fault::HangAfter { ms }) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            return Reply::Drop;
        }
        _ => {}
    }
    Reply::Answer(answer.about(&call.request_id, call.version.as_deref(), call.key.as_deref()))
}

impl Call {
    fn asked(&self) -> Asked<'_> {
        Asked {
            method: &self.method,
            path: &self.path,
            form: &self.form,
            version: self.version.as_deref(),
        }
    }

    /// Tells two requests with one key apart.
    fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(format!(
            "{} {} {}",
            self.method,
            self.path,
            self.form.canonical()
        )))
    }

    /// The work and its answer, kept for the key in the same record of the log as what it changed.
    fn work(&self, tx: &mut Tx<'_>) -> (u16, Value) {
        let answered = match &self.fault {
            Some(Fault::ErrorKept) => Err(ApiError::internal().kept()),
            Some(Fault::DependencyFailed) => Err(ApiError::dependency_failed()),
            Some(Fault::TokenRefused) => Err(ApiError::token_refused()),
            _ => routes::answer(tx, &self.asked()),
        };
        let (mut status, mut body, began) = match answered {
            Ok(body) => (200, body, true),
            Err(error) => (error.status, error.body(), error.began),
        };
        match &self.fault {
            Some(Fault::ErrorAfter) if began => {
                let error = ApiError::internal();
                (status, body) = (error.status, error.body());
            }
            Some(Fault::WrongAnswer { amount, currency }) => {
                tell_wrongly(&mut body, *amount, currency.as_deref())
            }
            _ => {}
        }
        if let Some(key) = self.key.as_ref().filter(|_| began) {
            let (asked, request_id) = (self.fingerprint(), self.request_id.clone());
            tx.put(Change::Stored(Stored {
                key: key.clone(),
                at_unix_s: tx.now_unix_s,
                asked,
                request_id,
                status,
                body: body.clone(),
            }));
        }
        (status, body)
    }
}

fn tell_wrongly(body: &mut Value, amount: Option<i64>, currency: Option<&str>) {
    let Some(body) = body.as_object_mut() else { return };
    for name in ["amount", "amount_received", "amount_captured"] {
        if let (Some(told), Some(amount)) = (body.get_mut(name), amount) {
            *told = json!(amount);
        }
    }
    if let (Some(told), Some(currency)) = (body.get_mut("currency"), currency) {
        *told = json!(currency);
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned).filter(|value| !value.is_empty())
}

/// A token is a credential: a log tells it apart by its hash alone.
fn without_tokens(path: &str) -> String {
    let hashed = |segment: &str| match segment.strip_prefix("spt_") {
        Some(_) => format!("spt#{}", hex::encode(&Sha256::digest(segment)[..4])),
        None => segment.to_owned(),
    };
    path.split('/').map(hashed).collect::<Vec<_>>().join("/")
}
