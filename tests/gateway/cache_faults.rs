//! Redis lost, flushed, slow, full of nonsense, and back again: that changes speed, never money and
//! never who reads what.

use std::time::Duration;

use futures::future::join_all;

use crate::support::moment::Stopwatch;
use crate::support::redis::{Redis, cache_is};
use crate::support::world::{Totals, launch};
use crate::support::{Call, Header, Reply, Setup, Wallet, World};

/// Far below the delay of a slow Redis, and above the one second for which an answer may be held
/// back after a loss.
pub const NORMAL: Duration = Duration::from_secs(4);

pub async fn world_on(redis: &Redis, setup: Setup) -> World {
    setup.set("cache.url", &redis.url()).start().await
}

/// Another gateway of the same seller on the same Redis, with books of its own: what it refuses,
/// Redis told it.
async fn replica(redis: &Redis, first: &World, setup: Setup) -> World {
    world_on(redis, setup.set("x402.pay_to", first.gateway.setting("x402.pay_to"))).await
}

fn read(proof: &Header) -> Call {
    Call::get("/launches").header(proof.0, &proof.1)
}

/// One free launch, then the price.
fn one_free() -> Setup {
    Setup::new().set("pricing.free_launches_per_month", "1")
}

/// What one wallet has used.
struct Spent {
    wallet: Wallet,
    /// The proof of a paid launch, and its answer.
    paid: (Header, Reply),
    /// The proof of a read.
    shown: Header,
}

/// A free launch, a paid one, and a read.
async fn spend(world: &World) -> Spent {
    let wallet = world.agent().await;
    let free = world.launch(&wallet, "free").await.must(201);
    assert!(free.charge().starts_with("none; reason=free_tier"), "{}", free.brief());
    let (paid, shown) = (world.proof(&wallet).v2(), world.identity(&wallet).v2());
    let first = world.create(&paid, &launch("once")).await.must(201);
    assert!(first.charge().starts_with("0.55 USDC"), "{}", first.brief());
    world.send(read(&shown)).await.must(200);
    Spent { wallet, paid: (paid, first), shown }
}

/// So many wallets have spent, and nothing else happened.
async fn all_told(world: &World, wallets: usize) {
    let transactions = u64::try_from(wallets).unwrap();
    let launches = 2 * wallets;
    world
        .settles_at(Totals {
            settlements: wallets,
            transactions,
            free_slots: wallets,
            launches,
            ..Totals::default()
        })
        .await;
}

impl Spent {
    /// The answer of the paid launch again, and nothing for any other use.
    async fn works_no_more(&self, world: &World, when: &str) {
        let (paid, first) = &self.paid;
        is_replay(&world.create(paid, &launch("once")).await, first, when);
        world.create(paid, &launch("other")).await.refused(409, "SERVER_009");
        world.send(read(&self.shown)).await.refused(402, "PAYMENT_002");
    }
}

#[track_caller]
fn is_replay(reply: &Reply, first: &Reply, when: &str) {
    assert!(
        reply.status == 201 && reply.replayed() && reply.body == first.body,
        "{when}: {}",
        reply.brief()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r025_a_replay_after_redis_forgot_or_went_is_still_a_replay() {
    let mut redis = Redis::start().await;
    let world = world_on(&redis, one_free()).await;
    let before = spend(&world).await;
    for when in ["flushed", "down"] {
        match when {
            "flushed" => redis.flush().await,
            _ => redis.kill9(),
        }
        before.works_no_more(&world, when).await;
        let reply = world.ask(&before.wallet, "GET", "/launches").await.must(200);
        assert_eq!(
            reply.header("x-ratelimit-remaining"),
            Some("29"),
            "{when}: the bucket is full again"
        );
        spend(&world).await.works_no_more(&world, when).await;
    }
    all_told(&world, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r056_a_captured_proof_reads_nothing_at_another_process() {
    let redis = Redis::start().await;
    // A Redis that a busy machine makes slow counts as away, and then each process knows its own
    // proofs only.
    let patient = || Setup::new().set("cache.timeout_ms", "20000");
    let one = world_on(&redis, patient()).await;
    let two = replica(&redis, &one, patient()).await;
    let victim = one.agent().await;
    for (first, second) in [(&one, &two), (&two, &one)] {
        let shown = one.identity(&victim).v2();
        first.send(read(&shown)).await.must(200);
        for target in ["/launches", "/usage"] {
            let stolen = Call::get(target).header(shown.0, &shown.1).called_from("127.0.0.2");
            second.send(stolen).await.refused(402, "PAYMENT_002");
        }
        let deletion = Call::new("DELETE", "/launches/x").header(shown.0, &shown.1);
        second.send(deletion).await.refused(402, "PAYMENT_002");
    }
    let shown = one.identity(&victim).v2();
    let copies =
        (0..20).map(
            |number| if number % 2 == 0 { one.send(read(&shown)) } else { two.send(read(&shown)) },
        );
    let served = join_all(copies).await.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(served, 1);
}

/// Without Redis a proof of a free route is claimed in the books before it is answered: also then
/// it works once.
#[tokio::test(flavor = "multi_thread")]
async fn r056_a_proof_works_once_while_redis_is_down() {
    let mut redis = Redis::start().await;
    let mut world = world_on(&redis, Setup::new()).await;
    let wallet = world.agent().await;
    redis.kill9();
    cache_is(&world.gateway, "degraded").await;
    let shown = world.identity(&wallet).v2();
    world.send(read(&shown)).await.must(200);
    // Nothing waits in memory for the books: a kill at this moment loses nothing.
    world.gateway.kill9();
    world.gateway.restart().await;
    world.send(read(&shown)).await.refused(402, "PAYMENT_002");
    redis.up().await;
    cache_is(&world.gateway, "ok").await;
    world.send(read(&shown)).await.refused(402, "PAYMENT_002");
    world.ask(&wallet, "GET", "/launches").await.must(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r111_two_processes_on_redis_serve_exactly_the_burst_of_one() {
    let redis = Redis::start().await;
    // A place comes back after a minute, and a busy machine is no lost Redis.
    let setup =
        || Setup::new().set("limits.agent_per_minute", "1").set("cache.timeout_ms", "20000");
    let one = world_on(&redis, setup()).await;
    let two = replica(&redis, &one, setup()).await;
    let eager = one.agent().await;
    let proofs: Vec<_> = (0..62).map(|_| one.identity(&eager).v2()).collect();
    let worlds = [&one, &two];
    let replies = join_all(
        proofs.iter().zip(0..).map(|(proof, number)| worlds[number % 2].send(read(proof))),
    )
    .await;
    let (served, refused): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!(served.len(), 30, "of two processes together");
    for reply in refused {
        assert!(reply.refused(429, "RATE_001").header("retry-after").is_some());
    }
    for world in worlds {
        world.create(&one.proof(&eager).v2(), &launch("too much")).await.refused(429, "RATE_001");
        let (other, stranger) = (one.agent().await, one.agent().await);
        for _ in 0..5 {
            let forged = other.draft(&one.terms).sign(&stranger);
            world.create(&forged.v2(), &launch("forged")).await.refused(402, "PAYMENT_002");
        }
        let reply = world.send(read(&one.identity(&other).v2())).await.must(200);
        assert_eq!(reply.header("x-ratelimit-remaining"), Some("29"), "forgeries do not count");
    }
}

/// While Redis is away an agent is limited all the same, by each process.
#[tokio::test(flavor = "multi_thread")]
async fn r111_without_redis_each_process_keeps_the_limit() {
    let mut redis = Redis::start().await;
    let setup = Setup::new().set("limits.agent_per_minute", "1").set("limits.agent_burst", "3");
    let world = world_on(&redis, setup).await;
    redis.kill9();
    cache_is(&world.gateway, "degraded").await;
    let wallet = world.agent().await;
    for _ in 0..3 {
        world.ask(&wallet, "GET", "/launches").await.must(200);
    }
    world.ask(&wallet, "GET", "/launches").await.refused(429, "RATE_001");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_redis_delays_nobody_and_readiness_says_so_until_it_is_quick_again() {
    let redis = Redis::start().await;
    let world = world_on(&redis, one_free()).await;
    let wallet = world.agent().await;
    cache_is(&world.gateway, "ok").await;
    for trouble in ["slow", "mute"] {
        match trouble {
            "slow" => redis.proxy.delay(Duration::from_secs(5)),
            _ => redis.proxy.swallow_replies(),
        }
        for number in 0..4 {
            let watch = Stopwatch::start();
            world.ask(&wallet, "GET", "/launches").await.must(200);
            assert!(
                watch.elapsed() < NORMAL,
                "{trouble}: read {number} took {:?}",
                watch.elapsed()
            );
        }
        cache_is(&world.gateway, "degraded").await;
        let watch = Stopwatch::start();
        let spent = spend(&world).await;
        assert!(
            watch.elapsed() < NORMAL,
            "{trouble}: two launches and a read took {:?}",
            watch.elapsed()
        );
        spent.works_no_more(&world, trouble).await;
        redis.proxy.calm();
        cache_is(&world.gateway, "ok").await;
        spent.works_no_more(&world, "quick again").await;
    }
    all_told(&world, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_starts_without_redis_and_finds_it_by_itself() {
    let mut redis = Redis::start().await;
    redis.kill9();
    let world = world_on(&redis, Setup::new()).await;
    cache_is(&world.gateway, "degraded").await;
    let doctor = world.gateway.run(&["doctor"]).await;
    assert!(
        String::from_utf8_lossy(&doctor.stdout).contains("Redis does not answer"),
        "{doctor:?}"
    );
    let wallet = world.agent().await;
    world.launch(&wallet, "free").await.must(201);
    redis.up().await;
    cache_is(&world.gateway, "ok").await;
    redis.proxy.cut().await;
    cache_is(&world.gateway, "ok").await;
    let shown = world.identity(&wallet).v2();
    world.send(read(&shown)).await.must(200);
    assert_eq!(redis.keys("limit").await.len(), 1, "Redis counts the agent");
    let doctor = world.gateway.run(&["doctor"]).await;
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("Redis answers"), "{doctor:?}");
    world.settles_at(Totals { free_slots: 1, launches: 1, ..Totals::default() }).await;
}

/// Lists in the place of every value: Redis refuses what it is asked about them.
#[tokio::test(flavor = "multi_thread")]
async fn nonsense_in_redis_refuses_nobody_and_lets_nobody_in_twice() {
    let redis = Redis::start().await;
    // All of it has to get there, however busy the machine is.
    let world = world_on(&redis, one_free().set("cache.timeout_ms", "20000")).await;
    let before = spend(&world).await;
    let keys = redis.keys("").await;
    assert!(keys.len() >= 6, "three proofs, a bucket, two ages: {keys:?}");
    for key in keys {
        redis.say(&["DEL", &key]).await;
        redis.say(&["LPUSH", &key, "nonsense"]).await;
    }
    before.works_no_more(&world, "poisoned").await;
    world.ask(&before.wallet, "GET", "/launches").await.must(200);
    spend(&world).await.works_no_more(&world, "beside nonsense").await;
    all_told(&world, 2).await;
}
