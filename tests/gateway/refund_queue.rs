//! Refunds are a queue: each by itself, looked at while it may change, and booked back when it
//! fails after it succeeded.

use std::time::Duration;

use sandbox::stripe::{Fault, RefundStatus};
use serde_json::Value;

use crate::credits::{BOUGHT, account, bought, card_world, on_credit};
use crate::refunds::{REFUNDED, approve, ended, refused, stands};
use crate::support::audit::{number, text};
use crate::support::card::unpaid;
use crate::support::moment::eventually;
use crate::support::stripe::REFUNDS;
use crate::support::world::Totals;
use crate::support::{Card, World};
use crate::webhooks::{refund_elsewhere, shows};

/// The refunds at Stripe that stand so, by their amounts.
fn refunds(world: &World, status: &str) -> Vec<u64> {
    let all = world.stripe().refunds();
    all.iter()
        .filter(|refund| refund["status"] == status)
        .filter_map(|refund| refund["amount"].as_u64())
        .collect()
}

fn newest(world: &World) -> String {
    world.stripe().refunds().last().unwrap()["id"].as_str().unwrap().to_owned()
}

/// What the journal holds on an account, in cents.
async fn booked(world: &World, account: &str) -> i128 {
    let journal = world.gateway.audit().view("journal").await;
    journal
        .iter()
        .filter(|line| text(line, "account").starts_with(account))
        .map(|line| number(line, "amount"))
        .sum()
}

/// The findings of a kind: how many there were, and how many are open.
async fn found(world: &World, kind: &str) -> (usize, usize) {
    let output = world.gateway.run(&["findings", "--all", "--json"]).await;
    let listed: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let ours: Vec<&Value> = listed.iter().filter(|finding| finding["kind"] == kind).collect();
    (ours.len(), ours.iter().filter(|finding| finding["closed_at"].is_null()).count())
}

/// How often the gateway has asked Stripe for `method` on a path that begins so.
fn asked(world: &World, method: &str, path: &str) -> usize {
    world
        .stripe()
        .calls()
        .iter()
        .filter(|call| call.method == method && call.path.starts_with(path))
        .count()
}

async fn state_of(world: &World, payment: &str) -> String {
    let owed = world.gateway.audit().view("obligations").await;
    owed.iter()
        .find(|owed| text(owed, "intent_id") == payment)
        .map(|owed| text(owed, "state"))
        .unwrap_or_default()
}

async fn ends_as(world: &World, payment: &str, state: &str, within_s: u64) {
    let look = async || match state_of(world, payment).await {
        now if now == state => Ok(()),
        now => Err(now),
    };
    eventually(state, Duration::from_secs(within_s), look).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r134_a_refund_that_fails_after_it_succeeded_is_due_again_and_goes_back_once() {
    let world = card_world().await;
    world.hear_events();
    let (payment, token) = refused(&world).await;
    ended(&approve(&world, &payment, &[]).await, 0);
    stands(&world, "refunded").await;
    assert_eq!(
        (booked(&world, "asset:stripe_clearing").await, booked(&world, "liab:refund_due").await),
        (0, 0)
    );
    world.stripe().emulator.settle_refund(&newest(&world), false).unwrap();
    ends_as(&world, &payment, "refund_due", 30).await;
    assert_eq!(
        (booked(&world, "asset:stripe_clearing").await, booked(&world, "liab:refund_due").await),
        (60, -60)
    );
    assert_eq!(found(&world, "refund_failed").await, (1, 1));
    assert_eq!(account(&world, &token).await["balance"], 0, "no credit comes by itself");
    world.settles_at(Totals { obligations: 1, ..REFUNDED }).await;

    ended(&approve(&world, &payment, &[]).await, 0);
    stands(&world, "refunded").await;
    assert_eq!((refunds(&world, "failed"), refunds(&world, "succeeded")), (vec![60], vec![60]));
    assert_eq!(
        (booked(&world, "asset:stripe_clearing").await, booked(&world, "liab:refund_due").await),
        (0, 0)
    );
    assert_eq!(found(&world, "refund_failed").await, (1, 0));
    ended(&approve(&world, &payment, &[]).await, 4);
    world.send(on_credit(&token, "nothing left")).await.must(402);
    world.settles_at(REFUNDED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r134_the_credit_is_another_way_back_and_only_one_of_them() {
    let world = card_world().await;
    world.hear_events();
    let (payment, token) = refused(&world).await;
    ended(&approve(&world, &payment, &[]).await, 0);
    stands(&world, "refunded").await;
    world.stripe().emulator.settle_refund(&newest(&world), false).unwrap();
    ends_as(&world, &payment, "refund_due", 30).await;
    let credited = ended(&approve(&world, &payment, &["--as-credit"]).await, 0);
    assert_eq!(credited["state"], "used", "{credited}");
    assert_eq!(account(&world, &token).await["balance"], 1);
    assert_eq!(
        (booked(&world, "asset:stripe_clearing").await, booked(&world, "liab:refund_due").await),
        (60, 0)
    );
    ended(&approve(&world, &payment, &["--as-credit"]).await, 4);
    world.settles_at(Totals { credits: 1, ..REFUNDED }).await;
    // The credit can be turned into a refund as the first one could.
    ended(&approve(&world, &payment, &[]).await, 0);
    stands(&world, "refunded").await;
    assert_eq!(
        (refunds(&world, "succeeded"), account(&world, &token).await["balance"].as_u64()),
        (vec![60], Some(0))
    );
    world.settles_at(REFUNDED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r135_a_refund_elsewhere_of_a_pack_that_fails_gives_the_credits_back() {
    let world = card_world().await;
    world.hear_events();
    let token = bought(&world, &Card::new()).await;
    let intent = world.stripe().succeeded()[0]["id"].as_str().unwrap().to_owned();
    refund_elsewhere(&world, &intent, 600).await;
    shows(&world, &token, 10, None).await;
    world.stripe().emulator.settle_refund(&newest(&world), false).unwrap();
    shows(&world, &token, 20, None).await;
    assert_eq!(
        (booked(&world, "asset:stripe_clearing").await, booked(&world, "exp:loss").await),
        (1_200, 0)
    );
    world.settles_at(BOUGHT).await;
    // The same sum once more is a refund of its own.
    refund_elsewhere(&world, &intent, 600).await;
    shows(&world, &token, 10, None).await;
    refund_elsewhere(&world, &intent, 600).await;
    shows(&world, &token, 0, None).await;
    assert_eq!(
        (booked(&world, "asset:stripe_clearing").await, booked(&world, "exp:loss").await),
        (0, 0)
    );
    world.settles_at(Totals { credits: 0, ..BOUGHT }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r136_one_bad_refund_holds_up_no_other() {
    let world = card_world().await;
    let (bad, _) = refused(&world).await;
    let (good, _) = refused(&world).await;
    world.stripe().fault("POST", REFUNDS, Fault::ErrorKept);
    ended(&approve(&world, &bad, &[]).await, 0);
    let failed = async || {
        if asked(&world, "POST", REFUNDS) > 0 { Ok(()) } else { Err("not asked".to_owned()) }
    };
    eventually("the first refund", Duration::from_secs(20), failed).await;
    ended(&approve(&world, &good, &[]).await, 0);
    ends_as(&world, &good, "refunded", 10).await;
    assert_eq!(state_of(&world, &bad).await, "refund_sent");
    assert_eq!(refunds(&world, "succeeded"), [60]);
}

#[tokio::test(flavor = "multi_thread")]
async fn r137_a_pending_refund_is_looked_at_seldom_and_woken_by_its_event() {
    let world = card_world().await;
    world.stripe().emulator.set_new_refunds(RefundStatus::Pending).unwrap();
    let (payment, _) = refused(&world).await;
    ended(&approve(&world, &payment, &[]).await, 0);
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(state_of(&world, &payment).await, "refund_sent");
    assert_eq!(asked(&world, "POST", REFUNDS), 1, "it is asked for once");
    assert!(asked(&world, "GET", REFUNDS) <= 2, "{} looks in 15 s", asked(&world, "GET", REFUNDS));
    world.hear_events();
    world.stripe().emulator.settle_refund(&newest(&world), true).unwrap();
    ends_as(&world, &payment, "refunded", 20).await;
    assert_eq!(asked(&world, "POST", REFUNDS), 1);
    world.settles_at(REFUNDED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r138_an_approval_after_a_refusal_asks_anew() {
    let world = card_world().await;
    let (payment, _) = refused(&world).await;
    let charge = world.stripe().succeeded()[0]["latest_charge"].as_str().unwrap().to_owned();
    let dispute = world.stripe().emulator.open_dispute(&charge, "fraudulent").unwrap();
    ended(&approve(&world, &payment, &[]).await, 0);
    ends_as(&world, &payment, "refund_due", 30).await;
    assert_eq!(found(&world, "refund_failed").await, (1, 1));
    world.stripe().emulator.close_dispute(dispute["id"].as_str().unwrap(), true).unwrap();
    ended(&approve(&world, &payment, &[]).await, 0);
    ends_as(&world, &payment, "refunded", 30).await;
    assert_eq!(refunds(&world, "succeeded"), [60]);
    let calls = world.stripe().calls();
    let keys: Vec<_> = calls
        .iter()
        .filter(|call| call.method == "POST" && call.path == REFUNDS)
        .map(|call| call.idempotency_key.clone())
        .collect();
    assert_eq!(keys, [Some(format!("refund_{payment}_1")), Some(format!("refund_{payment}_2"))]);
    assert_eq!(found(&world, "refund_failed").await, (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn r201_a_refund_made_elsewhere_in_part_is_booked_and_the_rest_is_asked_for() {
    let world = card_world().await;
    let (payment, token) = refused(&world).await;
    let intent = world.stripe().succeeded()[0]["id"].as_str().unwrap().to_owned();
    refund_elsewhere(&world, &intent, 30).await;
    ended(&approve(&world, &payment, &[]).await, 0);
    ends_as(&world, &payment, "refunded", 30).await;
    assert_eq!(refunds(&world, "succeeded"), [30, 30]);
    assert_eq!(
        (booked(&world, "asset:stripe_clearing").await, booked(&world, "liab:refund_due").await),
        (0, 0)
    );
    assert_eq!(
        (booked(&world, "exp:loss").await, account(&world, &token).await["balance"].as_u64()),
        (0, Some(0))
    );
    assert_eq!(found(&world, "refund_differs").await, (1, 0), "it was found, and it is over");
    world.settles_at(REFUNDED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r201_the_rest_is_due_again_when_the_part_that_went_back_elsewhere_fails() {
    let world = card_world().await;
    world.hear_events();
    let (payment, _) = refused(&world).await;
    let intent = world.stripe().succeeded()[0]["id"].as_str().unwrap().to_owned();
    // Approved while Stripe cannot be asked for refunds, and given back in part by hand meanwhile.
    world.stripe().emulator.set_new_refunds(RefundStatus::Succeeded).unwrap();
    world.stripe().faults("POST", REFUNDS, Fault::RateLimited { retry_after_s: 3 }, 1);
    ended(&approve(&world, &payment, &[]).await, 0);
    let limited = async || {
        if asked(&world, "POST", REFUNDS) > 0 { Ok(()) } else { Err("not asked".to_owned()) }
    };
    eventually("the first try", Duration::from_secs(20), limited).await;
    refund_elsewhere(&world, &intent, 30).await;
    let by_hand = newest(&world);
    ends_as(&world, &payment, "refunded", 30).await;
    assert_eq!(booked(&world, "asset:stripe_clearing").await, 0);
    world.stripe().emulator.settle_refund(&by_hand, false).unwrap();
    ends_as(&world, &payment, "refund_due", 30).await;
    assert_eq!(
        (booked(&world, "asset:stripe_clearing").await, booked(&world, "liab:refund_due").await),
        (30, -30)
    );
    ended(&approve(&world, &payment, &[]).await, 0);
    ends_as(&world, &payment, "refunded", 30).await;
    assert_eq!(refunds(&world, "succeeded"), [30, 30]);
    assert_eq!(
        (booked(&world, "asset:stripe_clearing").await, booked(&world, "liab:refund_due").await),
        (0, 0)
    );
    world.settles_at(REFUNDED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_failure_is_told_once_however_often_its_event_comes() {
    let world = card_world().await;
    world.hear_events();
    let (payment, _) = refused(&world).await;
    world.stripe().emulator.set_new_refunds(RefundStatus::Failed).unwrap();
    ended(&approve(&world, &payment, &[]).await, 0);
    ends_as(&world, &payment, "refund_due", 30).await;
    world.stripe().emulator.set_new_refunds(RefundStatus::Pending).unwrap();
    ended(&approve(&world, &payment, &[]).await, 0);
    let pending = async || {
        if refunds(&world, "pending") == [60] { Ok(()) } else { Err("not asked".to_owned()) }
    };
    eventually("the second refund", Duration::from_secs(20), pending).await;
    world.stripe().emulator.settle_refund(&newest(&world), true).unwrap();
    ends_as(&world, &payment, "refunded", 30).await;
    world.send(unpaid("another")).await.must(402);
    assert_eq!(
        (booked(&world, "asset:stripe_clearing").await, booked(&world, "liab:refund_due").await),
        (0, 0)
    );
    world.settles_at(REFUNDED).await;
}
