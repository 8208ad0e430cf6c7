//! Packs and the credits that they buy: bought once, granted once, spent once, given back once.

use std::time::Duration;

use futures::future::join_all;
use sandbox::stripe::Fault;
use serde_json::json;

use crate::support::audit::{number, text};
use crate::support::card::{purchase, unchallenged, unpaid};
use crate::support::fake_core::Behaviour;
use crate::support::moment::eventually;
use crate::support::stripe::INTENTS;
use crate::support::trap::Point;
use crate::support::world::Totals;
use crate::support::{Call, Card, Reply, Setup, World};

/// What a pack leaves: one charge, and twenty credits.
pub const BOUGHT: Totals = Totals {
    settlements: 1,
    charges: 1,
    credits: 20,
    transactions: 0,
    free_slots: 0,
    launches: 0,
    obligations: 0,
};

pub async fn card_world() -> World {
    Setup::paid().cards().start().await
}

/// Buys the pack; the account's agent token.
pub async fn bought(world: &World, card: &Card) -> String {
    let reply = world.pay(card, &purchase()).await.must(200);
    assert_eq!(reply.json()["data"]["credits_added"], 20, "{}", reply.brief());
    reply.header("x-agent-token").unwrap().to_owned()
}

/// A launch on a credit of the account.
pub fn on_credit(token: &str, title: &str) -> Call {
    unpaid(title).header("authorization", &format!("Bearer {token}"))
}

/// `GET /credits` of the account.
pub async fn account(world: &World, token: &str) -> serde_json::Value {
    let call = Call::get("/credits").header("authorization", &format!("Bearer {token}"));
    world.send(call).await.must(200).json()["data"].clone()
}

/// The one payer that has credits.
pub async fn payer(world: &World) -> String {
    text(&world.gateway.audit().view("credits").await[0], "payer")
}

/// Brings the account's balance down to one.
async fn last_credit(world: &World) {
    let payer = payer(world).await;
    let output = world
        .gateway
        .run(&["credits", "void", &payer, "19", "--reason", "the last one is looked at"])
        .await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// How many entries of each kind there are.
async fn entries(world: &World, kind: &str) -> usize {
    world
        .gateway
        .audit()
        .view("credit_entries")
        .await
        .iter()
        .filter(|entry| text(entry, "kind") == kind)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn r080_a_pack_is_bought() {
    let world = card_world().await;
    let reply = world.pay(&Card::new(), &purchase()).await.must(200);
    let data = &reply.json()["data"];
    assert_eq!(
        (&data["credits_added"], &data["new_balance"]),
        (&json!(20), &json!(20)),
        "{}",
        reply.brief()
    );
    assert!(reply.charge().starts_with("12.00 USD; payment="), "{}", reply.brief());
    let token = reply.header("x-agent-token").unwrap();
    let account = account(&world, token).await;
    assert_eq!(account["balance"], 20);
    assert!(account.get("owed").is_none(), "{account}");
    assert_eq!(world.stripe().succeeded()[0]["amount_received"], 1_200);
    world.settles_at(BOUGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r081_a_purchase_sent_again_buys_once() {
    let world = card_world().await;
    let call = purchase();
    let paid = world.credential(&Card::new(), &call).await.on(&call);
    let first = world.send(paid.clone()).await.must(200);
    for again in join_all((0..20).map(|_| world.send(paid.clone()))).await {
        let again = again.must(200);
        assert!(again.replayed());
        assert_eq!(
            (&again.body, again.header("x-agent-token")),
            (&first.body, first.header("x-agent-token"))
        );
    }
    let other = world.credential(&Card::new(), &call).await.on(&call);
    let together: Vec<Reply> = join_all((0..20).map(|_| world.send(other.clone()))).await;
    assert!(
        together.iter().all(|reply| reply.status == 200),
        "{:?}",
        together.iter().map(Reply::brief).collect::<Vec<_>>()
    );
    assert_eq!(together.iter().filter(|reply| !reply.replayed()).count(), 1);
    assert_eq!(entries(&world, "grant").await, 2);
    world.settles_at(Totals { settlements: 2, charges: 2, credits: 40, ..Totals::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r082_a_kill_between_charge_and_grant_heals_by_itself() {
    let mut world = card_world().await;
    world.stripe().fault("POST", INTENTS, Fault::HangAfter { ms: 60_000 });
    let call = purchase();
    let paid = world.credential(&Card::new(), &call).await.on(&call);
    drop(world.begin(paid.clone()));
    let charged = async || {
        if world.stripe().succeeded().is_empty() { Err("not charged".to_owned()) } else { Ok(()) }
    };
    eventually("Stripe charges", Duration::from_secs(20), charged).await;
    world.gateway.kill9();
    assert_eq!(entries(&world, "grant").await, 0);
    world.gateway.restart().await;
    world.settles_at(BOUGHT).await;
    let again = world.send(paid).await.must(200);
    assert!(again.replayed());
    assert_eq!(again.json()["data"]["new_balance"], 20);
    world.settles_at(BOUGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payment_004_says_that_a_paid_pack_is_not_granted_yet_and_it_heals() {
    let world = Setup::paid().cards().set("server.answer_deadline_s", "2").start().await;
    let mut books = world.gateway.database.writer().await;
    books.grants(false).await;
    let call = purchase();
    let paid = world.credential(&Card::new(), &call).await.on(&call);
    for _ in 0..2 {
        let reply = world.send(paid.clone()).await.refused(500, "PAYMENT_004");
        unchallenged(&reply);
        assert_eq!(reply.json()["reason"], "credits_pending", "{}", reply.brief());
        assert!(
            reply.payment_id().is_some() && reply.header("retry-after").is_some(),
            "{}",
            reply.brief()
        );
    }
    books.grants(true).await;
    // Nobody asks; it must come by itself.
    let granted = async || match entries(&world, "grant").await {
        1 => Ok(()),
        other => Err(format!("{other} grants")),
    };
    eventually("the credits", Duration::from_secs(60), granted).await;
    assert!(world.send(paid).await.must(200).replayed());
    world.settles_at(BOUGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r083_the_last_credit_is_spent_once() {
    let world = card_world().await;
    let token = bought(&world, &Card::new()).await;
    last_credit(&world).await;
    let replies =
        join_all((0..20).map(|number| world.send(on_credit(&token, &format!("launch {number}")))))
            .await;
    let (made, refused): (Vec<Reply>, Vec<Reply>) =
        replies.into_iter().partition(|reply| reply.status == 201);
    assert_eq!((made.len(), refused.len()), (1, 19));
    for reply in refused {
        let reply = reply.must(402);
        let body = reply.json();
        assert_eq!(body["reason"], "no_credits", "{}", reply.brief());
        assert_eq!(
            (&body["packs"][0]["id"], &body["purchase_endpoint"]),
            (&json!("pack_20"), &json!("POST /v1/credits/purchase"))
        );
        assert!(reply.headers.contains_key("www-authenticate"), "{}", reply.brief());
    }
    assert_eq!(entries(&world, "deduct").await, 1);
    assert_eq!(account(&world, &token).await["balance"], 0);
    world.settles_at(Totals { launches: 1, credits: 0, ..BOUGHT }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r084_a_refused_launch_gives_its_credit_back() {
    let world = card_world().await;
    let token = bought(&world, &Card::new()).await;
    world.core().behave(Behaviour::Reject);
    world.send(on_credit(&token, "refused")).await.refused(400, "LAUNCH_007");
    assert_eq!((entries(&world, "deduct").await, entries(&world, "refund").await), (1, 1));
    world.settles_at(BOUGHT).await;
    world.core().behave(Behaviour::Create);
    world.send(on_credit(&token, "accepted")).await.must(201);
    world.settles_at(Totals { launches: 1, credits: 19, ..BOUGHT }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r085_a_credit_goes_back_once_wherever_the_gateway_dies() {
    for at in Point::ALL {
        let mut world = card_world().await;
        let token = bought(&world, &Card::new()).await;
        world.core().behave(Behaviour::Reject);
        let mut trap = world.core().trap(at);
        drop(world.begin(on_credit(&token, "refused")));
        trap.reached().await;
        world.gateway.kill9();
        drop(trap);
        world.gateway.restart().await;
        world.settles_at(BOUGHT).await;
        assert_eq!(
            (entries(&world, "deduct").await, entries(&world, "refund").await),
            (1, 1),
            "{at:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r086_a_kill_after_the_deduction_ends_in_a_launch_or_in_the_credit() {
    for (behaviour, at, made) in [
        (Behaviour::Create, Point::BeforeSend, true),
        (Behaviour::Create, Point::AfterEffect, true),
        (Behaviour::Reject, Point::BeforeSend, false),
    ] {
        let mut world = card_world().await;
        let token = bought(&world, &Card::new()).await;
        world.core().behave(behaviour);
        let mut trap = world.core().trap(at);
        drop(world.begin(on_credit(&token, "killed")));
        trap.reached().await;
        assert_eq!(
            number(&world.gateway.audit().view("credits").await[0], "balance"),
            19,
            "deducted before the core is asked"
        );
        world.gateway.kill9();
        drop(trap);
        world.gateway.restart().await;
        let (launches, credits) = if made { (1, 19) } else { (0, 20) };
        world.settles_at(Totals { launches, credits, ..BOUGHT }).await;
    }
}
