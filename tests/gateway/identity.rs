//! Who is asking, and that nobody can be somebody else.

use futures::future::join_all;
use serde_json::json;

use crate::support::moment::Stopwatch;
use crate::support::world::{Totals, launch};
use crate::support::{Call, Setup, World};

#[tokio::test(flavor = "multi_thread")]
async fn r056_a_captured_proof_reads_nothing() {
    let world = World::start().await;
    let victim = world.agent().await;
    let made = world.launch(&victim, "secret plans").await.must(201);
    let (name, value) = world.identity(&victim).v2();
    let call = Call::get("/launches").header(name, &value);
    let list = world.send(call.clone()).await.must(200);
    assert!(String::from_utf8_lossy(&list.body).contains(&made.launch_id()));
    let own = format!("/launches/{}", made.launch_id());
    for target in ["/launches", own.as_str(), "/usage"] {
        let mut stolen = call.clone().called_from("127.0.0.2");
        stolen.target = target.to_owned();
        let reply = world.send(stolen).await;
        assert!([401, 402].contains(&reply.status.as_u16()), "{target}: {}", reply.brief());
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(!body.contains(&made.launch_id()) || target == own, "{target}: {body}");
        assert!(!body.contains("secret plans"), "{target}: {body}");
    }
    let free = Totals { free_slots: 1, launches: 1, ..Totals::default() };
    world.settles_at(free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r057_a_captured_proof_changes_nothing() {
    let world = World::start().await;
    let victim = world.agent().await;
    let made = world.launch(&victim, "mine").await.must(201);
    let own = format!("/launches/{}", made.launch_id());
    let (name, value) = world.identity(&victim).v2();
    world.send(Call::get(&own).header(name, &value)).await.must(200);
    let before = world.core().forwarded().len();
    let calls = [
        Call::new("DELETE", &own),
        Call::new("POST", &format!("{own}/publish")),
        Call::new("PATCH", &own).json(&json!({"name": "stolen"})),
        Call::new("POST", "/launches").json(&launch("stolen")),
    ];
    for call in calls {
        let what = format!("{} {}", call.method, call.target);
        let reply = world.send(call.header(name, &value).called_from("127.0.0.2")).await;
        assert!([401, 402, 409].contains(&reply.status.as_u16()), "{what}: {}", reply.brief());
    }
    assert_eq!(world.core().forwarded().len(), before, "the core was called");
    let free = Totals { free_slots: 1, launches: 1, ..Totals::default() };
    world.settles_at(free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r059_another_wallets_launch_is_not_there() {
    let world = Setup::new().embedded().start().await;
    let (owner, stranger) = (world.agent().await, world.agent().await);
    let made = world.launch(&owner, "mine").await.must(201);
    let own = format!("/launches/{}", made.launch_id());
    let before = world.ask(&owner, "GET", &own).await.must(200);
    let status = format!("{own}/status");
    let publish = format!("{own}/publish");
    let asked =
        [("GET", &own), ("GET", &status), ("PATCH", &own), ("DELETE", &own), ("POST", &publish)];
    for (method, target) in asked {
        world.ask(&stranger, method, target).await.refused(404, "LAUNCH_001");
    }
    let list = world.ask(&stranger, "GET", "/launches").await.must(200).json();
    assert_eq!(list["data"], json!([]));
    let after = world.ask(&owner, "GET", &own).await.must(200);
    assert_eq!(after.json(), before.json());
    let free = Totals { free_slots: 1, launches: 1, ..Totals::default() };
    world.settles_at(free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_changes_publishes_and_deletes_its_launch_for_nothing() {
    let world = Setup::new().embedded().start().await;
    let owner = world.agent().await;
    let made = world.launch(&owner, "mine").await.must(201);
    let own = format!("/launches/{}", made.launch_id());
    let changed = world.ask(&owner, "PATCH", &own).await.must(200);
    assert!(changed.charge().starts_with("none"), "{}", changed.brief());
    let status = world.ask(&owner, "GET", &format!("{own}/status")).await.must(200);
    assert_eq!(status.json()["data"]["launch_id"], made.json()["data"]["id"]);
    let deleted = world.ask(&owner, "DELETE", &own).await;
    assert!(deleted.status.is_success(), "{}", deleted.brief());
    world.ask(&owner, "GET", &own).await.refused(404, "LAUNCH_001");
    assert_eq!(world.totals().await.transactions, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r111_the_31st_request_of_a_minute_waits_and_forgeries_do_not_count() {
    let world = World::start().await;
    let (eager, victim) = (world.agent().await, world.agent().await);
    let proofs: Vec<_> = (0..50).map(|_| world.identity(&eager).v2()).collect();
    let watch = Stopwatch::start();
    let calls =
        proofs.iter().map(|(name, value)| world.send(Call::get("/launches").header(name, value)));
    let replies = join_all(calls).await;
    let refilled = usize::try_from(watch.elapsed().as_secs()).unwrap() / 2 + 1;
    let (served, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|r| r.status == 200);
    assert!((30..=30 + refilled).contains(&served.len()), "{} were served", served.len());
    for reply in refused {
        let reply = reply.refused(429, "RATE_001");
        let wait: u64 = reply.header("retry-after").expect("Retry-After").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        let body = reply.json();
        assert_eq!((&body["limit"], &body["remaining"]), (&json!(30), &json!(0)), "{body}");
        assert_eq!(body["retryAfter"], json!(wait), "{body}");
    }
    // Over the limit nothing is claimed or sent either; a token may have come back meanwhile.
    let mut made = 0;
    let over = loop {
        let reply = world.launch(&eager, "too much").await;
        if reply.status != 201 {
            break reply;
        }
        made += 1;
    };
    over.refused(429, "RATE_001");
    let forge = async |_: usize| {
        for _ in 0..100 {
            let forged = victim.draft(&world.terms).sign(&eager);
            world.create(&forged.v2(), &launch("forged")).await.refused(402, "PAYMENT_002");
        }
    };
    join_all((0..10).map(forge)).await;
    let reply = world.ask(&victim, "GET", "/launches").await.must(200);
    assert_eq!(reply.header("x-ratelimit-limit"), Some("30"));
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("29"));
    let reset: u64 = reply.header("x-ratelimit-reset").expect("a reset").parse().unwrap();
    assert!(reset > 1_600_000_000_000, "the reset is in milliseconds: {reset}");
    let free = Totals { free_slots: made, launches: made, ..Totals::default() };
    world.settles_at(free).await;
}
