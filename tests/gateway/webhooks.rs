//! What Stripe tells by itself: believed by its signature alone, carried out once, and never beyond
//! what Stripe says when it is asked.

use std::time::Duration;

use futures::future::join_all;
use sandbox::stripe::{Order, SECRET_KEY, WEBHOOK_SECRET};
use serde_json::{Value, json};

use crate::credits::{BOUGHT, account, bought, card_world, on_credit};
use crate::support::audit::text;
use crate::support::card::unpaid;
use crate::support::moment::{eventually, now_unix_s, random_bytes};
use crate::support::stripe::REFUNDS;
use crate::support::world::Totals;
use crate::support::{Call, Card, Reply, World};

/// An event as Stripe would send it.
pub fn event(kind: &str, object: &Value) -> String {
    let id = format!("evt_{}", hex::encode(random_bytes::<12>()));
    json!({
        "id": id, "object": "event", "api_version": "2026-01-28.clover", "created": now_unix_s(), "data": {"object": object},
        "livemode": false, "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "type": kind,
    })
    .to_string()
}

/// The delivery of a body under this header.
fn delivery(signature: &str, body: &str) -> Call {
    Call::new("POST", "/webhooks/stripe")
        .bytes(body.to_owned())
        .header("content-type", "application/json; charset=utf-8")
        .header("stripe-signature", signature)
}

/// A delivery that Stripe signed at this time.
pub fn signed(at_unix_s: u64, body: &str) -> Call {
    delivery(&signature(at_unix_s, body), body)
}

fn signature(at_unix_s: u64, body: &str) -> String {
    sandbox::stripe::webhook::sign(WEBHOOK_SECRET, at_unix_s, body.as_bytes())
}

/// The charge of the only payment.
fn charge(world: &World) -> String {
    world.stripe().succeeded()[0]["latest_charge"].as_str().unwrap().to_owned()
}

/// An event that would take credits back, if it were believed: the pack is disputed, and the
/// gateway was not told.
async fn disputed_in_silence(world: &World) -> String {
    let dispute = world.stripe().emulator.open_dispute(&charge(world), "fraudulent").unwrap();
    event("charge.dispute.created", &dispute)
}

/// A refund that somebody makes in Stripe's dashboard.
pub async fn refund_elsewhere(world: &World, payment_intent: &str, cents: u64) {
    let body = format!("payment_intent={payment_intent}&amount={cents}");
    let call = Call::new("POST", REFUNDS)
        .bytes(body)
        .header("content-type", "application/x-www-form-urlencoded");
    let call = call.header("authorization", &format!("Bearer {SECRET_KEY}"));
    call.send(world.stripe().emulator.address()).await.must(200);
}

/// Waits until the account shows this.
pub async fn shows(world: &World, token: &str, balance: u64, owed: Option<u64>) {
    let look = async || {
        let shown = account(world, token).await;
        if shown["balance"] == balance && shown.get("owed").and_then(Value::as_u64) == owed {
            Ok(())
        } else {
            Err(shown.to_string())
        }
    };
    // No faster than an agent may ask.
    let paced = async || {
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        look().await
    };
    eventually("the account", Duration::from_secs(20), paced).await;
}

fn refused(reply: Reply, reason: &str) {
    let reply = reply.refused(400, "SERVER_002");
    assert_eq!(reply.json()["reason"], reason, "{}", reply.brief());
}

#[tokio::test(flavor = "multi_thread")]
async fn r091_a_forged_event_has_no_effect() {
    let world = card_world().await;
    let token = bought(&world, &Card::new()).await;
    let told = disputed_in_silence(&world).await;
    let now = now_unix_s();
    let wrong = format!("t={now},v1={}", "0".repeat(64));
    refused(world.send(delivery(&wrong, &told)).await, "invalid_signature");
    let other_secret =
        sandbox::stripe::webhook::sign("whsec_anotherSecretThatIsNotOurs", now, told.as_bytes());
    refused(world.send(delivery(&other_secret, &told)).await, "invalid_signature");
    // The right signature, over the same JSON with other bytes.
    let again = format!("{:#}", serde_json::from_str::<Value>(&told).unwrap());
    refused(world.send(delivery(&signature(now, &told), &again)).await, "invalid_signature");
    let moved = signature(now, &told).replace(&format!("t={now}"), &format!("t={}", now - 1));
    refused(world.send(delivery(&moved, &told)).await, "invalid_signature");
    let bare = Call::new("POST", "/webhooks/stripe")
        .bytes(told.clone())
        .header("content-type", "application/json");
    refused(world.send(bare).await, "invalid_signature_header");
    let live = told.replace("\"livemode\":false", "\"livemode\":true");
    // An endpoint that refuses what Stripe signs is closed in the end.
    world.send(signed(now, &live)).await.must(200);
    assert_eq!(account(&world, &token).await["balance"], 20);
    world.settles_at(BOUGHT).await;
    // The same event is believed once it is signed.
    world.send(signed(now, &told)).await.must(200);
    shows(&world, &token, 0, None).await;
    world.settles_at(Totals { credits: 0, ..BOUGHT }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r092_a_stale_event_has_no_effect() {
    let world = card_world().await;
    let token = bought(&world, &Card::new()).await;
    let told = disputed_in_silence(&world).await;
    for at in [now_unix_s() - 301, now_unix_s() + 310] {
        refused(world.send(signed(at, &told)).await, "stale_event");
    }
    assert_eq!(account(&world, &token).await["balance"], 20);
    world.settles_at(BOUGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r093_an_event_told_ten_times_counts_once() {
    let world = card_world().await;
    let token = bought(&world, &Card::new()).await;
    let told = disputed_in_silence(&world).await;
    for reply in join_all((0..10).map(|_| world.send(signed(now_unix_s(), &told)))).await {
        reply.must(200);
    }
    shows(&world, &token, 0, None).await;
    let clawed = world.gateway.audit().view("credit_entries").await;
    assert_eq!(clawed.iter().filter(|entry| text(entry, "kind") == "claw_back").count(), 1);
    world.send(signed(now_unix_s(), &told)).await.must(200);
    world.settles_at(Totals { credits: 0, ..BOUGHT }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r094_events_in_any_order_leave_what_stripe_says_now() {
    let world = card_world().await;
    world.stripe().emulator.hold_webhooks().unwrap();
    world.hear_events();
    let token = bought(&world, &Card::new()).await;
    let intent = world.stripe().succeeded()[0].clone();
    let id = intent["id"].as_str().unwrap();
    for cents in [300, 300] {
        refund_elsewhere(&world, id, cents).await;
    }
    // Refunded arrives before succeeded, and the second refund before the first.
    world.stripe().emulator.release_webhooks(Order::Reversed).unwrap();
    shows(&world, &token, 10, None).await;
    // Lies and strangers: acknowledged, and Stripe's own word counts.
    let mut failed = intent.clone();
    failed["status"] = "requires_payment_method".into();
    let unknown = json!({"id": "ch_1", "object": "charge", "payment_intent": "pi_nobodyKnowsThisOne", "amount_refunded": 60});
    let more = json!({"id": charge(&world), "object": "charge", "payment_intent": id, "amount_refunded": 1_200});
    for (kind, object) in [
        ("payment_intent.payment_failed", &failed),
        ("payment_intent.succeeded", &intent),
        ("charge.refunded", &unknown),
        ("charge.refunded", &more),
        ("invoice.finalized", &json!({"id": "in_1", "object": "invoice"})),
    ] {
        world.send(signed(now_unix_s(), &event(kind, object))).await.must(200);
    }
    shows(&world, &token, 10, None).await;
    world.settles_at(Totals { credits: 10, ..BOUGHT }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r095_a_dispute_on_a_spent_pack_freezes_the_account_until_it_is_won() {
    let world = card_world().await;
    world.hear_events();
    let card = Card::new();
    let token = bought(&world, &card).await;
    for number in 0..15 {
        world.send(on_credit(&token, &format!("launch {number}"))).await.must(201);
    }
    let dispute = world.stripe().emulator.open_dispute(&charge(&world), "fraudulent").unwrap();
    shows(&world, &token, 0, Some(15)).await;
    let frozen = world.send(on_credit(&token, "frozen")).await.must(402);
    assert_eq!(frozen.json()["reason"], "credits_frozen", "{}", frozen.brief());
    world.settles_at(Totals { credits: 0, launches: 15, ..BOUGHT }).await;
    world.stripe().emulator.close_dispute(dispute["id"].as_str().unwrap(), true).unwrap();
    shows(&world, &token, 5, None).await;
    world.send(on_credit(&token, "free again")).await.must(201);
    world.settles_at(Totals { credits: 4, launches: 16, ..BOUGHT }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_elsewhere_of_a_delivered_launch_is_goodwill_and_its_dispute_a_debt() {
    let world = card_world().await;
    world.hear_events();
    let card = Card::new();
    let token = world
        .pay(&card, &unpaid("first"))
        .await
        .must(201)
        .header("x-agent-token")
        .unwrap()
        .to_owned();
    world.pay(&card, &unpaid("second")).await.must(201);
    let intents = world.stripe().succeeded();
    refund_elsewhere(&world, intents[0]["id"].as_str().unwrap(), 60).await;
    let lost = async || {
        let journal = world.gateway.audit().view("journal").await;
        if journal.iter().any(|line| text(line, "account") == "exp:loss") {
            Ok(())
        } else {
            Err("not booked".to_owned())
        }
    };
    eventually("the loss", Duration::from_secs(20), lost).await;
    shows(&world, &token, 0, None).await;
    world
        .stripe()
        .emulator
        .open_dispute(intents[1]["latest_charge"].as_str().unwrap(), "fraudulent")
        .unwrap();
    shows(&world, &token, 0, Some(1)).await;
    world.settles_at(Totals { settlements: 2, charges: 2, launches: 2, ..Totals::default() }).await;
}
