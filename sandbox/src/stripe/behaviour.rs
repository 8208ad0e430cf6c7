//! What one Stripe does and another does not: switches for the whole account, kept with its rows.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::ApiError;
use super::handle::Emulator;
use super::routes::Answered;
use super::rows::RefundStatus;
use super::world::{Change, EVENT_API_VERSION, Tx};
use super::{ACCOUNT, EmulatorError};

/// The switches. What is not given is as Stripe documents it for most accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// The account that the key belongs to.
    pub account: String,
    /// A charge names its token by the documented parameter alone; any other is
    /// `parameter_unknown`.
    pub documented_spelling_only: bool,
    /// A token is consumed once all of its amount was taken, not by its first payment.
    pub tokens_by_amount: bool,
    /// Tokens show no usage limits.
    pub hides_usage_limits: bool,
    /// Events name their object and do not hold it.
    pub thin_events: bool,
    /// Calls of the API within one second of the emulator's clock; more are 429.
    pub calls_per_second: Option<u32>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            account: ACCOUNT.to_owned(),
            documented_spelling_only: false,
            tokens_by_amount: false,
            hides_usage_limits: false,
            thin_events: false,
            calls_per_second: None,
        }
    }
}

impl Emulator {
    /// Behaves like this from now on.
    ///
    /// # Errors
    /// As [`set_clock_offset`](Emulator::set_clock_offset).
    pub fn behave(&self, behaviour: Behaviour) -> Result<(), EmulatorError> {
        self.shared.behave(behaviour)
    }

    /// Gives a refund a status in a word that Stripe may not have.
    ///
    /// # Errors
    /// As [`grant`](Emulator::grant).
    pub fn set_refund_status(&self, id: &str, status: &str) -> Result<Value, EmulatorError> {
        self.shared.ask(|tx| tx.set_refund_status(id, status))
    }
}

impl Tx<'_> {
    /// The account, as its key reads it.
    pub(super) fn account(&self) -> Value {
        json!({
            "id": self.world.settings.behaviour.account, "object": "account", "charges_enabled": true, "country": "US",
            "default_currency": "usd", "details_submitted": true, "email": null, "network_business_profile": super::PROFILE,
            "payouts_enabled": true, "type": "standard",
        })
    }

    /// A status in any word; it says nothing of the money.
    pub(super) fn set_refund_status(&mut self, id: &str, status: &str) -> Answered {
        let found = self.world.refunds.get(id).cloned();
        let mut refund = found.ok_or_else(|| ApiError::no_such(404, "refund", "id", id))?;
        let word = json!(refund.status) != json!(status);
        refund.told_status = word.then(|| status.to_owned());
        if let Ok(known) = serde_json::from_value::<RefundStatus>(json!(status)) {
            (refund.status, refund.told_status) = (known, None);
        }
        self.put(Change::Refund(refund.clone()));
        self.emit("refund.updated", refund.json());
        Ok(refund.json())
    }

    /// The body of an event: whole, or with the name of its object alone.
    pub(super) fn event_body(&self, id: &str, kind: &str, object: &Value, pending: bool) -> Value {
        if self.world.settings.behaviour.thin_events {
            let what = object["object"].as_str().unwrap_or("object");
            return json!({
                "id": id, "object": "v2.core.event", "type": format!("v1.{kind}"), "created": "2026-11-22T10:00:00.000Z", "livemode": false,
                "reason": null, "context": null, "related_object": {"id": object["id"], "type": what, "url": format!("/v1/{what}s")},
            });
        }
        json!({
            "id": id, "object": "event", "api_version": EVENT_API_VERSION, "created": self.now_unix_s, "data": {"object": object},
            "livemode": false, "pending_webhooks": u8::from(pending),
            "request": {"id": null, "idempotency_key": self.idempotency_key}, "type": kind,
        })
    }
}
