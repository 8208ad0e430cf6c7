//! A running emulator, and what a test may ask of it beside the API.

mod orders;

use std::{net::SocketAddr, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    EmulatorConfig, EmulatorError,
    faults::Rule,
    form::Form,
    serve,
    state::{CallSeen, Shared},
    webhook,
};

/// In which order held events leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As they happened.
    #[default]
    Sent,
    /// The newest first.
    Reversed,
}

/// How an event is sent once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resend {
    /// Signed as at this time instead of now.
    pub signed_at_unix_s: Option<u64>,
    /// Signed with another secret.
    pub wrong_signature: bool,
}

/// A running emulator. Dropping it stops it without waiting.
pub struct Emulator {
    pub(super) shared: Arc<Shared>,
    address: SocketAddr,
    stop: watch::Sender<()>,
    server: JoinHandle<()>,
    queue: JoinHandle<()>,
}

impl Emulator {
    /// Comes back to what the folder holds, listens, and sends the events that are still waiting.
    ///
    /// # Errors
    /// Each [`EmulatorError`] but `Broken` and `Refused`.
    pub async fn start(config: EmulatorConfig) -> Result<Self, EmulatorError> {
        if !config.secret_key.starts_with("sk_test_") {
            return Err(EmulatorError::NotATestKey);
        }
        if !config.listen.ip().is_loopback() {
            return Err(EmulatorError::NotLoopback(config.listen));
        }
        let listen = |source| EmulatorError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (due, received) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::open(&config, due)?);
        if config.webhook_url.is_some() {
            shared.set_webhook(config.webhook_url)?;
        }
        shared.send_waiting(Order::Sent)?;
        let (stop, stopped) = watch::channel(());
        let server = tokio::spawn(serve::serve(Arc::clone(&shared), listener, stopped));
        let queue = tokio::spawn(webhook::run(Arc::clone(&shared), received));
        Ok(Self { shared, address, stop, server, queue })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stands before `/v1/...`; no slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Accepts no more, and gives requests that began two seconds. The folder can be opened again
    /// afterwards.
    pub async fn stop(mut self) {
        // A server that ended already hears nothing.
        let _ = self.stop.send(());
        drop((&mut self.server).await);
    }

    /// Adds a rule behind the ones there are.
    ///
    /// # Errors
    /// [`EmulatorError::Broken`], as all that follow.
    pub fn fault(&self, rule: Rule) -> Result<(), EmulatorError> {
        self.shared.with_faults(|faults| faults.add(rule))
    }

    /// Forgets all rules.
    ///
    /// # Errors
    /// [`EmulatorError::Broken`].
    pub fn clear_faults(&self) -> Result<(), EmulatorError> {
        self.shared.with_faults(super::faults::Faults::clear)
    }

    /// The calls of the API so far, oldest first; those below `/_emulator` do not count.
    pub fn calls(&self) -> Vec<CallSeen> {
        self.shared.calls()
    }

    /// Every payment intent, oldest first, as the API shows it and with the granted token that pays
    /// it.
    ///
    /// # Errors
    /// [`EmulatorError::Broken`].
    pub fn payment_intents(&self) -> Result<Vec<Value>, EmulatorError> {
        let shown = |intent: &super::rows::Intent| {
            let mut json = intent.json();
            json["shared_payment_granted_token"] = json!(intent.token);
            json
        };
        self.shared.commit(None, |tx| tx.world.intents.iter().map(shown).collect())
    }

    /// Every refund, oldest first.
    ///
    /// # Errors
    /// [`EmulatorError::Broken`].
    pub fn refunds(&self) -> Result<Vec<Value>, EmulatorError> {
        self.shared
            .commit(None, |tx| tx.world.refunds.iter().map(super::rows::Refund::json).collect())
    }

    /// Moves the emulator's clock against its own.
    ///
    /// # Errors
    /// [`EmulatorError::Log`] or `Broken`, as all that follow.
    pub fn set_clock_offset(&self, offset_s: i64) -> Result<(), EmulatorError> {
        self.shared.set(|settings| settings.clock_offset_s = offset_s)
    }

    /// Search finds an object only after this long, as the real one.
    ///
    /// # Errors
    /// As [`set_clock_offset`](Self::set_clock_offset).
    pub fn set_search_lag(&self, lag_s: u64) -> Result<(), EmulatorError> {
        self.shared.set(|settings| settings.search_lag_s = lag_s)
    }

    /// Where events are sent from now on.
    ///
    /// # Errors
    /// [`EmulatorError::Target`], or as [`set_clock_offset`](Self::set_clock_offset).
    pub fn set_webhook(&self, url: Option<&str>) -> Result<(), EmulatorError> {
        self.shared.set_webhook(url.map(str::to_owned))
    }

    /// Events wait from now on.
    ///
    /// # Errors
    /// As [`set_clock_offset`](Self::set_clock_offset).
    pub fn hold_webhooks(&self) -> Result<(), EmulatorError> {
        self.shared.set(|settings| settings.webhooks_held = true)
    }

    /// Sends what waits, and what comes.
    ///
    /// # Errors
    /// As [`set_clock_offset`](Self::set_clock_offset).
    pub fn release_webhooks(&self, order: Order) -> Result<(), EmulatorError> {
        self.shared.release_webhooks(order)
    }

    /// Sends an event once more.
    ///
    /// # Errors
    /// [`EmulatorError::Refused`] if there is no such event or no target; or as
    /// [`set_clock_offset`](Self::set_clock_offset).
    pub fn send_event(&self, id: &str, how: Resend) -> Result<(), EmulatorError> {
        self.shared.send_event(id, how)
    }

    /// Makes a granted token; `params` as for the endpoint.
    ///
    /// # Errors
    /// [`EmulatorError::Refused`] with the API's own words; or as
    /// [`set_clock_offset`](Self::set_clock_offset).
    pub fn grant(&self, params: &[(&str, &str)]) -> Result<Value, EmulatorError> {
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        self.shared.ask(|tx| tx.grant(&Form::parse(text.as_bytes())))
    }

    /// Ends a payment intent that is `processing` or `requires_action`.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub fn settle_intent(&self, id: &str, succeeds: bool) -> Result<Value, EmulatorError> {
        self.shared.ask(|tx| tx.settle(id, succeeds))
    }

    /// Forgets everything but the webhook's target.
    ///
    /// # Errors
    /// As [`set_clock_offset`](Self::set_clock_offset).
    pub fn reset(&self) -> Result<(), EmulatorError> {
        self.shared.reset()
    }
}

impl Drop for Emulator {
    /// The server hears it too: its side of `stop` is closed.
    fn drop(&mut self) {
        self.queue.abort();
        self.shared.close();
    }
}
