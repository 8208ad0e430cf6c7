//! Disputes and refunds made elsewhere: credits in proportion to the money that stands, and what
//! becomes of an account that charged back.

use sandbox::stripe::DisputeTerms;
use serde_json::{Value, json};

use crate::credits::{BOUGHT, account, bought, card_world, on_credit, payer};
use crate::support::audit::{number, text};
use crate::support::card::{purchase, unchallenged, unpaid};
use crate::support::world::Totals;
use crate::support::{Card, World};
use crate::webhooks::{refund_elsewhere, shows};

/// The payment and the charge of the only purchase.
fn paid(world: &World) -> (String, String) {
    let intent = world.stripe().succeeded()[0].clone();
    (
        intent["id"].as_str().unwrap().to_owned(),
        intent["latest_charge"].as_str().unwrap().to_owned(),
    )
}

/// A dispute over so many cents; its name.
fn dispute(world: &World, charge: &str, cents: i64) -> String {
    let terms = DisputeTerms { amount: Some(cents), ..DisputeTerms::default() };
    world.stripe().emulator.open_dispute_on(charge, &terms).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn close(world: &World, dispute: &str, won: bool) {
    world.stripe().emulator.close_dispute(dispute, won).unwrap();
}

/// What the books hold on an account.
async fn booked(world: &World, account: &str) -> i128 {
    let lines = world.gateway.audit().view("journal").await;
    lines
        .iter()
        .filter(|line| text(line, "account") == account)
        .map(|line| number(line, "amount"))
        .sum()
}

async fn card_world_with_events() -> World {
    let world = card_world().await;
    world.hear_events();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn r139_a_partial_dispute_takes_its_share_and_a_cent_refunded_takes_no_credit() {
    let world = card_world_with_events().await;
    let token = bought(&world, &Card::new()).await;
    let (payment, charge) = paid(&world);
    let disputed = dispute(&world, &charge, 300);
    shows(&world, &token, 15, None).await;
    close(&world, &disputed, false);
    let lost = async || match booked(&world, "asset:stripe_clearing").await {
        900 => Ok(()),
        other => Err(other.to_string()),
    };
    crate::support::moment::eventually("the loss", std::time::Duration::from_secs(20), lost).await;
    refund_elsewhere(&world, &payment, 1).await;
    let gone = async || match booked(&world, "asset:stripe_clearing").await {
        899 => Ok(()),
        other => Err(other.to_string()),
    };
    crate::support::moment::eventually("the refund", std::time::Duration::from_secs(20), gone)
        .await;
    shows(&world, &token, 15, None).await;
    // The five credits' money went with the dispute; the cent that no credit stood for is lost.
    // Nothing is gained.
    assert_eq!(booked(&world, "exp:loss").await, 1);
    world.settles_at(Totals { credits: 15, ..BOUGHT }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r151_what_was_lost_and_is_won_after_all_is_restored() {
    let world = card_world_with_events().await;
    let token = bought(&world, &Card::new()).await;
    for number in 0..15 {
        world.send(on_credit(&token, &format!("launch {number}"))).await.must(201);
    }
    let disputed = dispute(&world, &paid(&world).1, 1_200);
    shows(&world, &token, 0, Some(15)).await;
    close(&world, &disputed, false);
    let lost = async || match booked(&world, "exp:loss").await {
        900 => Ok(()),
        other => Err(other.to_string()),
    };
    crate::support::moment::eventually("the loss", std::time::Duration::from_secs(20), lost).await;
    close(&world, &disputed, true);
    shows(&world, &token, 5, None).await;
    assert_eq!(
        (booked(&world, "exp:loss").await, booked(&world, "asset:stripe_clearing").await),
        (0, 1_200)
    );
    world.send(on_credit(&token, "after all")).await.must(201);
    world.settles_at(Totals { credits: 4, launches: 16, ..BOUGHT }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r202_credits_stand_for_the_money_that_stands() {
    let world = card_world_with_events().await;
    let token = bought(&world, &Card::new()).await;
    let (_, charge) = paid(&world);
    let (first, second) = (dispute(&world, &charge, 600), dispute(&world, &charge, 600));
    shows(&world, &token, 0, None).await;
    close(&world, &first, true);
    shows(&world, &token, 10, None).await;
    close(&world, &second, false);
    let lost = async || match booked(&world, "recv:dispute").await {
        0 => Ok(()),
        other => Err(other.to_string()),
    };
    crate::support::moment::eventually("the end of both", std::time::Duration::from_secs(20), lost)
        .await;
    shows(&world, &token, 10, None).await;
    assert_eq!(
        (booked(&world, "exp:loss").await, booked(&world, "asset:stripe_clearing").await),
        (0, 600)
    );
    world.settles_at(Totals { credits: 10, ..BOUGHT }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r202_a_dispute_that_is_won_gives_back_no_credit_whose_money_was_refunded() {
    let world = card_world_with_events().await;
    let token = bought(&world, &Card::new()).await;
    let (payment, charge) = paid(&world);
    let disputed = dispute(&world, &charge, 600);
    shows(&world, &token, 10, None).await;
    refund_elsewhere(&world, &payment, 600).await;
    shows(&world, &token, 0, None).await;
    close(&world, &disputed, true);
    shows(&world, &token, 10, None).await;
    world.settles_at(Totals { credits: 10, ..BOUGHT }).await;
}

/// Refused for good: 402, no challenge of any kind, nothing charged.
async fn blocked(world: &World, card: &Card, token: &str) {
    let charges = world.stripe().succeeded().len();
    for reply in [
        world.pay(card, &unpaid("on a blocked card")).await,
        world.pay(card, &purchase()).await,
        world.send(on_credit(token, "on a blocked account")).await,
    ] {
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["reason"]),
            (402, &json!("account_blocked")),
            "{}",
            reply.brief()
        );
        unchallenged(&reply);
    }
    assert_eq!(world.stripe().succeeded().len(), charges, "nothing was charged");
}

#[tokio::test(flavor = "multi_thread")]
async fn r141_an_account_that_charged_back_is_refused_until_an_operator_lifts_it() {
    let world = card_world_with_events().await;
    let card = Card::new();
    let token = bought(&world, &card).await;
    let disputed = dispute(&world, &paid(&world).1, 300);
    shows(&world, &token, 15, None).await;
    // A dispute that is not decided refuses nobody: its credits are gone meanwhile.
    world.send(on_credit(&token, "meanwhile")).await.must(201);
    close(&world, &disputed, false);
    let refused = async || {
        let reply = world.send(on_credit(&token, "is it refused?")).await;
        if reply.status == 402 { Ok(()) } else { Err(reply.brief()) }
    };
    crate::support::moment::eventually("the block", std::time::Duration::from_secs(20), refused)
        .await;
    blocked(&world, &card, &token).await;
    let who = payer(&world).await;
    let output =
        world.gateway.run(&["disputes", "lift", &who, "--reason", "paid by bank transfer"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    world.send(on_credit(&token, "lifted")).await.must(201);
    world.pay(&card, &unpaid("by card, on a credit")).await.must(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn r141_a_fraud_warning_refuses_the_account_and_is_a_finding() {
    let world = card_world_with_events().await;
    let card = Card::new();
    let token = bought(&world, &card).await;
    world.stripe().emulator.warn_of_fraud(&paid(&world).1).unwrap();
    let refused = async || {
        let reply = world.send(on_credit(&token, "is it refused?")).await;
        if reply.status == 402 { Ok(()) } else { Err(reply.brief()) }
    };
    crate::support::moment::eventually("the block", std::time::Duration::from_secs(20), refused)
        .await;
    blocked(&world, &card, &token).await;
    assert_eq!(
        account(&world, &token).await["balance"],
        json!(account(&world, &token).await["balance"])
    );
    let output = world.gateway.run(&["reconcile", "--json"]).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = report["differences"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|it| it["kind"] == "fraud_warning");
    assert!(found, "{report}");
}
