//! Orders of a test, carried out on the emulator's state.

use serde_json::{Value, json};

use super::{
    super::{
        EmulatorError,
        behaviour::Behaviour,
        error::ApiError,
        rows::{DeliveryState, Settings},
        state::Shared,
        world::{Change, Tx},
    },
    Order, Resend,
};

// === impl Shared ===

impl Shared {
    /// Does something that the API could refuse.
    pub(in super::super) fn ask(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<Value, ApiError>,
    ) -> Result<Value, EmulatorError> {
        self.commit(None, work)?.map_err(|error| EmulatorError::Refused(error.message().to_owned()))
    }

    pub(in super::super) fn set(
        &self,
        change: impl FnOnce(&mut Settings),
    ) -> Result<(), EmulatorError> {
        self.commit(None, |tx| {
            let mut settings = tx.world.settings.clone();
            change(&mut settings);
            tx.put(Change::Settings(settings));
        })
    }

    pub(in super::super) fn behave(&self, behaviour: Behaviour) -> Result<(), EmulatorError> {
        self.limit_calls(behaviour.calls_per_second)?;
        self.set(|settings| settings.behaviour = behaviour)
    }

    pub(in super::super) fn set_webhook(&self, url: Option<String>) -> Result<(), EmulatorError> {
        let callable = |url: &str| {
            url.parse::<http::Uri>()
                .is_ok_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some())
        };
        match url {
            Some(url) if !callable(&url) => Err(EmulatorError::Target(url)),
            url => self.set(|settings| settings.webhook_url = url),
        }
    }

    pub(in super::super) fn release_webhooks(&self, order: Order) -> Result<(), EmulatorError> {
        self.set(|settings| settings.webhooks_held = false)?;
        self.send_waiting(order)
    }

    /// Hands to the queue what waits.
    pub(in super::super) fn send_waiting(&self, order: Order) -> Result<(), EmulatorError> {
        let waiting = |tx: &mut Tx<'_>| -> Vec<String> {
            let all = tx
                .world
                .deliveries
                .iter()
                .filter(|delivery| delivery.state == DeliveryState::Waiting);
            all.map(|delivery| delivery.id.clone()).collect()
        };
        let mut waiting = self.commit(None, waiting)?;
        if order == Order::Reversed {
            waiting.reverse();
        }
        waiting.iter().for_each(|id| self.send_soon(id));
        Ok(())
    }

    pub(in super::super) fn send_event(&self, id: &str, how: Resend) -> Result<(), EmulatorError> {
        let sent = self.ask(|tx| {
            if tx.world.events.get(id).is_none() {
                return Err(ApiError::no_such(404, "event", "id", id));
            }
            if tx.world.settings.webhook_url.is_none() {
                return Err(ApiError::refused("There is no webhook target."));
            }
            tx.deliver(id.to_owned(), how.signed_at_unix_s, how.wrong_signature);
            Ok(json!(null))
        });
        sent.map(drop)
    }

    pub(in super::super) fn reset(&self) -> Result<(), EmulatorError> {
        self.with_faults(super::super::faults::Faults::clear)?;
        self.forget_calls()?;
        self.commit(None, |tx| tx.put(Change::Reset))
    }
}
