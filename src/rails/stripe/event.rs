//! What an event speaks of (<https://docs.stripe.com/api/events>). Types that are not known and
//! objects without the usual members are events too: an event only wakes whoever then asks Stripe,
//! so nothing in it but names is believed.

use payments::ports::{CardEvent, EventSubject};
use serde::Deserialize;
use serde_json::Value;

use super::{http::plain_id, objects::PAYMENT_ID};

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    livemode: Option<bool>,
    #[serde(default)]
    data: Value,
    /// In the place of `data` in a thin event.
    #[serde(default)]
    related_object: Value,
}

/// Reads a body; none if it is no event at all. One that does not say of which money it is comes
/// from an endpoint of ours.
pub(super) fn read(body: &[u8], our_livemode: bool) -> Option<CardEvent> {
    let Envelope { id, kind, livemode, data, related_object } =
        serde_json::from_slice(body).ok()?;
    if !plain_id(&id) {
        return None;
    }
    let kind = kind.unwrap_or_default();
    let object = if related_object.is_object() { &related_object } else { &data["object"] };
    let what = subject(kind.strip_prefix("v1.").unwrap_or(&kind));
    Some(CardEvent {
        payment_intent: payment_intent(object, what),
        payment_id: object["metadata"][PAYMENT_ID].as_str().and_then(|text| text.parse().ok()),
        object: object["id"].as_str().filter(|id| plain_id(id)).map(str::to_owned),
        id,
        kind,
        livemode: livemode.unwrap_or(our_livemode),
        what,
    })
}

fn subject(kind: &str) -> EventSubject {
    match kind {
        _ if kind.starts_with("payment_intent.") => EventSubject::Payment,
        _ if kind.starts_with("charge.dispute.") => EventSubject::Dispute,
        _ if kind.starts_with("radar.early_fraud_warning.") => EventSubject::Dispute,
        "charge.refunded" => EventSubject::Refund,
        _ if kind.starts_with("charge.refund.") || kind.starts_with("refund.") => {
            EventSubject::Refund
        }
        _ => EventSubject::Other,
    }
}

/// The object's own id, or what it names; expanded or not.
fn payment_intent(object: &Value, what: EventSubject) -> Option<String> {
    let named = &object["payment_intent"];
    let id = match what {
        EventSubject::Payment => object["id"].as_str(),
        _ => named.as_str().or_else(|| named["id"].as_str()),
    };
    id.filter(|id| plain_id(id)).map(str::to_owned)
}
