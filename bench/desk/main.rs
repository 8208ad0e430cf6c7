//! What operators read on PostgreSQL, from a small ledger and from a large one in turn. See
//! `bench/README.md`.
#![allow(
    missing_docs,
    dead_code,
    reason = "the books are compiled in as they are, and operators read a part of them"
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
mod reads;

use std::{process::Command, time::Instant};

use books::postgres::PostgresBooks;
use reads::{Ledger, Read};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Lines of the journal in the small ledger and in the large one.
const LINES: [u64; 2] = [10_000, 10_000_000];

#[tokio::main]
async fn main() {
    let server = std::env::var("TURNPIKE_TEST_POSTGRES")
        .unwrap_or_else(|_| String::from("postgres://postgres@127.0.0.1:5432"));
    let number = |name, otherwise| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let rounds = number("TURNPIKE_BENCH_ROUNDS", 21);
    let only = std::env::args().nth(1).unwrap_or_default();
    let [small, large] = [LINES[0], number("TURNPIKE_BENCH_LINES", LINES[1])];
    let ledgers = [ledger(&server, small).await, ledger(&server, large).await];
    println!(
        "{:44} {small:>12} {large:>12}  (median milliseconds of {rounds}, lines of the journal)",
        "read"
    );
    for (name, read) in reads::all().into_iter().filter(|(name, _)| name.contains(&only)) {
        // Once for the pages of the database that it needs, and to say what it gives.
        let rows = [read.run(&ledgers[0]).await, read.run(&ledgers[1]).await];
        let mut taken = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (ledger, taken) in ledgers.iter().zip(&mut taken) {
                taken.push(timed(&read, ledger).await);
            }
        }
        let [one, other] = taken.map(median);
        println!(
            "{name:44} {one:12.2} {other:12.2}  ratio {:.2}  rows {} {}",
            other / one,
            rows[0],
            rows[1]
        );
    }
}

async fn timed(read: &Read, ledger: &Ledger) -> f64 {
    let began = Instant::now();
    read.run(ledger).await;
    began.elapsed().as_secs_f64() * 1000.0
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// A ledger of so many lines, made where there is none. It stays: `dropdb` it once it is done with.
async fn ledger(server: &str, lines: u64) -> Ledger {
    let name = format!("turnpike_bench_desk_{lines}");
    let mut admin = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    let there = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_optional(&mut admin)
        .await
        .unwrap();
    let url = format!("{server}/{name}");
    if there.is_none() {
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut admin)
            .await
            .unwrap();
        PostgresBooks::migrate(&url).await.unwrap();
        let filled = Command::new("psql")
            .args(["-q", "-v", &format!("lines={lines}"), "-f", "bench/desk/fill.sql", &url])
            .status();
        assert!(
            filled.expect("psql, of PostgreSQL's client package").success(),
            "the ledger was not filled"
        );
    }
    Ledger::open(&url).await
}
