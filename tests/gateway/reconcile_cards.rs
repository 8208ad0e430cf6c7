//! The card processor against the books: events that never came, and amounts that differ.

use serde_json::{Value, json};

use crate::credits::{account, bought, card_world};
use crate::reconcile::{agrees, finds, open, outcome, reconcile, verified};
use crate::support::audit::text;
use crate::support::card::unpaid;
use crate::support::stripe::INTENTS;
use crate::support::{Card, World};
use crate::webhooks::refund_elsewhere;

/// Rewrites the books of a running gateway behind its back, as a faulty disk or hand would.
async fn rewrite(world: &World, change: &str) {
    let on_file = format!("PRAGMA foreign_keys = OFF; {change}");
    let on_server = format!("SET session_replication_role = replica; {change}");
    world.gateway.database.writer().await.execute(&on_file, &on_server).await;
}

async fn only_payment(world: &World) -> String {
    text(&world.gateway.audit().view("intents").await[0], "id")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_event_was_lost_is_found_and_booked() {
    let world = card_world().await;
    let token = bought(&world, &Card::new()).await;
    agrees(&world, &[]).await;
    let payment = world.stripe().succeeded()[0]["id"].as_str().unwrap().to_owned();
    refund_elsewhere(&world, &payment, 600).await;
    assert_eq!(account(&world, &token).await["balance"], 20, "nobody told the gateway");
    let (report, code) = reconcile(&world, &["--dry-run"]).await;
    assert_eq!(
        (code, &account(&world, &token).await["balance"]),
        (10, &json!(20)),
        "a dry run books nothing: {report}"
    );
    agrees(&world, &[]).await;
    assert_eq!(account(&world, &token).await["balance"], 10);
    verified(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_whose_events_were_lost_is_booked_when_it_is_opened_and_when_it_is_won() {
    let world = card_world().await;
    let token = bought(&world, &Card::new()).await;
    agrees(&world, &[]).await;
    let charge = world.stripe().succeeded()[0]["latest_charge"].as_str().unwrap().to_owned();
    let dispute = world.stripe().emulator.open_dispute(&charge, "fraudulent").unwrap();
    agrees(&world, &[]).await;
    assert_eq!(account(&world, &token).await["balance"], 0);
    world.stripe().emulator.close_dispute(dispute["id"].as_str().unwrap(), true).unwrap();
    agrees(&world, &[]).await;
    assert_eq!(account(&world, &token).await["balance"], 20);
    verified(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amount_that_differs_from_stripes_is_found_and_closes_when_it_is_corrected() {
    let world = card_world().await;
    world.pay(&Card::new(), &unpaid("by card")).await.must(201);
    agrees(&world, &[]).await;
    let id = only_payment(&world).await;
    rewrite(&world, "UPDATE settlements SET amount_minor = 61").await;
    let report = reconcile(&world, &[]).await.0;
    let found = report["differences"].as_array().unwrap();
    let about = |it: &&Value| {
        it["kind"] == "amount_mismatch" && it["key"] == json!(id) && it["source"] == "stripe"
    };
    assert!(!found.is_empty() && found.iter().all(|it| about(&it)), "{report}");
    assert_eq!(open(&world).await, [(String::from("amount_mismatch"), id)]);
    rewrite(&world, "UPDATE settlements SET amount_minor = 60").await;
    agrees(&world, &[]).await;
    assert_eq!(open(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_stripe_does_not_know_is_a_phantom_and_the_real_one_is_nobodys() {
    let world = card_world().await;
    world.pay(&Card::new(), &unpaid("by card")).await.must(201);
    agrees(&world, &[]).await;
    let id = only_payment(&world).await;
    let real = world.stripe().succeeded()[0]["id"].as_str().unwrap().to_owned();
    rewrite(&world, "UPDATE settlements SET stripe_pi = 'pi_thatNobodyMade'").await;
    finds(&world, &[], &[("phantom_settlement", &id), ("unearned_receipt", &real)]).await;
    rewrite(&world, &format!("UPDATE settlements SET stripe_pi = '{real}'")).await;
    agrees(&world, &[]).await;
    assert_eq!(open(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_stripe_took_for_a_payment_that_nobody_knows_is_found_until_it_is_given_back() {
    let world = card_world().await;
    agrees(&world, &[]).await;
    let stripe = world.stripe();
    let token = Card::new().token(stripe, 60);
    let metadata = format!("metadata[gateway_payment_id]=pay_{}", "7".repeat(32));
    let body = format!(
        "amount=60&currency=usd&confirm=true&shared_payment_granted_token={token}&{metadata}"
    );
    let call = crate::support::Call::new("POST", INTENTS)
        .bytes(body)
        .header("content-type", "application/x-www-form-urlencoded");
    let call = call.header("authorization", &format!("Bearer {}", sandbox::stripe::SECRET_KEY));
    let made = call
        .header("stripe-version", "2026-07-29.preview")
        .send(stripe.emulator.address())
        .await
        .must(200)
        .json();
    let payment = made["id"].as_str().unwrap();
    for _ in 0..2 {
        finds(&world, &[], &[("unmatched_receipt", payment)]).await;
    }
    refund_elsewhere(&world, payment, 60).await;
    agrees(&world, &[]).await;
    assert_eq!(open(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_processor_is_a_finding_and_the_other_sources_are_compared() {
    let world = card_world().await;
    agrees(&world, &[]).await;
    world.stripe().faults("GET", INTENTS, sandbox::stripe::Fault::ErrorBefore, 100);
    let report = finds(&world, &[], &[("could_not_check", "stripe")]).await;
    assert_eq!(
        (outcome(&report, "stripe"), outcome(&report, "chain"), outcome(&report, "core")),
        ("could_not_check", "checked", "checked")
    );
    world.stripe().emulator.clear_faults().unwrap();
    agrees(&world, &[]).await;
    assert_eq!(open(&world).await, []);
}
