//! The queue: one delivery after the other, a failed one again after a pause, and given up after
//! some attempts.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::sign;
use crate::stripe::EmulatorError;
use crate::stripe::rows::{Delivery, DeliveryState};
use crate::stripe::state::Shared;
use crate::stripe::world::{Change, Tx};

/// A delivery is given up after so many attempts.
const MOST_ATTEMPTS: u32 = 12;
/// The pause after the first attempt; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The target answers within this time.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_secs(1);
const MAX_ANSWER_BYTES: usize = 64 * 1024;

type Http = Client<HttpConnector, Full<Bytes>>;

/// Sends what is due until the channel is closed, and opens the disputes whose time has come while
/// nobody calls.
pub(in crate::stripe) async fn run(shared: Arc<Shared>, mut due: UnboundedReceiver<String>) {
    let http: Http = Client::builder(TokioExecutor::new()).build_http();
    let mut pauses = JoinSet::new();
    let mut ticks = tokio::time::interval(TICK);
    loop {
        let id = tokio::select! {
            id = due.recv() => match id {
                Some(id) => id,
                None => return,
            },
            Some(Ok(id)) = pauses.join_next() => id,
            _ = ticks.tick() => {
                // What is due is done before any work: there is no other here.
                if let Err(error) = commit(&shared, |_| ()).await {
                    tracing::error!(%error, "sandbox.stripe_tick");
                }
                continue;
            }
        };
        match attempt(&shared, &http, &id).await {
            Ok(Some(pause)) => {
                pauses.spawn(async move {
                    tokio::time::sleep(pause).await;
                    id
                });
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "sandbox.stripe_webhook"),
        }
    }
}

/// What is sent for a delivery.
struct Letter {
    delivery: Delivery,
    target: Uri,
    body: String,
    signature: String,
}

/// One attempt; the pause until the next, if there is to be one.
async fn attempt(
    shared: &Arc<Shared>,
    http: &Http,
    id: &str,
) -> Result<Option<Duration>, EmulatorError> {
    let Some(letter) = letter(shared, id.to_owned()).await? else { return Ok(None) };
    let mut delivery = letter.delivery;
    let request = Request::post(letter.target)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header(header::USER_AGENT, "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("stripe-signature", letter.signature)
        .body(Full::new(Bytes::from(letter.body)));
    delivery.last_status = match request {
        Ok(request) => {
            tokio::time::timeout(ANSWERED_WITHIN, send(http, request)).await.unwrap_or(None)
        }
        Err(_) => None,
    };
    delivery.attempts += 1;
    let received = delivery.last_status.is_some_and(|status| (200..300).contains(&status));
    delivery.state = match (received, delivery.attempts >= MOST_ATTEMPTS) {
        (true, _) => DeliveryState::Delivered,
        (false, true) => DeliveryState::GivenUp,
        (false, false) => DeliveryState::Waiting,
    };
    let again = (delivery.state == DeliveryState::Waiting).then(|| pause(delivery.attempts));
    commit(shared, move |tx| tx.put(Change::Delivery(delivery))).await?;
    Ok(again)
}

/// `None` if there is nothing to send: it was delivered, deliveries are held, or there is no target
/// any more.
async fn letter(shared: &Arc<Shared>, id: String) -> Result<Option<Letter>, EmulatorError> {
    let secret = shared.webhook_secret.clone();
    let find = move |tx: &mut Tx<'_>| {
        let delivery = tx
            .world
            .deliveries
            .get(&id)
            .filter(|delivery| delivery.state == DeliveryState::Waiting)?
            .clone();
        if tx.world.settings.webhooks_held {
            return None;
        }
        let target = tx.world.settings.webhook_url.as_deref()?.parse().ok()?;
        let body = tx.world.events.get(&delivery.event)?.body.clone();
        let secret = if delivery.wrong_signature { "whsec_another" } else { secret.as_str() };
        let signature =
            sign(secret, delivery.signed_at_unix_s.unwrap_or(tx.now_unix_s), body.as_bytes());
        Some(Letter { delivery, target, body, signature })
    };
    commit(shared, find).await
}

/// Stores off the runtime's threads: the disk is waited for.
async fn commit<R: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&mut Tx<'_>) -> R + Send + 'static,
) -> Result<R, EmulatorError> {
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || shared.commit(None, work))
        .await
        .map_err(|_| EmulatorError::Broken)?
}

/// The status of a whole answer.
async fn send(http: &Http, request: Request<Full<Bytes>>) -> Option<u16> {
    let response = http.request(request).await.ok()?;
    let status = response.status().as_u16();
    Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await.ok()?;
    Some(status)
}

fn pause(attempts: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
}
