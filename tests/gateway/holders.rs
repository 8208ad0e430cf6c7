//! Holders of card accounts: each reads and changes what it paid for, and all of them spend what is
//! the account's.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::credits::{account, bought, card_world, on_credit, payer};
use crate::operator_actions::act;
use crate::support::card::{unchallenged, unpaid};
use crate::support::trap::Point;
use crate::support::world::launch;
use crate::support::{Call, Card, Reply, World, raw};

/// The call of an agent token.
pub fn by(token: &str, method: &str, path: &str) -> Call {
    Call::new(method, path).header("authorization", &format!("Bearer {token}"))
}

pub fn token_of(reply: &Reply) -> String {
    reply
        .header("x-agent-token")
        .unwrap_or_else(|| panic!("no agent token: {}", reply.brief()))
        .to_owned()
}

/// The ids of `GET /launches`.
async fn listed(world: &World, token: &str) -> Vec<String> {
    let list = world.send(by(token, "GET", "/launches")).await.must(200).json();
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn command(world: &World, arguments: &[&str]) -> (Value, Option<i32>) {
    let output = world.gateway.run(arguments).await;
    (serde_json::from_slice(&output.stdout).unwrap_or_default(), output.status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn r143_a_holder_reads_and_changes_what_it_paid_for() {
    let world = card_world().await;
    let card = Card::new();
    let (one, other) = (
        world.pay(&card, &unpaid("of one")).await.must(201),
        world.pay(&card, &unpaid("of the other")).await.must(201),
    );
    let (first, second) = (token_of(&one), token_of(&other));
    assert_ne!(first, second, "a charge without a token begins a holder");
    assert_eq!(
        (listed(&world, &first).await, listed(&world, &second).await),
        (vec![one.launch_id()], vec![other.launch_id()])
    );
    for (token, reply, status) in
        [(&first, &one, 200), (&first, &other, 404), (&second, &one, 404), (&second, &other, 200)]
    {
        let path = format!("/launches/{}", reply.launch_id());
        world.send(by(token, "GET", &path)).await.must(status);
        world.send(by(token, "PATCH", &path).json(&json!({"name": "changed"}))).await.must(status);
        let published = if status == 200 { 202 } else { status };
        world.send(by(token, "POST", &format!("{path}/publish"))).await.must(published);
        let payment = format!("/payments/{}", reply.payment_id().unwrap());
        world.send(by(token, "GET", &payment)).await.must(status);
    }
    // A charge beside a token is of its holder, and answers with it.
    let call = unpaid("beside a token");
    let paid = world.credential(&card, &call).await.on(&call).header("x-agent-token", &first);
    let beside = world.send(paid.clone()).await.must(201);
    assert_eq!(token_of(&beside), first);
    assert_eq!(token_of(&world.send(paid).await.must(201)), first, "and again");
    let mut own = vec![one.launch_id(), beside.launch_id()];
    own.sort();
    let mut seen = listed(&world, &first).await;
    seen.sort();
    assert_eq!(seen, own);
    // Credits are the account's.
    let pack = bought(&world, &card).await;
    for token in [&first, &second, &pack] {
        assert_eq!(account(&world, token).await["balance"], 20);
    }
    let spent = world.send(on_credit(&second, "on credit")).await.must(201);
    assert_eq!(token_of(&spent), second);
    world.send(by(&second, "GET", &format!("/launches/{}", spent.launch_id()))).await.must(200);
    world.send(by(&first, "GET", &format!("/launches/{}", spent.launch_id()))).await.must(404);
    assert_eq!(account(&world, &first).await["balance"], 19);
}

/// Equal requests of two holders are two, also while the first one waits for its answer and nobody
/// waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn r143_a_holder_joins_no_request_of_another() {
    let world = card_world().await;
    let card = Card::new();
    let (first, second) = (
        bought(&world, &card).await,
        token_of(&world.pay(&card, &unpaid("of the second")).await.must(201)),
    );
    let mut hold = world.core().trap(Point::AfterEffect);
    let body = launch("the same").to_string();
    let headers = [
        ("authorization", format!("Bearer {first}")),
        ("content-type", String::from("application/json")),
    ];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let bytes = raw::request("POST", "/launches", &headers, body.as_bytes());
    raw::send_and_hang_up(world.gateway.address, &bytes, hold.reached()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let other = world.begin(on_credit(&second, "the same"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    hold.release();
    let other = other.await.unwrap().unwrap().must(201);
    assert_eq!(token_of(&other), second);
    world.send(by(&second, "GET", &format!("/launches/{}", other.launch_id()))).await.must(200);
    // The one that hung up gets its own.
    let again = world.send(on_credit(&first, "the same")).await.must(201);
    assert_eq!(token_of(&again), first);
    assert_ne!(again.launch_id(), other.launch_id());
    // One for the launch of the second holder, and one for each of both.
    assert_eq!(account(&world, &first).await["balance"], 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn r143_tokens_of_before_have_the_reach_they_had() {
    let world = card_world().await;
    let card = Card::new();
    let one = world.pay(&card, &unpaid("of one")).await.must(201);
    let other = world.pay(&card, &unpaid("of the other")).await.must(201);
    let forget = "DELETE FROM holder_payments; DELETE FROM holders";
    world.gateway.database.writer().await.execute(forget, forget).await;
    let token = token_of(&one);
    assert_eq!(listed(&world, &token).await.len(), 2);
    world.send(by(&token, "GET", &format!("/launches/{}", other.launch_id()))).await.must(200);
    let (shown, _) = command(&world, &["holders", "show", &payer_of(&world).await]).await;
    assert_eq!(
        shown["rows"].as_array().unwrap().iter().filter(|row| row["reach"] == "account").count(),
        2,
        "{shown}"
    );
    // Such a token is rotated and revoked as any other.
    let next = token_of(&world.send(by(&token, "POST", "/agent-token/rotate")).await.must(200));
    assert_eq!(listed(&world, &next).await.len(), 2);
    let id = one.payment_id().unwrap();
    assert_eq!(command(&world, &["holders", "revoke", &id, "--reason", "a test"]).await.1, Some(0));
    for token in [token, next] {
        world.send(by(&token, "GET", "/launches")).await.must(401);
    }
}

/// The one payer of a world.
async fn payer_of(world: &World) -> String {
    crate::support::audit::text(&world.gateway.audit().view("intents").await[0], "payer")
}

#[tokio::test(flavor = "multi_thread")]
async fn r143_a_token_is_rotated_once_and_the_old_one_ends() {
    let world = card_world().await;
    let call = unpaid("paid");
    let paid = world.credential(&Card::new(), &call).await.on(&call);
    let old = token_of(&world.send(paid.clone()).await.must(201));
    let rotate = by(&old, "POST", "/agent-token/rotate");
    let replies = join_all((0..2).map(|_| world.send(rotate.clone()))).await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 1));
    assert_eq!(
        (lost[0].status.as_u16(), &lost[0].json()["reason"]),
        (409, &json!("agent_token_rotated")),
        "{}",
        lost[0].brief()
    );
    let next = token_of(&won[0]);
    assert_eq!(won[0].json()["data"]["agent_token"], json!(next));
    assert_ne!(next, old);
    for token in [&old, &next] {
        assert_eq!(listed(&world, token).await.len(), 1, "both are good for a minute");
    }
    assert_eq!(
        token_of(&world.send(paid).await.must(201)),
        next,
        "the answer brings the token that is good"
    );
    let late = "UPDATE holders SET before_until_ms = 1";
    world.gateway.database.writer().await.execute(late, late).await;
    world.send(by(&old, "GET", "/launches")).await.must(401);
    let third = token_of(&world.send(by(&next, "POST", "/agent-token/rotate")).await.must(200));
    world.send(by(&old, "GET", "/launches")).await.must(401);
    assert_eq!(listed(&world, &third).await.len(), 1);
    world.send(Call::new("POST", "/agent-token/rotate")).await.must(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn r143_operators_revoke_a_holder_and_freeze_an_account() {
    let world = card_world().await;
    let card = Card::new();
    let one = world.pay(&card, &unpaid("of one")).await.must(201);
    let pack = bought(&world, &card).await;
    let (stolen, account_name) = (token_of(&one), payer(&world).await);
    let id = one.payment_id().unwrap();
    assert_eq!(
        command(&world, &["holders", "revoke", &id, "--reason", "stolen", "--dry-run"]).await.1,
        Some(10)
    );
    world.send(by(&stolen, "GET", "/launches")).await.must(200);
    let revoke = format!("holders/{id}/revoke");
    act(&world, &revoke, &json!({"reason": "stolen"})).await.must(200);
    act(&world, &revoke, &json!({"reason": "stolen"})).await.must(409);
    for call in [
        by(&stolen, "GET", "/launches"),
        on_credit(&stolen, "stolen"),
        by(&stolen, "POST", "/agent-token/rotate"),
    ] {
        world.send(call).await.must(401);
    }
    world.send(on_credit(&pack, "another holder goes on")).await.must(201);
    assert_eq!(
        command(&world, &["holders", "freeze", &account_name, "--reason", "looked into"]).await.1,
        Some(0)
    );
    for call in
        [by(&pack, "GET", "/launches"), by(&pack, "GET", "/credits"), on_credit(&pack, "frozen")]
    {
        let reply = world.send(call).await.must(401);
        assert_eq!(reply.json()["reason"], "account_frozen", "{}", reply.brief());
    }
    let charges = world.stripe().succeeded().len();
    let reply = world.pay(&card, &unpaid("frozen")).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["reason"]),
        (402, &json!("account_frozen")),
        "{}",
        reply.brief()
    );
    unchallenged(&reply);
    assert_eq!(world.stripe().succeeded().len(), charges);
    let page = Call::get(&format!("/operator/payers/{account_name}"))
        .send(world.gateway.operator)
        .await
        .must(200);
    let page = String::from_utf8_lossy(&page.body).into_owned();
    assert!(page.contains("Frozen since") && page.contains(&id), "{page}");
    act(&world, &format!("credits/{account_name}/unfreeze"), &json!({"reason": "well"}))
        .await
        .must(200);
    world.send(on_credit(&pack, "goes on")).await.must(201);
    let actions =
        Call::get("/operator/api/actions").send(world.gateway.operator).await.must(200).json();
    let done: Vec<_> = actions["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["action"].as_str().unwrap().to_owned())
        .collect();
    for action in ["account.unfreeze", "account.freeze", "holder.revoke"] {
        assert_eq!(done.iter().filter(|it| *it == action).count(), 1, "{done:?}");
    }
}
