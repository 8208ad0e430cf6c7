//! What a process that starts after a crash must come to: repair, and the answer to the same call.

use std::time::Duration;

use payments::intent::State;
use sandbox::stripe::Fault as StripeFault;

use crate::{
    crash_matrix::Order,
    support::{
        Call, World,
        audit::text,
        card::unchallenged,
        fake_core::Behaviour,
        moment::{Stopwatch, eventually},
        rpc_proxy::Fault,
        stripe::INTENTS,
        token::cancel_authorization,
    },
};

/// Sends the creation into a world in which it comes to stand in `state`.
pub async fn standing(world: &World, state: State, order: &Order) {
    match (state, &order.wallet) {
        (State::Submitted, Some(_)) => {
            world.proxy().lie("eth_getTransactionReceipt", |_| serde_json::Value::Null)
        }
        (State::SubmitUnknown, Some(_)) => {
            world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(1_000))
        }
        (State::SubmitUnknown, None) => {
            world.stripe().faults("POST", INTENTS, StripeFault::DropBefore, 1_000)
        }
        (State::Charged, _) => world.gateway.database.writer().await.grants(false).await,
        (State::CoreUnknown, _) => world.core().behave(Behaviour::Fail),
        (State::Rejected | State::Released, _) => world.core().behave(Behaviour::Reject),
        (State::PayFailed, Some((proof, wallet))) => {
            let mut hold = world.proxy().hold("eth_sendRawTransaction");
            drop(world.begin(order.call.clone()));
            hold.reached().await;
            let signature = wallet.sign(proof.draft.cancel_digest());
            world.chain.send(cancel_authorization(&proof.draft, &signature)).await;
            hold.release();
        }
        // A card of its own brings these about.
        (State::Submitted | State::PayFailed, None)
        | (
            State::Queued | State::Signed | State::Forwarding | State::Created | State::Granted,
            _,
        ) => {}
    }
    if state != State::PayFailed || order.wallet.is_none() {
        drop(world.begin(order.call.clone()));
    }
    let audit = world.gateway.audit();
    let there = async || {
        let intents = audit.view("intents").await;
        let last = intents.last().map(|intent| text(intent, "state")).unwrap_or_default();
        if last == state.word() { Ok(()) } else { Err(last) }
    };
    eventually(state.word(), Duration::from_secs(30), there).await;
}

/// The world works again.
pub async fn repair(world: &World) {
    world.proxy().tell_the_truth();
    world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(0));
    world.core().behave(Behaviour::Create);
    let Some(stripe) = &world.stripe else { return };
    stripe.emulator.clear_faults().unwrap();
    for intent in stripe.intents().iter().filter(|intent| intent["status"] == "processing") {
        stripe.emulator.settle_intent(intent["id"].as_str().unwrap(), true).unwrap();
    }
    world.gateway.database.writer().await.grants(true).await;
}

/// A client that sends the same proof until it gets a final answer: from the other process, or from
/// before the gateway listens again.
pub async fn asks_again(world: &World, call: &Call, status: u16) {
    let address = world.others.first().unwrap_or(&world.gateway).address;
    let watch = Stopwatch::start();
    while watch.elapsed() < Duration::from_secs(60) {
        match call.try_send(address).await {
            Ok(reply) if reply.status == 503 || reply.code() == "PAYMENT_004" => {
                unchallenged(&reply)
            }
            Ok(reply) => {
                assert_eq!(reply.status.as_u16(), status, "{}", reply.brief());
                return;
            }
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no final answer within 60 s");
}
