//! The card agents: each charges a card for launches, buys a pack, and spends its credits by agent
//! token and by fresh tokens.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::future::BoxFuture;

use crate::agents::{Shared, answer, final_answer};
use crate::support::card::{Challenge, Credential, purchase, unpaid};
use crate::support::{Call, Card, Reply};

/// Launches that a card is charged for before it buys its pack.
const CHARGED: u64 = 3;
/// Launches on the credits of a pack.
const ON_CREDIT: u64 = 6;

/// One agent, until it is stopped.
pub async fn live(shared: Arc<Shared>) {
    while !shared.stopped() {
        let card = Card::new();
        for number in 0..CHARGED {
            if shared.stopped() {
                return;
            }
            charged_launch(&shared, &card, number).await;
        }
        if let Some(token) = pack(&shared, &card).await {
            on_credits(&shared, &card, &token).await;
        }
    }
}

/// A launch that the card is charged for; refused by the core it leaves a credit, which funds the
/// card's next launch.
async fn charged_launch(shared: &Shared, card: &Card, number: u64) {
    let call = unpaid(&format!("charge {number} of {card:?}"));
    let Some(credential) = credential(shared, card, &call).await else { return };
    let again =
        || -> BoxFuture<'_, Option<Call>> { Box::pin(credential_again(shared, card, &call)) };
    let Some(reply) = answer(shared, credential.on(&call), again).await else { return };
    match reply.status.as_u16() {
        201 => created(shared, &reply),
        400 => shared.count_refusal(),
        _ => panic!("an answer that no card expects: {}", reply.brief()),
    }
    told(shared, &reply);
}

/// A pack; the account's agent token.
async fn pack(shared: &Shared, card: &Card) -> Option<String> {
    let call = purchase();
    let credential = credential(shared, card, &call).await?;
    let again =
        || -> BoxFuture<'_, Option<Call>> { Box::pin(credential_again(shared, card, &call)) };
    let reply = answer(shared, credential.on(&call), again).await?.must(200);
    assert_eq!(reply.json()["data"]["credits_added"], 20, "{}", reply.brief());
    shared.packs.fetch_add(1, Ordering::Relaxed);
    Some(reply.header("x-agent-token").expect("a settled charge names its agent token").to_owned())
}

async fn on_credits(shared: &Shared, card: &Card, token: &str) {
    for number in 0..ON_CREDIT {
        if shared.stopped() {
            return;
        }
        let call = unpaid(&format!("credit {number} of {card:?}"));
        let call = match number % 3 {
            // A fresh card token spends a credit as well: nothing is charged.
            2 => match credential(shared, card, &call).await {
                Some(credential) => credential.on(&call),
                None => return,
            },
            _ => call
                .header("authorization", &format!("Bearer {token}"))
                .header("idempotency-key", &format!("credit-{number}")),
        };
        let reply = final_answer(shared, &call).await;
        match reply.status.as_u16() {
            201 => {
                assert!(!reply.charge().contains("USD"), "a credit was there: {}", reply.brief());
                shared.on_credit.fetch_add(1, Ordering::Relaxed);
                created(shared, &reply);
            }
            400 => shared.count_refusal(),
            _ => panic!("an answer that no credit expects: {}", reply.brief()),
        }
    }
}

/// The call with a new credential, also once the agents are stopped: what was begun is ended.
async fn credential_again(shared: &Shared, card: &Card, call: &Call) -> Option<Call> {
    let challenge = Challenge::of(&final_answer(shared, call).await.must(402));
    Some(challenge.answered(&card.token(&shared.stripe, challenge.cents())).on(call))
}

/// A fresh challenge for this call, answered with a fresh token; nothing once the agents are
/// stopped.
async fn credential(shared: &Shared, card: &Card, call: &Call) -> Option<Credential> {
    let reply = final_answer(shared, call).await;
    if shared.stopped() && reply.status != 402 {
        return None;
    }
    let challenge = Challenge::of(&reply.must(402));
    Some(challenge.answered(&card.token(&shared.stripe, challenge.cents())))
}

fn created(shared: &Shared, reply: &Reply) {
    let id = reply.launch_id();
    assert!(!id.is_empty(), "{}", reply.brief());
    let other = shared.card_launches.lock().unwrap().insert(id);
    assert!(other, "one launch answers two credentials: {}", reply.brief());
}

/// What the answer says was charged.
fn told(shared: &Shared, reply: &Reply) {
    if reply.charge().starts_with("0.60 USD") {
        shared.card_charges.fetch_add(1, Ordering::Relaxed);
    }
}
