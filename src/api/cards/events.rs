//! `POST /webhooks/stripe`: what the card processor tells by itself. The signature over the raw bytes is the credential; what an event says is
//! never believed beyond the names in it: the processor is asked what is true now.

use std::sync::Arc;

use axum::response::Response;
use payments::{
    challenge::Retry,
    ports::{CardEvent, EventNote, EventRefusal, EventSubject},
    refunds::{LookError, look_at_charge},
};

use super::{
    super::{Api, call::Call, own, problem::Fault},
    CardDesk, desk,
};
use crate::upstream::profile::Condition;

/// Largest event that is read, in bytes.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

pub(in super::super) async fn answer(api: &Arc<Api>, call: &Call) -> Result<Response, Fault> {
    let desk = desk(api)?;
    let event = believed(api, desk, call)?;
    let at = api.world.clock.now();
    let note = EventNote { id: event.id.clone(), kind: event.kind.clone(), at };
    let fresh = desk.books.event_arrived(&note).await.map_err(|error| Fault::internal(&error))?;
    if fresh {
        carry_out(api, desk, &event).await?;
        desk.books.event_done(&event.id, api.world.clock.now()).await.map_err(|error| Fault::internal(&error))?;
        tracing::info!(event = event.id, kind = event.kind, "cards.event");
    }
    Ok(own::answered(&serde_json::json!({"received": true})))
}

fn believed(api: &Api, desk: &CardDesk, call: &Call) -> Result<CardEvent, Fault> {
    let Some(events) = &desk.events else {
        return Err(Fault::unavailable("no webhook secret is configured; events cannot be believed", 60).reason("webhooks_off"));
    };
    if call.body.len() > MAX_EVENT_BYTES {
        return Err(Fault::new(Condition::TooLarge, "an event is at most 1 MiB").retry(Retry::Never));
    }
    let mut signatures = call.headers.get_all("stripe-signature").iter();
    let signature = signatures.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    if signatures.next().is_some() {
        return Err(refused(EventRefusal::Header));
    }
    events.read(signature, &call.body, api.world.clock.now()).map_err(refused)
}

/// 400: nothing of it is believed, and nothing happened.
fn refused(why: EventRefusal) -> Fault {
    let reason = match why {
        EventRefusal::Header => "invalid_signature_header",
        EventRefusal::Time => "stale_event",
        EventRefusal::Signature => "invalid_signature",
        EventRefusal::Body => "invalid_event",
        EventRefusal::Mode => "wrong_mode",
    };
    Fault::new(Condition::Validation, format!("the event was not accepted: {why}")).reason(reason).retry(Retry::Never)
}

/// An event wakes whoever then asks the processor.
async fn carry_out(api: &Api, desk: &CardDesk, event: &CardEvent) -> Result<(), Fault> {
    let internal = |error: &dyn std::error::Error| Fault::internal(error);
    match event.what {
        EventSubject::Other => {}
        EventSubject::Payment => {
            if let Some(id) = event.payment_id {
                desk.books.wake(id).await.map_err(|error| internal(&error))?;
            }
        }
        EventSubject::Refund | EventSubject::Dispute => {
            let Some(payment_intent) = &event.payment_intent else { return Ok(()) };
            // A refund of ours is looked at by itself, in the next round.
            desk.books.wake_refund(payment_intent, api.world.clock.now()).await.map_err(|error| internal(&error))?;
            let Some(id) = desk.books.intent_of_charge(payment_intent).await.map_err(|error| internal(&error))? else { return Ok(()) };
            let looked = look_at_charge(&*desk.rail, &*desk.books, &*api.world.clock, id, payment_intent).await;
            // Credits may have been clawed back or restored, also where the books did not say so.
            if let Some(paid) = api.world.books.intent(id).await.map_err(|error| internal(&error))? {
                api.world.balances.forget(&paid.payer).await;
            }
            match looked {
                Ok(()) => {}
                Err(LookError::Books(error)) => return Err(Fault::internal(&error)),
                // Not acknowledged: it is delivered again.
                Err(LookError::Card(error)) => {
                    tracing::warn!(error = %error, event = event.id, "cards.event_put_off");
                    return Err(Fault::unavailable("the card processor cannot be asked now", 10).reason("card_processor_unavailable"));
                }
            }
        }
    }
    Ok(())
}
