//! Durable claims on PostgreSQL against the same writes as one hand-written statement under
//! pgbench, and against books without the indexes that only operators read by, in turn. See
//! `bench/README.md`.
#![allow(
    missing_docs,
    dead_code,
    reason = "the books are compiled in as they are, and a claim uses a part of them"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::print_stdout,
    reason = "a benchmark"
)]

#[path = "../../src/books/mod.rs"]
mod books;

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use books::postgres::PostgresBooks;
use payments::{
    agent::Wallet,
    ports::{Books, ClaimRefusal, Claimed, QueuedPayment, SettlementQueue, SigningRound, ToSign},
    time::UnixMs,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::{rail::ACCOUNT, suite::Draft};

const CLIENTS: u32 = 32;
const ROUND: Duration = Duration::from_secs(4);
/// How many payments a settler signs at once, as the service's does.
const SETTLED_AT_ONCE: u32 = 32;
/// The lock that says that a process lives, held by one that knows of no queue.
const OLDER_PROCESS: &str = "SELECT pg_advisory_lock(8402, 7)";
/// What is claimed, how the drafts are made, and the statement that writes the same.
type Kind = (&'static str, fn(u64) -> Draft, &'static str);
const KINDS: [Kind; 2] = [
    ("paid by one signer", paid, "bench/books/paid.sql"),
    ("charged to cards", charged, "bench/books/charged.sql"),
];

/// Indexes that payments do not need.
const OF_OPERATORS: [&str; 4] =
    ["intents_by_kind", "intents_by_name", "intents_of_payer_by_state", "auths_of_intent"];

#[tokio::main]
async fn main() {
    let server = std::env::var("TURNPIKE_TEST_POSTGRES")
        .unwrap_or_else(|_| String::from("postgres://postgres@127.0.0.1:5432"));
    let rounds =
        std::env::var("TURNPIKE_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let (name, bare) = (
        format!("turnpike_bench_claims_{}", std::process::id()),
        format!("turnpike_bench_bare_{}", std::process::id()),
    );
    let mut admin = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    let url = format!("{server}/{name}");
    let books = fresh(&mut admin, &server, &name).await;
    let without = fresh(&mut admin, &server, &bare).await;
    let mut seed = PgConnection::connect(&url).await.unwrap();
    sqlx::query("INSERT INTO signers (addr, next_nonce) VALUES ('0xbaseline', 0)")
        .execute(&mut seed)
        .await
        .unwrap();
    seed.close().await.unwrap();
    let mut drop_indexes = PgConnection::connect(&format!("{server}/{bare}")).await.unwrap();
    for index in OF_OPERATORS {
        sqlx::query(AssertSqlSafe(format!("DROP INDEX {index}")))
            .execute(&mut drop_indexes)
            .await
            .unwrap();
    }
    drop_indexes.close().await.unwrap();
    let next = Arc::new(AtomicU64::new(1));
    for (kind, draft, statement) in KINDS {
        let (mut pairs, mut bare_pairs) = (Vec::new(), Vec::new());
        let mut in_turn = Vec::new();
        for _ in 0..rounds {
            let ours = claims(&books, draft, &next).await;
            bare_pairs.push((ours, claims(&without, draft, &next).await));
            pairs.push((ours, pgbench(&url, statement)));
            let mut older = PgConnection::connect(&url).await.unwrap();
            sqlx::query(OLDER_PROCESS).execute(&mut older).await.unwrap();
            in_turn.push((ours, claims(&books, draft, &next).await));
            older.close().await.unwrap();
        }
        print(kind, "pgbench", &pairs);
        print(kind, "bare", &bare_pairs);
        print(kind, "in turn", &in_turn);
    }
    drop((books, without));
    for name in [name, bare] {
        sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")))
            .execute(&mut admin)
            .await
            .unwrap();
    }
}

async fn fresh(admin: &mut PgConnection, server: &str, name: &str) -> Arc<PostgresBooks> {
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(admin).await.unwrap();
    Arc::new(PostgresBooks::open(&format!("{server}/{name}"), CLIENTS).await.unwrap())
}

/// A paid launch of a wallet of its own.
fn paid(number: u64) -> Draft {
    let mut wallet = [0x77; 20];
    wallet[..8].copy_from_slice(&number.to_be_bytes());
    Draft { wallet: Wallet::new(wallet), ..Draft::numbered(number) }
}

/// A launch by a card of its own.
fn charged(number: u64) -> Draft {
    Draft::numbered(number).by_card(number)
}

/// Claims a second that are committed with what settles them, over one round and until nothing of
/// it waits for the signer.
async fn claims(books: &Arc<PostgresBooks>, draft: fn(u64) -> Draft, next: &Arc<AtomicU64>) -> f64 {
    let (made, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let settler = tokio::spawn(settle(Arc::clone(books), draft, began));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (books, next, made) = (Arc::clone(books), Arc::clone(next), Arc::clone(&made));
            tokio::spawn(async move {
                while began.elapsed() < ROUND {
                    let draft = draft(next.fetch_add(1, Ordering::Relaxed));
                    match books.claim(draft.claim()).await.unwrap() {
                        Claimed::New(_) => drop(made.fetch_add(1, Ordering::Relaxed)),
                        Claimed::Refused(ClaimRefusal::QueueFull) => {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        other => panic!("{other:?}"),
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    settler.await.unwrap();
    made.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

/// Signs what waits, as a settler does, but for its look at the chain.
async fn settle(books: Arc<PostgresBooks>, draft: fn(u64) -> Draft, began: Instant) {
    let number = |queued: &QueuedPayment| -> u64 {
        let text = String::from_utf8_lossy(&queued.sealed_authorization).into_owned();
        text.split(' ').next_back().unwrap().parse().unwrap()
    };
    loop {
        let now = Draft::numbered(1).at.plus_ms(1);
        let until = UnixMs::new(i64::MAX);
        let taken = books.take_queued(now, until, SETTLED_AT_ONCE).await.unwrap();
        if taken.is_empty() {
            if began.elapsed() > ROUND {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let drafts: Vec<Draft> = taken.iter().map(|queued| draft(number(queued))).collect();
        let payments = taken.iter().zip(&drafts).map(|(queued, draft)| ToSign {
            id: queued.intent.id,
            guard: queued.intent.guard,
            preparer: draft,
        });
        let round = SigningRound {
            account: ACCOUNT,
            chain_next_nonce: 0,
            payments: payments.collect(),
            at: now,
        };
        assert_eq!(books.sign_queued(round).await.unwrap().unwrap().len(), taken.len());
    }
}

/// Transactions a second of the statement, as pgbench counts them.
fn pgbench(url: &str, statement: &str) -> f64 {
    let clients = CLIENTS.to_string();
    let seconds = ROUND.as_secs().to_string();
    let said = Command::new("pgbench")
        .args([
            "--no-vacuum",
            "--protocol=prepared",
            "--client",
            &clients,
            "--jobs=2",
            "--time",
            &seconds,
            "--file",
            statement,
            url,
        ])
        .output()
        .expect("pgbench, of PostgreSQL's client package");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let text = String::from_utf8_lossy(&said.stdout);
    let tps = text.lines().find_map(|line| line.strip_prefix("tps = ")).expect("a rate");
    tps.split(' ').next().unwrap().parse().unwrap()
}

fn print(kind: &str, baseline: &str, pairs: &[(f64, f64)]) {
    println!("claims {kind}, {CLIENTS} clients");
    let spread = |name: &str, mut figures: Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        println!(
            "  {name:9} min {:.2} median {:.2} max {:.2}",
            figures[0],
            figures[figures.len() / 2],
            figures[figures.len() - 1]
        );
    };
    spread("ours", pairs.iter().map(|(ours, _)| *ours).collect());
    spread(baseline, pairs.iter().map(|(_, theirs)| *theirs).collect());
    spread("ratio", pairs.iter().map(|(ours, theirs)| ours / theirs).collect());
}
