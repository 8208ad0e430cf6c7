//! Two processes on one database: a proof of a free route works once over both, whatever becomes of
//! the cache between them.

use futures::future::join_all;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};

use crate::support::moment::random_bytes;
use crate::support::redis::{Redis, cache_is};
use crate::support::{Call, Header, Setup, Wallet, World};

/// A database of the test's own, on the server of `TURNPIKE_TEST_POSTGRES`.
struct Database(String);

impl Database {
    async fn make() -> Self {
        let name = format!("turnpike_cache_{}", hex::encode(random_bytes::<8>()));
        execute(format!("CREATE DATABASE {name}")).await;
        Self(name)
    }

    fn url(&self) -> String {
        format!("{}/{}", server(), self.0)
    }

    /// Once nobody is connected.
    async fn drop(self) {
        execute(format!("DROP DATABASE {} WITH (FORCE)", self.0)).await;
    }
}

fn server() -> String {
    std::env::var("TURNPIKE_TEST_POSTGRES")
        .unwrap_or_else(|_| String::from("postgres://postgres@127.0.0.1:5432"))
}

async fn execute(statement: String) {
    let options: PgConnectOptions = format!("{}/postgres", server()).parse().unwrap();
    options.connect().await.unwrap().execute(sqlx::query(AssertSqlSafe(statement))).await.unwrap();
}

/// Two gateways of one seller on the same books.
async fn two(database: &Database, cache_url: &str) -> [World; 2] {
    let setup = || {
        Setup::new()
            .set("store.url", &database.url())
            .set("cache.url", cache_url)
            .set("limits.agent_burst", "1000")
    };
    let one = setup().start().await;
    let pay_to = one.gateway.setting("x402.pay_to").to_owned();
    let account_key = one.gateway.setting("mpp.account_key").to_owned();
    let two =
        setup().set("x402.pay_to", &pay_to).set("mpp.account_key", &account_key).start().await;
    [one, two]
}

fn read(proof: &Header) -> Call {
    Call::get("/launches").header(proof.0, &proof.1)
}

/// At one process first, then at the other; and many copies at both.
async fn works_once(worlds: &[World; 2], wallet: &Wallet, when: &str) {
    let [one, two] = worlds;
    for (first, second) in [(one, two), (two, one)] {
        let shown = one.identity(wallet).v2();
        let served = first.send(read(&shown)).await;
        assert_eq!(served.status, 200, "{when}: {}", served.brief());
        let again = second.send(read(&shown)).await;
        assert_eq!(again.status, 402, "{when}: {}", again.brief());
    }
    let shown = one.identity(wallet).v2();
    let copies = (0..12).map(|number| worlds[number % 2].send(read(&shown)));
    let served = join_all(copies).await.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(served, 1, "{when}: of many copies at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn r056_a_proof_works_once_over_two_processes_without_redis() {
    let database = Database::make().await;
    let worlds = two(&database, "memory:").await;
    let wallet = worlds[0].agent().await;
    works_once(&worlds, &wallet, "memory").await;
    drop(worlds);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r056_a_proof_works_once_over_two_processes_whatever_becomes_of_redis() {
    let database = Database::make().await;
    let mut redis = Redis::start().await;
    let worlds = two(&database, &redis.url()).await;
    let wallet = worlds[0].agent().await;
    works_once(&worlds, &wallet, "up").await;
    // Used a moment before the loss: the other process has nothing but the books to know it from.
    for when in ["flushed", "killed"] {
        let shown = worlds[0].identity(&wallet).v2();
        worlds[0].send(read(&shown)).await.must(200);
        match when {
            "flushed" => redis.flush().await,
            _ => redis.kill9(),
        }
        let stolen = worlds[1].send(read(&shown)).await;
        assert_eq!(stolen.status, 402, "{when}: {}", stolen.brief());
        works_once(&worlds, &wallet, when).await;
    }
    for world in &worlds {
        cache_is(&world.gateway, "degraded").await;
    }
    works_once(&worlds, &wallet, "down").await;
    redis.up().await;
    for world in &worlds {
        cache_is(&world.gateway, "ok").await;
    }
    works_once(&worlds, &wallet, "back").await;
    drop(worlds);
    database.drop().await;
}

/// One process does not reach Redis and the others do: what it serves is in the books first, and
/// they look there first.
#[tokio::test(flavor = "multi_thread")]
async fn r056_what_a_process_without_redis_serves_the_others_serve_no_more() {
    let database = Database::make().await;
    let redis = Redis::start().await;
    let worlds = two(&database, &redis.url()).await;
    let wallet = worlds[0].agent().await;
    let mut alone = redis_of_nobody(&database, &worlds[0]).await;
    let shown = worlds[0].identity(&wallet).v2();
    alone.send(read(&shown)).await.must(200);
    worlds[0].send(read(&shown)).await.refused(402, "PAYMENT_002");
    alone.gateway.kill9();
    drop(worlds);
    database.drop().await;
}

/// A gateway on the same books whose Redis nobody answers for.
async fn redis_of_nobody(database: &Database, first: &World) -> World {
    let mut redis = Redis::start().await;
    redis.kill9();
    let pay_to = first.gateway.setting("x402.pay_to").to_owned();
    let account_key = first.gateway.setting("mpp.account_key").to_owned();
    let setup = Setup::new()
        .set("store.url", &database.url())
        .set("cache.url", &redis.url())
        .set("x402.pay_to", &pay_to);
    let world = setup.set("mpp.account_key", &account_key).start().await;
    cache_is(&world.gateway, "degraded").await;
    world
}
