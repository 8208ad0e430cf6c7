//! What is below `/_emulator`: the handle's methods for whoever is in another process. Bodies are
//! JSON, so that no page of another origin can send one unasked.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::EmulatorError;
use super::behaviour::Behaviour;
use super::disputes::DisputeTerms;
use super::error::ApiError;
use super::faults::{Faults, Rule};
use super::handle::{Order, Resend};
use super::payouts::{EntryTerms, PayoutTerms};
use super::reply::Answer;
use super::rows::RefundStatus;
use super::state::Shared;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    offset_s: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    #[serde(default)]
    order: Order,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    lag_s: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Warn {
    fraud_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    status: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    won: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settle {
    succeeds: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRefunds {
    status: RefundStatus,
}

/// Answers a request below `/_emulator/`.
pub(super) async fn answer(shared: Arc<Shared>, parts: &Parts, path: &str, body: Bytes) -> Answer {
    let kind = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if parts.method == Method::POST && !kind.starts_with("application/json") {
        return Answer::error(&ApiError::invalid("body", "Send application/json."));
    }
    let (method, path) = (parts.method.clone(), path.to_owned());
    let work = move || act(&shared, &method, &path, &body);
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(body)) => Answer::new(200, body),
        Ok(Err(error @ (EmulatorError::Refused(_) | EmulatorError::Target(_)))) => {
            Answer::error(&ApiError::refused(error.to_string()))
        }
        Ok(Err(_)) | Err(_) => Answer::error(&ApiError::internal()),
    }
}

fn act(shared: &Shared, method: &Method, path: &str, body: &[u8]) -> Result<Value, EmulatorError> {
    let segments: Vec<&str> = path.split('/').collect();
    let done = |()| json!({"ok": true});
    match (method.as_str(), segments.as_slice()) {
        ("GET", ["faults"]) => shared.with_faults(|faults| json!(faults.left())),
        ("POST", ["faults"]) => {
            let rule: Rule = read(body)?;
            shared.with_faults(|faults| faults.add(rule)).map(done)
        }
        ("POST", ["faults", "clear"]) => shared.with_faults(Faults::clear).map(done),
        ("GET", ["calls"]) => Ok(json!(shared.calls())),
        ("POST", ["clock"]) => {
            let Clock { offset_s } = read(body)?;
            shared.set(|settings| settings.clock_offset_s = offset_s).map(done)
        }
        ("POST", ["behaviour"]) => shared.behave(read::<Behaviour>(body)?).map(done),
        ("POST", ["search"]) => {
            let Search { lag_s } = read(body)?;
            shared.set(|settings| settings.search_lag_s = lag_s).map(done)
        }
        ("POST", ["webhooks"]) => shared.set_webhook(read::<Target>(body)?.url).map(done),
        ("POST", ["webhooks", "hold"]) => {
            shared.set(|settings| settings.webhooks_held = true).map(done)
        }
        ("POST", ["webhooks", "release"]) => {
            shared.release_webhooks(read::<Release>(body)?.order).map(done)
        }
        ("GET", ["deliveries"]) => {
            shared.commit(None, |tx| tx.world.deliveries.iter().map(|it| json!(it)).collect())
        }
        ("POST", ["events", id, "send"]) => shared.send_event(id, read::<Resend>(body)?).map(done),
        ("POST", ["reset"]) => shared.reset().map(done),
        _ => objects(shared, method, path, &segments, body),
    }
}

/// What becomes of objects that are there: the part of banks, cardholders and the schedule.
fn objects(
    shared: &Shared,
    method: &Method,
    path: &str,
    segments: &[&str],
    body: &[u8],
) -> Result<Value, EmulatorError> {
    match (method.as_str(), segments) {
        ("POST", ["charges", id, "dispute"]) => {
            let terms: DisputeTerms = read(body)?;
            shared.ask(|tx| tx.open_dispute(id, &terms))
        }
        ("POST", ["disputes", id, "close"]) => {
            let Close { won } = read(body)?;
            shared.ask(|tx| tx.close_dispute(id, won))
        }
        ("POST", ["disputes", id, "status"]) => {
            let Status { status } = read(body)?;
            shared.ask(|tx| tx.set_dispute_status(id, &status))
        }
        ("POST", ["charges", id, "fraud_warning"]) => {
            let kind = read::<Warn>(body)?.fraud_type;
            shared
                .ask(|tx| tx.warn_of_fraud(id, kind.as_deref().unwrap_or("made_with_stolen_card")))
        }
        ("POST", ["refunds"]) => {
            let NewRefunds { status } = read(body)?;
            shared.set(|settings| settings.new_refunds = status).map(|()| json!({"ok": true}))
        }
        ("POST", ["refunds", id, "settle"]) => {
            let Settle { succeeds } = read(body)?;
            shared.ask(|tx| tx.settle_refund(id, succeeds))
        }
        ("POST", ["refunds", id, "status"]) => {
            let Status { status } = read(body)?;
            shared.ask(|tx| tx.set_refund_status(id, &status))
        }
        ("POST", ["payment_intents", id, "settle"]) => {
            let Settle { succeeds } = read(body)?;
            shared.ask(|tx| tx.settle(id, succeeds))
        }
        ("POST", ["payouts"]) => {
            let terms: PayoutTerms = read(body)?;
            shared.ask(|tx| tx.pay_out(&terms))
        }
        ("POST", ["payouts", id, "settle"]) => {
            let Settle { succeeds } = read(body)?;
            shared.ask(|tx| tx.settle_payout(id, succeeds))
        }
        ("POST", ["balance_transactions"]) => {
            let terms: EntryTerms = read(body)?;
            shared.ask(|tx| tx.add_entry(&terms))
        }
        _ => Err(EmulatorError::Refused(format!("there is no {method} /_emulator/{path}"))),
    }
}

/// An empty body is an empty object.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, EmulatorError> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| EmulatorError::Refused(format!("the body is not understood: {error}")))
}
