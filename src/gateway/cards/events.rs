//! `POST /webhooks/stripe`: what the card processor tells by itself. The signature over the raw
//! bytes is the credential; what an event says is never believed beyond the names in it: the
//! processor is asked what is true now.

use std::sync::Arc;

use payments::{
    ports::{CardError, CardEvent, EventNote, EventRefusal, EventSubject},
    refunds::{LookError, look_at_charge},
};

use super::{
    super::{
        error::{CardRequestError, EventError, GatewayError},
        reply::GatewayReply,
        request::GatewayRequest,
        state::Gateway,
    },
    desk::CardDesk,
};

/// Largest event that is read, in bytes.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// Answers `POST /webhooks/stripe`.
///
/// # Errors
/// The event is not authentic, or it cannot be carried out now.
pub async fn take_event(
    gateway: &Arc<Gateway>,
    call: &GatewayRequest,
) -> Result<GatewayReply, GatewayError> {
    let desk = gateway.card_desk()?;
    let Some(event) = believed(gateway, desk, call)? else { return Ok(received()) };
    let at = gateway.world.clock.now();
    let note = EventNote { id: event.id.clone(), kind: event.kind.clone(), at };
    let fresh =
        desk.books.event_arrived(&note).await.map_err(|error| GatewayError::internal(&error))?;
    if fresh {
        carry_out(gateway, desk, &event).await?;
        desk.books
            .event_done(&event.id, gateway.world.clock.now())
            .await
            .map_err(|error| GatewayError::internal(&error))?;
        tracing::info!(event = event.id, kind = event.kind, "cards.event");
    }
    Ok(received())
}

fn received() -> GatewayReply {
    GatewayReply::free_of_charge(&serde_json::json!({"received": true}))
}

/// The event; none for one that is signed and says nothing to us: sent again it would not be
/// another, and an endpoint that refuses is closed.
fn believed(
    gateway: &Gateway,
    desk: &CardDesk,
    call: &GatewayRequest,
) -> Result<Option<CardEvent>, GatewayError> {
    let Some(events) = &desk.events else {
        return Err(refused(EventError::NotEnabled));
    };
    if call.body.len() > MAX_EVENT_BYTES {
        return Err(refused(EventError::TooLarge));
    }
    let signature = match call.event_signatures.as_slice() {
        [] => "",
        [signature] => signature.as_str(),
        [_, _, ..] => return Err(refused(EventError::Invalid(EventRefusal::Header))),
    };
    match events.read(signature, &call.body, gateway.world.clock.now()) {
        Ok(event) => Ok(Some(event)),
        Err(why @ (EventRefusal::Body | EventRefusal::Mode)) => {
            tracing::warn!(%why, "cards.event_acknowledged_only");
            Ok(None)
        }
        Err(why) => Err(refused(EventError::Invalid(why))),
    }
}

fn refused(error: EventError) -> GatewayError {
    CardRequestError::Event(error).into()
}

/// An event wakes whoever then asks the processor.
async fn carry_out(
    gateway: &Gateway,
    desk: &CardDesk,
    event: &CardEvent,
) -> Result<(), GatewayError> {
    let internal = |error: &dyn std::error::Error| GatewayError::internal(error);
    match event.what {
        EventSubject::Other => {}
        EventSubject::Payment => {
            if let Some(id) = event.payment_id {
                desk.books.wake(id).await.map_err(|error| internal(&error))?;
            }
        }
        EventSubject::Refund | EventSubject::Dispute => {
            let Some(payment_intent) = &named(desk, event).await? else { return Ok(()) };
            // A refund of ours is looked at by itself, in the next round.
            desk.books
                .wake_refund(payment_intent, gateway.world.clock.now())
                .await
                .map_err(|error| internal(&error))?;
            let Some(id) = desk
                .books
                .intent_of_charge(payment_intent)
                .await
                .map_err(|error| internal(&error))?
            else {
                return Ok(());
            };
            let looked = look_at_charge(
                &*desk.rail,
                &*desk.books,
                &*gateway.world.clock,
                id,
                payment_intent,
            )
            .await;
            // Credits may have been clawed back or restored, also where the books did not say so.
            if let Some(paid) =
                gateway.world.books.intent(id).await.map_err(|error| internal(&error))?
            {
                gateway.world.balances.forget(&paid.payer).await;
            }
            match looked {
                Ok(odd) => odd.iter().for_each(|it| {
                    tracing::warn!(object = it.id, status = it.status, "cards.unknown_state")
                }),
                Err(LookError::Books(error)) => return Err(GatewayError::internal(&error)),
                Err(LookError::Card(error)) => put_off(event, &error)?,
                Err(overtaken @ LookError::Overtaken) => {
                    put_off(event, &CardError::Unreachable(overtaken.to_string()))?
                }
            }
        }
    }
    Ok(())
}

/// The payment that an event is about. A thin event names its object alone: the processor says
/// whose it is.
async fn named(desk: &CardDesk, event: &CardEvent) -> Result<Option<String>, GatewayError> {
    let (None, Some(object)) = (&event.payment_intent, &event.object) else {
        return Ok(event.payment_intent.clone());
    };
    match desk.rail.payment_of(object).await {
        Ok(payment) => Ok(payment),
        Err(error) => put_off(event, &error).map(|()| None),
    }
}

/// An event that cannot be carried out now is delivered again. What never can be is left to the
/// comparison, which says so.
fn put_off(event: &CardEvent, error: &CardError) -> Result<(), GatewayError> {
    match error {
        CardError::Unreachable(_) | CardError::Busy { .. } => {
            tracing::warn!(error = %error, event = event.id, "cards.event_put_off");
            Err(refused(EventError::PutOff))
        }
        CardError::Misconfigured(_) | CardError::UnknownToken => {
            tracing::error!(error = %error, event = event.id, kind = event.kind, "cards.event_left_to_the_comparison");
            Ok(())
        }
    }
}
