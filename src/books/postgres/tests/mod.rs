//! The suite of the rules on a real server, and what only this backend promises: each test in a
//! database of its own, which goes with it.
#![allow(clippy::unwrap_used)]

mod audit;
mod broken;
mod constraints;
mod credits;
mod folds;
mod journal;
mod liveness;
mod races;
mod rollout;
mod settings;
mod trips;
mod wire;

#[path = "../../sql/tests/card_money/mod.rs"]
mod card_money;
#[path = "../../sql/tests/cards/mod.rs"]
mod cards;
#[path = "../../sql/tests/desk/mod.rs"]
mod desk;
#[path = "../../sql/tests/operator.rs"]
mod operator;
#[path = "../../sql/tests/refunds/mod.rs"]
mod refunds;
#[path = "../../sql/tests/standing.rs"]
mod standing;

use std::{
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use payments::{
    intent::Intent,
    ports::{Books, Claimed, desk::DeskBooks},
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgPool, postgres::PgConnectOptions};
use testkit::{clock::START, rail::by_transfer, suite::Draft, upstream::answer};
use tokio::sync::OnceCell;

use super::{PostgresBooks, Store};

testkit::books_suite!(block_on, make);
testkit::reconcile_suite!(block_on, make);

/// Where the server of the tests is.
fn server() -> String {
    std::env::var("TURNPIKE_TEST_POSTGRES")
        .unwrap_or_else(|_| String::from("postgres://postgres@127.0.0.1:5432"))
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

static DATABASES: AtomicU32 = AtomicU32::new(0);
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// Drops its database.
pub(super) struct Scratch {
    name: String,
}

impl Scratch {
    async fn make() -> Self {
        let template = TEMPLATE.get_or_init(template).await;
        let name = fresh("unit");
        execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await.unwrap();
        Self { name }
    }

    pub(super) fn url(&self) -> String {
        format!("{}/{}", server(), self.name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        std::thread::spawn(move || block_on(async move { execute(&statement).await.unwrap() }))
            .join()
            .unwrap();
    }
}

/// A name that no other database has.
fn fresh(what: &str) -> String {
    let random = tempfile::tempdir().unwrap();
    let random = random
        .path()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .trim_start_matches(".tmp")
        .to_ascii_lowercase();
    format!(
        "turnpike_{what}_{}_{}_{random}",
        std::process::id(),
        DATABASES.fetch_add(1, Ordering::Relaxed)
    )
}

/// The database with these tables that each test's own is a copy of: migrating takes longer than
/// most tests do. It is called after its migrations, and stays for the next run.
async fn template() -> String {
    let mut tables = DefaultHasher::new();
    super::MIGRATIONS.iter().for_each(|migration| migration.checksum.hash(&mut tables));
    let (name, making) = (format!("turnpike_tables_{:016x}", tables.finish()), fresh("making"));
    if execute(&format!("SELECT 1 / count(*) FROM pg_database WHERE datname = '{name}'"))
        .await
        .is_err()
    {
        execute(&format!("CREATE DATABASE {making}")).await.unwrap();
        PostgresBooks::migrate(&format!("{}/{making}", server())).await.unwrap();
        if execute(&format!("ALTER DATABASE {making} RENAME TO {name}")).await.is_err() {
            // Another run was faster.
            execute(&format!("DROP DATABASE {making} WITH (FORCE)")).await.unwrap();
        }
    }
    name
}

async fn execute(statement: &str) -> Result<(), sqlx::Error> {
    let options: PgConnectOptions = format!("{}/postgres", server()).parse().unwrap();
    let mut connection = options.connect().await?;
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await
}

/// Fresh books, and the database that they live in.
async fn make() -> (PostgresBooks, Scratch) {
    let scratch = Scratch::make().await;
    (PostgresBooks::open(&scratch.url(), 8).await.unwrap(), scratch)
}

/// Folds everything that is there, once the note about it has become old enough and others'
/// transactions have ended; says how many postings.
async fn fold_all(books: &PostgresBooks, scratch: &Scratch) -> u64 {
    let (pool, mut folded) = (beside(scratch).await, 0);
    assert_eq!(books.fold(START).await.unwrap(), 0, "what is there may not be there for good yet");
    sqlx::query("UPDATE fold_mark SET seen_at_ms = seen_at_ms - 60000")
        .execute(&pool)
        .await
        .unwrap();
    until(async || {
        folded = books.fold(START).await.unwrap();
        folded > 0
    })
    .await;
    folded
}

/// Two replicas on one fresh database.
async fn replicas() -> (PostgresBooks, PostgresBooks, Scratch) {
    let (one, scratch) = make().await;
    let other = PostgresBooks::open(&scratch.url(), 8).await.unwrap();
    (one, other, scratch)
}

/// Connections of somebody else.
async fn beside(scratch: &Scratch) -> PgPool {
    PgPool::connect(&scratch.url()).await.unwrap()
}

async fn new(books: &PostgresBooks, draft: &Draft) -> Intent {
    match books.claim(draft.claim()).await.unwrap() {
        Claimed::New(intent) => intent,
        other => panic!("{other:?} instead of a new intent"),
    }
}

/// A launch, settled and created.
async fn paid_launch(books: &PostgresBooks, number: u64) -> Intent {
    let draft = Draft::numbered(number);
    let signed = new(books, &draft).await;
    let settlement = by_transfer(signed.attempts[0].tx_hash, 21_000);
    let forwarding =
        books.apply(signed.funded(settlement, draft.at.plus_ms(1)).unwrap()).await.unwrap();
    books
        .apply(
            forwarding
                .created(answer(201, "l"), format!("l{number}"), draft.at.plus_ms(2))
                .unwrap(),
        )
        .await
        .unwrap()
}

/// Asks until it is so; what other processes and the server do takes its time.
async fn until(mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come about within ten seconds");
}

/// Runs a statement; the text of the refusal, empty where there was none.
async fn refusal(pool: &PgPool, statement: &str) -> String {
    sqlx::query(AssertSqlSafe(statement))
        .execute(pool)
        .await
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}
