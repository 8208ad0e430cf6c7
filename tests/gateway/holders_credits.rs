//! Credentials and holders of one card account: what a credential bought stays its own, and credits
//! are spent by agent token.

use std::time::Duration;

use serde_json::json;

use crate::{
    credits::{bought, card_world, on_credit},
    holders::{by, token_of},
    support::{
        Call, Card, Reply, Setup,
        card::{purchase, unpaid},
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn r143_a_used_credential_ends_and_its_answer_stays() {
    let world = Setup::paid().cards().set("mpp.used_credential_s", "8").start().await;
    let (card, call) = (Card::new(), unpaid("paid"));
    let credential = world.credential(&card, &call).await;
    let paid = world.send(credential.on(&call)).await.must(201);
    let other = world.pay(&card, &unpaid("of another holder")).await.must(201);
    let reads =
        |reply: &Reply| credential.on(&Call::get(&format!("/launches/{}", reply.launch_id())));
    world.send(reads(&paid)).await.must(200);
    world.send(reads(&other)).await.must(404);
    world.send(credential.on(&Call::get("/credits"))).await.must(200);
    tokio::time::sleep(Duration::from_secs(9)).await;
    for call in [reads(&paid), credential.on(&Call::get("/credits"))] {
        let reply = world.send(call).await.must(401);
        assert_eq!(reply.json()["reason"], "used_credential_ended", "{}", reply.brief());
        assert!(reply.json()["agent_token"].is_string(), "{}", reply.brief());
    }
    let again = world.send(credential.on(&call)).await.must(201);
    assert!(again.replayed() && again.body == paid.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn r205_what_a_credential_made_with_a_credit_is_its_own() {
    let world = card_world().await;
    let card = Card::new();
    bought(&world, &card).await;
    let call = unpaid("on credit");
    let credential = world.credential(&card, &call).await;
    let made = world.send(credential.on(&call)).await.must(201);
    assert!(made.charge().contains("reason=credit"), "{}", made.brief());
    let path = format!("/launches/{}", made.launch_id());
    let token = token_of(&made);
    let publish = Call::new("POST", &format!("{path}/publish"));
    for (call, status) in [
        (Call::get(&path), 200),
        (Call::new("PATCH", &path).json(&json!({"name": "changed"})), 200),
        (publish, 202),
    ] {
        world.send(credential.on(&call)).await.must(status);
        world.send(call.header("authorization", &format!("Bearer {token}"))).await.must(status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r206_answers_about_cards_say_how_to_go_on_by_token() {
    let world = card_world().await;
    let asked = world.send(unpaid("what does it cost?")).await.must(402);
    assert!(asked.json()["agent_token"].as_str().unwrap().contains("tpk_"), "{}", asked.brief());
    let pack = world.pay(&Card::new(), &purchase()).await.must(200);
    assert!(
        pack.json()["data"]["agent_token"].as_str().unwrap().contains("X-Agent-Token"),
        "{}",
        pack.brief()
    );
    let unknown =
        world.send(by(&format!("tpk_{}", "A".repeat(43)), "GET", "/credits")).await.must(401);
    assert!(unknown.json()["agent_token"].is_string(), "{}", unknown.brief());
}

#[tokio::test(flavor = "multi_thread")]
async fn r142_credits_of_a_card_that_is_not_known_again_are_spent_by_token() {
    let world = card_world().await;
    let card = Card::of("pm_card_noFingerprint");
    let told = world.pay(&card, &purchase()).await.must(400);
    assert_eq!(
        (&told.json()["reason"], &told.json()["field"]),
        (&json!("card_not_known_again"), &json!("agent_token_only")),
        "{}",
        told.brief()
    );
    assert_eq!(world.stripe().charges_sent(), 0, "nothing was charged");
    let knowing = Call::new("POST", "/credits/purchase")
        .json(&json!({"pack": "pack_20", "agent_token_only": true}));
    let bought = world.pay(&card, &knowing).await.must(200);
    assert!(
        bought.json()["data"]["warning"].as_str().unwrap().contains("agent token"),
        "{}",
        bought.brief()
    );
    world.send(on_credit(&token_of(&bought), "by token")).await.must(201);
    // Another fingerprint on each token: only the charge tells.
    let bought = world.pay(&Card::of("pm_card_newFingerprint"), &purchase()).await.must(200);
    assert!(
        bought.json()["data"]["warning"].as_str().unwrap().contains("agent token"),
        "{}",
        bought.brief()
    );
    let plain = world.pay(&Card::new(), &purchase()).await.must(200);
    assert!(plain.json()["data"].get("warning").is_none(), "{}", plain.brief());
}
