//! Keys change under a gateway that has work open: challenge secrets, token keys and the seal key.
//! Signers are next door.

use serde_json::Value;

use crate::mpp_launch::{card_world, charged};
use crate::operator_tools::report;
use crate::proof_shapes::one_paid;
use crate::support::audit::text;
use crate::support::card::{p3, unpaid};
use crate::support::moment::random_bytes;
use crate::support::stripe::INTENTS;
use crate::support::trap::Point;
use crate::support::world::{creation, launch};
use crate::support::{Call, Card, Setup, World};

/// Why a test of keys wants one process.
pub const KEYS: &str = "another process has the old key still, and finishes the work";

/// A key as operators make them.
pub fn key() -> String {
    hex::encode(random_bytes::<32>())
}

/// What the next start is told; every key in it stays a secret.
pub fn set(world: &mut World, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        if name.contains("key") {
            value.split(',').for_each(|key| world.secrets.add(key));
        }
        world.gateways_mut().for_each(|gateway| gateway.set(name, value));
    }
}

/// Stops one process after the other as a deployment does, and starts it under other keys.
pub async fn rotate(world: &mut World, settings: &[(&str, &str)]) {
    set(world, settings);
    for gateway in world.gateways_mut() {
        assert!(gateway.sigterm().await.success(), "{}", gateway.logs());
        gateway.restart().await;
    }
}

/// The lines of `turnpike doctor` about this.
pub async fn doctor_says(world: &World, check: &str) -> Vec<Value> {
    let (report, _) = report(&world.gateway.run(&["doctor"]).await);
    let all = report["checks"].as_array().unwrap();
    all.iter().filter(|line| line["check"] == check).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_payable_while_its_secret_is_known() {
    let mut world = card_world().await;
    let (old, new) = (world.challenge_secret().to_owned(), key());
    let (in_time, too_late) = (unpaid("in time"), unpaid("too late"));
    let paid = world.credential(&Card::new(), &in_time).await.on(&in_time);
    let late = world.credential(&Card::new(), &too_late).await.on(&too_late);
    rotate(&mut world, &[("mpp.secret_keys", &format!("{new},{old}"))]).await;
    let fresh = world.challenge(&in_time).await;
    assert_eq!(fresh.clone().signed_by(&new), fresh, "the first secret signs");
    world.send(paid).await.must(201);
    rotate(&mut world, &[("mpp.secret_keys", &new)]).await;
    let again = p3(world.send(late).await, "challenge_not_ours");
    assert_eq!(world.stripe().charges_sent(), 1, "what is refused is not charged");
    world
        .send(again.answered(&Card::new().token(world.stripe(), 60)).on(&too_late))
        .await
        .must(201);
    world.settles_at(charged(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_token_outlives_its_key_and_is_given_again_while_the_key_is_known() {
    let mut world = card_world().await;
    let (old, new) = (world.gateway.setting("mpp.token_keys").to_owned(), key());
    let call = unpaid("token");
    let paid = world.credential(&Card::new(), &call).await.on(&call);
    let first = world.send(paid.clone()).await.must(201);
    let token = first.header("x-agent-token").unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let own = || Call::get("/launches").header("authorization", &bearer);
    rotate(&mut world, &[("mpp.token_keys", &format!("{new},{old}"))]).await;
    let again = world.send(paid).await.must(201);
    assert!(again.replayed());
    assert_eq!((again.header("x-agent-token"), &again.body), (Some(token.as_str()), &first.body));
    assert_eq!(world.send(own()).await.must(200).json()["data"].as_array().map(Vec::len), Some(1));
    rotate(&mut world, &[("mpp.token_keys", &new)]).await;
    assert_eq!(
        world.send(own()).await.must(200).json()["data"].as_array().map(Vec::len),
        Some(1),
        "a token is known by its hash"
    );
    world.settles_at(charged(1)).await;
}

/// Under another key every card would be a stranger to its credits.
#[tokio::test(flavor = "multi_thread")]
async fn another_account_key_is_refused_at_the_start() {
    let mut world = card_world().await;
    world.pay(&Card::new(), &unpaid("account")).await.must(201);
    let first = world.gateway.setting("mpp.account_key").to_owned();
    assert!(world.gateway.sigterm().await.success());
    set(&mut world, &[("mpp.account_key", &key())]);
    world.gateway.spawn();
    let status = world.gateway.wait_end().await;
    assert!(
        !status.success() && world.gateway.logs().contains("mpp.account_key is not the one"),
        "{}",
        world.gateway.logs()
    );
    set(&mut world, &[("mpp.account_key", &first)]);
    world.gateway.restart().await;
    world.settles_at(charged(1)).await;
}

/// Killed with a payment claimed and nothing sent.
async fn killed_before_the_broadcast() -> (World, crate::support::Header) {
    let mut world = Setup::paid().alone(KEYS).proxied().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let mut trap = world.proxy().trap("eth_sendRawTransaction", Point::BeforeSend);
    let _request = world.begin(creation(&header, &launch("sealed")));
    trap.reached().await;
    world.gateway.kill9();
    (world, header)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_sealed_under_the_old_key_is_sent_after_its_rotation() {
    let (mut world, header) = killed_before_the_broadcast().await;
    let old = world.gateway.setting("store.seal_key").to_owned();
    set(&mut world, &[("store.seal_key", &key()), ("store.seal_keys_before", &old)]);
    world.gateway.restart().await;
    world.settles_at(one_paid()).await;
    assert!(world.create(&header, &launch("sealed")).await.must(201).replayed());
    world.settles_at(one_paid()).await;
    assert!(!world.gateway.logs().contains("seal.rows_do_not_open"), "{}", world.gateway.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_sealed_under_the_old_key_is_sent_after_its_rotation() {
    let mut world = Setup::paid().cards().alone(KEYS).start().await;
    let call = unpaid("sealed");
    let paid = world.credential(&Card::new(), &call).await.on(&call);
    let mut trap = world.stripe().proxy.trap(&format!("POST {INTENTS}"), Point::BeforeSend);
    let _request = world.begin(paid.clone());
    trap.reached().await;
    world.gateway.kill9();
    let old = world.gateway.setting("store.seal_key").to_owned();
    set(&mut world, &[("store.seal_key", &key()), ("store.seal_keys_before", &old)]);
    world.gateway.restart().await;
    world.settles_at(charged(1)).await;
    assert!(world.send(paid).await.must(201).replayed());
    assert_eq!(world.stripe().intents().len(), 1);
    assert!(!world.gateway.logs().contains("do not open"), "{}", world.gateway.logs());
}

/// Nothing panics, nobody is asked to pay again, and the key brought back finishes the payment.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_seal_key_is_said_and_its_payment_waits() {
    let (mut world, header) = killed_before_the_broadcast().await;
    let (old, new) = (world.gateway.setting("store.seal_key").to_owned(), key());
    set(&mut world, &[("store.seal_key", &new), ("server.answer_deadline_s", "1")]);
    world.gateway.restart().await;
    let reply = world.create(&header, &launch("sealed")).await.refused(503, "PAYMENT_005");
    assert!(reply.header("payment-required").is_none(), "{}", reply.brief());
    let seal = doctor_says(&world, "seal").await;
    assert_eq!(
        (seal.len(), &seal[0]["level"], &seal[0]["says"]),
        (1, &"FAIL".into(), &"1 of 1 sealed rows do not open".into()),
        "{seal:?}"
    );
    let logs = world.gateway.logs();
    assert!(logs.contains("seal.rows_do_not_open") && !logs.contains("panicked"), "{logs}");
    assert_eq!(world.proxy().broadcasts().len(), 0, "what does not open is not sent");
    let intents = world.gateway.audit().view("intents").await;
    assert!(
        ["signed", "submit_unknown"].contains(&text(&intents[0], "state").as_str()),
        "{intents:?}"
    );
    rotate(&mut world, &[("store.seal_keys_before", &old)]).await;
    world.settles_at(one_paid()).await;
    assert_eq!(doctor_says(&world, "seal").await[0]["level"], "ok");
    world.create(&header, &launch("sealed")).await.must(201);
}
