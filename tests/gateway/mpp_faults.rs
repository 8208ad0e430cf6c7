//! Stripe at its worst: it hangs, drops, fails and refuses us. No card is charged twice, no launch
//! is lost, and nobody is told to pay again while the outcome is open.

use std::time::Duration;

use sandbox::stripe::Fault;

use crate::mpp_launch::charged;
use crate::support::card::{pend, unchallenged, unpaid};
use crate::support::moment::eventually;
use crate::support::stripe::{INTENTS, TOKENS};
use crate::support::world::Totals;
use crate::support::{Call, Card, Setup, World};

/// Stripe is given up soon, and clients are answered within two seconds.
pub fn impatient() -> Setup {
    Setup::paid().cards().set("stripe.timeout_ms", "500").set("server.answer_deadline_s", "2")
}

/// The same request until it has a final answer. Until then every answer is that nobody knows,
/// without a challenge.
pub async fn until_known(world: &World, call: &Call) -> crate::support::Reply {
    eventually("a final answer", Duration::from_secs(60), async || {
        let reply = world.send(call.clone()).await;
        if reply.status == 503 {
            let id = pend(reply);
            return Err(format!("{id} is open"));
        }
        Ok(reply)
    })
    .await
}

/// Every charge that was sent had the same key, which is no token.
fn one_key(world: &World) {
    let calls = world.stripe().calls();
    let mut keys: Vec<_> = calls
        .into_iter()
        .filter(|call| call.method == "POST" && call.path == INTENTS)
        .map(|call| call.idempotency_key)
        .collect();
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].as_deref().is_some_and(|key| key.starts_with("tp_pay_")), "{keys:?}");
}

/// One launch through this trouble with the charge: paid once, made once, and known to the client
/// in the end.
async fn survives(trouble: &[(Fault, u32)], pending: bool) -> World {
    let world = impatient().start().await;
    let (card, call) = (Card::new(), unpaid("through trouble"));
    let paid = world.credential(&card, &call).await.on(&call);
    for (fault, times) in trouble {
        world.stripe().faults("POST", INTENTS, fault.clone(), *times);
    }
    let first = world.send(paid.clone()).await;
    if pending || first.status != 201 {
        pend(first);
    }
    let reply = until_known(&world, &paid).await.must(201);
    let again = world.send(paid).await.must(201);
    assert!(again.replayed() && again.body == reply.body);
    one_key(&world);
    world.settles_at(charged(1)).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn r071_a_charge_that_is_never_answered_is_paid_once() {
    let world = survives(&[(Fault::HangAfter { ms: 60_000 }, 4)], true).await;
    // Our own answer, kept by Stripe and given again, is no replay by somebody else.
    assert!(world.stripe().calls().iter().any(|call| call.replayed && call.status == Some(200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn r071_a_charge_whose_answer_is_lost_is_paid_once() {
    survives(&[(Fault::DropAfter, 1)], false).await;
    survives(&[(Fault::DropBefore, 3), (Fault::DropAfter, 2)], false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r072_a_500_after_the_charge_is_paid_once() {
    survives(&[(Fault::ErrorAfter, 1)], false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r072_a_500_before_the_charge_is_tried_again() {
    survives(&[(Fault::ErrorBefore, 1)], false).await;
    survives(&[(Fault::ErrorBefore, 9)], true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r073_a_busy_stripe_is_asked_again_under_the_same_key() {
    survives(&[(Fault::Conflict, 1), (Fault::RateLimited { retry_after_s: 1 }, 2)], false).await;
    survives(&[(Fault::RateLimited { retry_after_s: 3 }, 1)], true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r073_a_call_that_is_still_worked_on_is_waited_for() {
    survives(&[(Fault::Delay { ms: 3_000 }, 1)], true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_pays_again_while_the_outcome_is_open_pays_once() {
    let world = impatient().start().await;
    let (card, call) = (Card::new(), unpaid("asked twice"));
    let credential = world.credential(&card, &call).await;
    world.stripe().faults("POST", INTENTS, Fault::HangAfter { ms: 60_000 }, 100);
    let open = pend(world.send(credential.on(&call)).await);
    // As a client that forgot its first try: another challenge, another token of the same card.
    let again = world.credential(&card, &call).await.on(&call);
    assert_eq!(pend(world.send(again.clone()).await), open);
    // The same token under another challenge: nobody is asked to pay, here or for another request.
    let token = credential.0["payload"]["spt"].as_str().unwrap();
    for call in [call.clone(), unpaid("another")] {
        let same_token = world.challenge(&call).await.answered(token).on(&call);
        let reply = world.send(same_token).await.refused(409, "SERVER_009");
        assert_eq!(reply.json()["reason"], "payment_token_in_use", "{}", reply.brief());
        unchallenged(&reply);
    }
    world.stripe().emulator.clear_faults().unwrap();
    let first = until_known(&world, &credential.on(&call)).await.must(201);
    assert_eq!(world.send(again).await.must(201).body, first.body);
    assert_eq!(world.stripe().intents().len(), 1);
    world.settles_at(charged(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_charge_outlives_its_process() {
    let mut world = impatient().start().await;
    let (card, call) = (Card::new(), unpaid("killed"));
    let paid = world.credential(&card, &call).await.on(&call);
    world.stripe().faults("POST", INTENTS, Fault::HangAfter { ms: 60_000 }, 100);
    pend(world.send(paid.clone()).await);
    world.gateway.kill9();
    world.stripe().emulator.clear_faults().unwrap();
    world.gateway.restart().await;
    // Without a word from the client.
    world.settles_at(charged(1)).await;
    assert!(world.send(paid).await.must(201).replayed());
    one_key(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_nobody_looks_up_is_claimed_by_nobody() {
    let world = impatient().start().await;
    let (card, call) = (Card::new(), unpaid("looked up"));
    let credential = world.credential(&card, &call).await;
    let paid = credential.on(&call);
    let before = world.standing().await;
    for fault in [
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::ErrorBefore,
        Fault::ErrorAfter,
        Fault::Conflict,
        Fault::RateLimited { retry_after_s: 7 },
        Fault::HangAfter { ms: 2_000 },
    ] {
        world.stripe().fault("GET", TOKENS, fault.clone());
        let reply = world.send(paid.clone()).await.refused(503, "SERVER_001");
        unchallenged(&reply);
        assert_eq!(
            reply.json()["reason"],
            "card_processor_unavailable",
            "{fault:?}: {}",
            reply.brief()
        );
        assert!(reply.header("retry-after").is_some(), "{fault:?}");
        assert_eq!(world.standing().await, before, "{fault:?}");
    }
    assert_eq!(world.stripe().charges_sent(), 0);
    // The very same credential, once Stripe is back and has had the pause that it asked for.
    let back = eventually("Stripe is asked again", Duration::from_secs(20), async || {
        let reply = world.send(paid.clone()).await;
        if reply.status == 503 { Err(reply.brief()) } else { Ok(reply) }
    })
    .await;
    back.must(201);
    world.settles_at(charged(1)).await;
}

/// The gateway with another key at Stripe, although it is never ready so.
async fn restart_with_key(world: &mut World, key: &str) {
    world.gateway.kill9();
    world.gateway.set("stripe.secret_key", key);
    world.gateway.spawn();
    let address = world.gateway.address;
    let up = async || Call::get("/openapi.json").try_send(address).await.map(drop);
    eventually("the gateway listens", Duration::from_secs(30), up).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_ours_that_stripe_refuses_is_never_the_clients_fault() {
    let mut world = impatient().alone("one process has the wrong key at Stripe").start().await;
    let (card, first, second) = (Card::new(), unpaid("first"), unpaid("second"));
    let token =
        world.pay(&card, &first).await.must(201).header("x-agent-token").unwrap().to_owned();
    let right = world.gateway.setting("stripe.secret_key").to_owned();
    restart_with_key(&mut world, "sk_test_revokedRevokedRevokedRevoked").await;
    let before = world.standing().await;
    let paid = world.credential(&card, &second).await.on(&second);
    // Stripe answers 401 to the look-up: nothing is claimed.
    let reply = world.send(paid.clone()).await.refused(503, "SERVER_001");
    unchallenged(&reply);
    assert_eq!(world.standing().await, before);
    // Nor beside an agent token, where nothing is looked up: whose account the key is of is not
    // known.
    let with_token = paid.clone().header("x-agent-token", &token);
    unchallenged(&world.send(with_token.clone()).await.refused(503, "SERVER_001"));
    assert_eq!(world.standing().await, before);
    restart_with_key(&mut world, &right).await;
    let reply =
        eventually("Stripe says whose account it is", Duration::from_secs(60), async || {
            let reply = world.send(with_token.clone()).await;
            if reply.status == 503 { Err(reply.brief()) } else { Ok(reply) }
        })
        .await;
    reply.must(201);
    world.settles_at(Totals { settlements: 2, charges: 2, launches: 2, ..Totals::default() }).await;
}
