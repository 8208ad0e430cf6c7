//! Stripe as it is beyond its documents: accounts that are not ours, words that nobody knows,
//! spellings, limits, and gateways beside us.

use std::time::Duration;

use futures::future::join_all;
use sandbox::stripe::{Behaviour, Fault, SECRET_KEY};
use serde_json::{Value, json};

use crate::credits::{account, bought, card_world};
use crate::mpp_faults::{impatient, until_known};
use crate::mpp_launch::charged;
use crate::reconcile::{agrees, finds, open};
use crate::rotation::{KEYS, doctor_says};
use crate::support::card::{p3, pend, unpaid};
use crate::support::moment::{now_unix_s, random_bytes};
use crate::support::stripe::{INTENTS, TOKENS};
use crate::support::world::Totals;
use crate::support::{Call, Card, Setup, World};
use crate::webhooks::{event, refund_elsewhere, shows, signed};

pub fn behaves(world: &World, behaviour: Behaviour) {
    world.stripe().emulator.behave(behaviour).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn r144_made_up_tokens_of_one_peer_do_not_drain_stripe() {
    let world = Setup::paid()
        .cards()
        .alone("each process counts for itself")
        .set("limits.refused_cards_per_minute", "10")
        .start()
        .await;
    let call = unpaid("made up");
    let challenge = world.challenge(&call).await;
    let made_up =
        |_| challenge.answered(&format!("spt_{}", hex::encode(random_bytes::<12>()))).on(&call);
    let same = challenge.answered("spt_madeUpOnce").on(&call);
    for _ in 0..3 {
        p3(world.send(same.clone()).await, "payment_token_unknown");
    }
    let asked = || {
        world.stripe().calls().iter().filter(|call| call.path.contains("granted_tokens")).count()
    };
    assert_eq!(asked(), 1, "an answer about a token stands for a while");
    let replies = join_all((0..200).map(made_up).map(|call| world.send(call))).await;
    let limited = replies.iter().filter(|reply| reply.status == 429).count();
    assert!(limited >= 180, "{limited}");
    // A minute may end between.
    assert!(asked() <= 21, "{}", asked());
    let lists = world
        .stripe()
        .calls()
        .iter()
        .filter(|call| (call.method.as_str(), call.path.as_str()) == ("GET", INTENTS))
        .count();
    assert!(lists <= 10, "{lists} lists, for readiness alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn r144_a_made_up_token_beside_an_agent_token_costs_one_call() {
    let world = Setup::paid()
        .cards()
        .alone("each process counts for itself")
        .set("limits.refused_cards_per_minute", "10")
        .start()
        .await;
    let first = world.pay(&Card::new(), &unpaid("paid")).await.must(201);
    let token = first.header("x-agent-token").unwrap().to_owned();
    let call = unpaid("made up");
    let challenge = world.challenge(&call).await;
    let made_up = challenge.answered("spt_madeUp").on(&call).header("x-agent-token", &token);
    let before = world.stripe().calls().len();
    p3(world.send(made_up).await, "payment_token_unknown");
    let after: Vec<_> = world
        .stripe()
        .calls()
        .split_off(before)
        .into_iter()
        .filter(|call| call.path == INTENTS)
        .collect();
    assert!(after.iter().filter(|call| call.method == "POST").count() == 1, "{after:?}");
    assert!(
        after.iter().filter(|call| call.method == "GET").count() <= 1,
        "no list beside that of readiness: {after:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r144_a_stripe_that_asks_for_patience_is_left_alone() {
    let world = Setup::paid().cards().alone("each process waits for itself").start().await;
    let call = unpaid("busy");
    let paid = world.credential(&Card::new(), &call).await.on(&call);
    world.stripe().fault("GET", TOKENS, Fault::RateLimited { retry_after_s: 4 });
    let asked = || world.stripe().calls().len();
    let reply = world.send(paid.clone()).await.refused(503, "SERVER_001");
    assert_eq!(reply.json()["reason"], "card_processor_unavailable", "{}", reply.brief());
    let before = asked();
    for _ in 0..5 {
        let reply = world.send(paid.clone()).await.refused(503, "SERVER_001");
        assert!(reply.header("retry-after").is_some(), "{}", reply.brief());
    }
    assert_eq!(asked(), before, "nothing is asked meanwhile");
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.send(paid).await.must(201);
    world.settles_at(charged(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r145_a_refund_in_a_state_that_nobody_knows_stops_nothing() {
    let world = card_world().await;
    world.hear_events();
    let odd = bought(&world, &Card::new()).await;
    let other = bought(&world, &Card::new()).await;
    let payments: Vec<String> =
        world.stripe().succeeded().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    refund_elsewhere(&world, &payments[0], 600).await;
    shows(&world, &odd, 10, None).await;
    let refund = world.stripe().refunds()[0]["id"].as_str().unwrap().to_owned();
    let told = world.stripe().emulator.set_refund_status(&refund, "under_a_spell").unwrap();
    world.send(signed(now_unix_s(), &event("refund.updated", &told))).await.must(200);
    refund_elsewhere(&world, &payments[1], 600).await;
    shows(&world, &other, 10, None).await;
    for _ in 0..2 {
        finds(&world, &[], &[("unknown_state", &refund)]).await;
        assert_eq!(account(&world, &odd).await["balance"], 10, "what was booked stays");
    }
    world.stripe().emulator.set_refund_status(&refund, "succeeded").unwrap();
    agrees(&world, &[]).await;
    assert_eq!(open(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn r147_words_that_are_proof_end_a_charge_at_once() {
    let world = Setup::paid().cards().set("stripe.spt_parameter", "top_level").start().await;
    behaves(&world, Behaviour { documented_spelling_only: true, ..Behaviour::default() });
    p3(world.pay(&Card::new(), &unpaid("spelled wrongly")).await, "processor_refuses_parameters");
    behaves(&world, Behaviour::default());
    world.stripe().fault("POST", INTENTS, Fault::TokenRefused);
    p3(world.pay(&Card::new(), &unpaid("refused as a payment is")).await, "payment_token_refused");
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r147_the_doctor_charges_a_test_token() {
    let mut world = Setup::paid().cards().alone(KEYS).start().await;
    let level =
        |lines: &[Value]| lines.iter().map(|line| line["level"].clone()).collect::<Vec<_>>();
    assert_eq!(level(&doctor_says(&world, "card_charge").await), [json!("ok")]);
    assert_eq!(world.stripe().succeeded().len(), 1);
    world.gateway.set("stripe.spt_parameter", "top_level");
    behaves(&world, Behaviour { documented_spelling_only: true, ..Behaviour::default() });
    assert_eq!(level(&doctor_says(&world, "card_charge").await), [json!("FAIL")]);
    agrees(&world, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r148_a_stripe_that_knows_only_what_it_documents_is_paid() {
    let world = card_world().await;
    behaves(&world, Behaviour { documented_spelling_only: true, ..Behaviour::default() });
    world.pay(&Card::new(), &unpaid("as documented")).await.must(201);
    world.settles_at(charged(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r149_a_cancellation_that_is_not_proven_is_pending_until_it_is() {
    let world = impatient().start().await;
    let call = unpaid("3-D Secure");
    let paid = world.credential(&Card::of("pm_card_authenticationRequired"), &call).await.on(&call);
    let cancel = format!("{INTENTS}/:id/cancel");
    world.stripe().faults("POST", &cancel, Fault::ErrorKept, 100);
    world.stripe().faults("GET", &format!("{INTENTS}/:id"), Fault::DropBefore, 100);
    pend(world.send(paid.clone()).await);
    let payment = world.stripe().intents()[0]["id"].as_str().unwrap().to_owned();
    world.stripe().emulator.clear_faults().unwrap();
    // The fault is kept under the key: somebody cancels it in the dashboard.
    let by_hand = Call::new("POST", &format!("{INTENTS}/{payment}/cancel"))
        .header("authorization", &format!("Bearer {SECRET_KEY}"));
    by_hand.send(world.stripe().emulator.address()).await.must(200);
    let reply = until_known(&world, &paid).await;
    assert_eq!(
        reply.json()["type"],
        "https://paymentauth.org/problems/payment-action-required",
        "{}",
        reply.brief()
    );
    p3(reply, "authentication_required");
    let keys: Vec<_> = world
        .stripe()
        .calls()
        .into_iter()
        .filter(|call| call.path.ends_with("/cancel"))
        .map(|it| it.idempotency_key)
        .collect();
    assert!(
        keys.iter().any(|key| key.as_deref().is_some_and(|key| key.starts_with("cancel_pi_"))),
        "{keys:?}"
    );
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r149_a_holder_who_was_faster_has_paid() {
    let world = impatient().start().await;
    let call = unpaid("3-D Secure after all");
    let paid = world.credential(&Card::of("pm_card_authenticationRequired"), &call).await.on(&call);
    world.stripe().faults("POST", &format!("{INTENTS}/:id/cancel"), Fault::DropBefore, 100);
    pend(world.send(paid.clone()).await);
    let payment = world.stripe().intents()[0]["id"].as_str().unwrap().to_owned();
    world.stripe().emulator.settle_intent(&payment, true).unwrap();
    until_known(&world, &paid).await.must(201);
    world.settles_at(charged(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r150_what_is_null_or_local_pays_and_agrees() {
    let world = card_world().await;
    behaves(&world, Behaviour { hides_usage_limits: true, ..Behaviour::default() });
    world.pay(&Card::new(), &unpaid("without limits")).await.must(201);
    world.pay(&Card::of("pm_local"), &unpaid("by a local method")).await.must(201);
    world.settles_at(charged(2)).await;
    agrees(&world, &[]).await;
    assert_eq!(open(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn r150_thin_events_are_carried_out() {
    let world = card_world().await;
    world.hear_events();
    behaves(&world, Behaviour { thin_events: true, ..Behaviour::default() });
    let token = bought(&world, &Card::new()).await;
    let charge = world.stripe().succeeded()[0]["latest_charge"].as_str().unwrap().to_owned();
    let dispute = world.stripe().emulator.open_dispute(&charge, "fraudulent").unwrap();
    shows(&world, &token, 0, None).await;
    world.stripe().emulator.close_dispute(dispute["id"].as_str().unwrap(), true).unwrap();
    shows(&world, &token, 20, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r150_what_is_signed_is_never_refused_for_ever() {
    let world = card_world().await;
    let now = now_unix_s();
    let other_mode = event("charge.refunded", &json!({"id": "ch_1", "payment_intent": "pi_1"}))
        .replace("\"livemode\":false", "\"livemode\":true");
    for body in [
        other_mode.as_str(),
        r#"{"id":"evt_ping","object":"v2.core.event","type":"v2.core.event_destination.ping","livemode":null,"related_object":null}"#,
        r#"{"id":"evt_null","object":"event","type":null,"data":null}"#,
        r#"{"object":"something.else"}"#,
    ] {
        let reply = world.send(signed(now, body)).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.brief());
    }
    let logs = world.gateway.logs();
    assert!(
        logs.contains("cards.event_acknowledged_only")
            && logs.contains("stripe.event_of_the_other_mode"),
        "{logs}"
    );
}
