//! One proof, one launch: however often, in whatever spelling, and wherever it comes again.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use futures::future::join_all;
use serde_json::json;

use crate::proof_shapes::one_paid;
use crate::support::moment::now_unix_s;
use crate::support::proof::{encode_v1, encode_v2};
use crate::support::world::{PRICE, Totals, creation, launch};
use crate::support::{Call, Reply, Setup, World};

/// The stored answer, or a clean refusal; never a second execution.
#[track_caller]
fn replay_or_conflict(reply: &Reply, first: &Reply, what: &str) {
    let replay = reply.status == 201 && reply.replayed() && reply.body == first.body;
    let conflict = reply.status == 409 && reply.code() == "SERVER_009";
    assert!(replay || conflict, "{what}: {}", reply.brief());
}

#[tokio::test(flavor = "multi_thread")]
async fn r018_sequential_replay_gives_the_stored_answer() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let first = world.create(&header, &launch("once")).await.must(201);
    assert!(!first.replayed());
    assert!(first.charge().starts_with("0.55 USDC; payment="), "{}", first.brief());
    let receipt = first.header("payment-response").expect("a receipt").to_owned();
    for _ in 0..10 {
        let again = world.create(&header, &launch("once")).await.must(201);
        assert!(again.replayed(), "{:?}", again.headers);
        assert_eq!(again.body, first.body);
        assert_eq!(again.header("payment-response"), Some(receipt.as_str()));
        assert_eq!(again.payment_id(), first.payment_id());
    }
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r019_fifty_parallel_copies_are_one_settlement_and_one_launch() {
    let world = Setup::paid()
        .set("limits.agent_per_minute", "1000")
        .set("limits.agent_burst", "1000")
        .start()
        .await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let body = launch("parallel");
    let copies = (0..50).map(|_| world.create(&header, &body));
    let replies = join_all(copies).await;
    let fresh: Vec<&Reply> = replies.iter().filter(|r| r.status == 201 && !r.replayed()).collect();
    assert_eq!(fresh.len(), 1, "one 201 that is no replay");
    for reply in &replies {
        if !std::ptr::eq(reply, fresh[0]) {
            replay_or_conflict(reply, fresh[0], "a copy");
        }
    }
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r020_the_same_proof_with_another_body_is_refused() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    world.create(&header, &launch("one")).await.must(201);
    let reply = world.create(&header, &launch("another")).await.refused(409, "SERVER_009");
    assert_eq!(reply.json()["reason"], "proof_used");
    assert!(reply.header("payment-required").is_none(), "no challenge after money moved");
    let again = creation(&header, &launch("one"));
    let mut elsewhere = again.clone();
    elsewhere.target = "/launches?page=2".to_owned();
    world.send(elsewhere).await.refused(409, "SERVER_009");
    // With and without the prefix it is the same request.
    let mut prefixed = again;
    prefixed.target = "/v1/launches".to_owned();
    assert!(world.send(prefixed).await.must(201).replayed());
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r021_a_used_launch_proof_opens_no_other_route() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let (name, value) = world.proof(&wallet).v2();
    let first = world.create(&(name, value.clone()), &launch("mine")).await.must(201);
    let own = format!("/launches/{}", first.launch_id());
    let calls = [
        Call::new("PATCH", &own).json(&json!({"title": "changed"})),
        Call::new("DELETE", &own),
        Call::new("POST", &format!("{own}/publish")),
        Call::get(&own),
        Call::get("/launches"),
        Call::get(&format!("{own}/status")),
        Call::get("/usage"),
    ];
    let before = world.core().forwarded().len();
    for call in calls {
        let what = format!("{} {}", call.method, call.target);
        let reply = world.send(call.header(name, &value)).await;
        let refused = [402, 409].contains(&reply.status.as_u16());
        assert!(refused, "{what}: {}", reply.brief());
        assert!(!String::from_utf8_lossy(&reply.body).contains("a widget"), "{what}");
    }
    assert_eq!(world.core().forwarded().len(), before, "the core was called");
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r022_a_re_encoded_proof_is_the_same_proof() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let proof = world.proof(&wallet);
    let first = world.create(&proof.v2(), &launch("once")).await.must(201);
    let json = proof.json_v2();
    let text = json.to_string();
    let mut upper = json.clone();
    let authorization = upper["payload"]["authorization"].as_object_mut().unwrap();
    for member in ["from", "to", "nonce"] {
        let hex = authorization[member].as_str().unwrap()[2..].to_uppercase();
        authorization[member] = json!(format!("0x{hex}"));
    }
    let mut reordered = serde_json::Map::new();
    for (key, value) in json.as_object().unwrap().iter().rev() {
        reordered.insert(key.clone(), value.clone());
    }
    let mut lower_v1 = proof.json_v1();
    lower_v1["payload"]["authorization"]["from"] = json!(wallet.address_lower());
    let pretty = serde_json::to_string_pretty(&json).unwrap();
    let v2 = |value: String| ("payment-signature", value);
    let variants = [
        ("upper-case hex", encode_v2(&upper)),
        ("key order", encode_v2(&reordered.into())),
        ("spaces in the JSON", v2(STANDARD.encode(pretty))),
        ("no padding", v2(STANDARD_NO_PAD.encode(&text))),
        ("URL-safe alphabet", v2(URL_SAFE.encode(&text))),
        ("the other header", ("x-payment", STANDARD.encode(&text))),
        ("version 1", proof.v1()),
        ("version 1, lower case", encode_v1(&lower_v1)),
    ];
    for (what, header) in variants {
        let reply = world.create(&header, &launch("once")).await;
        replay_or_conflict(&reply, &first, what);
    }
    let spaced = format!("{} {}", &proof.v2().1[..40], &proof.v2().1[40..]);
    let reply = world.create(&v2(spaced), &launch("once")).await;
    let refused = [400, 402, 409].contains(&reply.status.as_u16());
    assert!(refused || reply.replayed(), "a space in the base64: {}", reply.brief());
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r024_a_replay_after_a_restart_gives_the_stored_answer() {
    let mut world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let first = world.create(&header, &launch("once")).await.must(201);
    let status = world.gateway.sigterm().await;
    assert!(status.success(), "a drained gateway ends with 0: {status}");
    world.gateway.restart().await;
    let again = world.create(&header, &launch("once")).await.must(201);
    assert!(again.replayed());
    assert_eq!(again.body, first.body);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r026_a_late_replay_is_never_executed() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let mut draft = wallet.draft(&world.terms);
    draft.valid_before = now_unix_s() + 12;
    let late = draft.valid_before;
    let header = draft.sign(&wallet).v2();
    let first = world.create(&header, &launch("once")).await.must(201);
    while now_unix_s() <= late {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let same = world.create(&header, &launch("once")).await;
    let refused = same.status == 409 || (same.status == 402 && same.code() == "PAYMENT_002");
    let replay = same.replayed() && same.body == first.body;
    assert!(refused || replay, "{}", same.brief());
    let other = world.create(&header, &launch("other")).await;
    assert!([402, 409].contains(&other.status.as_u16()), "{}", other.brief());
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_launch_is_replayed_too_and_never_charged() {
    let world = World::start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v1();
    let first = world.create(&header, &launch("free")).await.must(201);
    for _ in 0..3 {
        let again = world.create(&header, &launch("free")).await.must(201);
        assert!(again.replayed());
        assert_eq!(again.body, first.body);
    }
    world.create(&header, &launch("changed")).await.refused(409, "SERVER_009");
    let free = Totals { free_slots: 1, launches: 1, ..Totals::default() };
    world.settles_at(free).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r023_a_hundred_rounds_of_two_at_the_same_instant() {
    let setup =
        Setup::paid().set("limits.agent_per_minute", "100000").set("limits.agent_burst", "100000");
    let world = setup.set("upstream.per_minute", "100000").start().await;
    let wallet = world.agent_with(100 * PRICE).await;
    for round in 0..100 {
        let header = world.proof(&wallet).v2();
        let body = launch(&format!("round {round}"));
        let (one, two) = tokio::join!(world.create(&header, &body), world.create(&header, &body));
        let (fresh, copy) = if one.replayed() { (two, one) } else { (one, two) };
        let fresh = fresh.must(201);
        assert!(!fresh.replayed(), "round {round}: nobody was the first");
        replay_or_conflict(&copy, &fresh, &format!("round {round}"));
    }
    assert_eq!(world.chain.balance(wallet.address).await, 0);
    world
        .settles_at(Totals {
            settlements: 100,
            transactions: 100,
            launches: 100,
            ..Totals::default()
        })
        .await;
}

/// Without Redis the cache is the process's own memory: a kill loses all of it.
#[tokio::test(flavor = "multi_thread")]
async fn r025_a_replay_after_the_loss_of_the_cache_is_still_a_replay() {
    let mut world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let first = world.create(&header, &launch("once")).await.must(201);
    let (name, value) = world.identity(&wallet).v2();
    let read = Call::get("/launches").header(name, &value);
    world.send(read.clone()).await.must(200);
    // A proof of a free route reaches the books within a second.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    world.gateway.kill9();
    world.gateway.restart().await;
    replay_or_conflict(&world.create(&header, &launch("once")).await, &first, "after the loss");
    world.create(&header, &launch("other")).await.refused(409, "SERVER_009");
    let reads = world.core().forwarded().len();
    world.send(read).await.refused(402, "PAYMENT_002");
    assert_eq!(world.core().forwarded().len(), reads, "the core was asked with a used proof");
    world.settles_at(one_paid()).await;
}
