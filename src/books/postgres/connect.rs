//! How the database is reached.

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::batch::{SILENT, silent};

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a URL that PostgreSQL's clients take.
    #[error("store.url is no postgres:// URL")]
    Url(#[source] sqlx::Error),
    /// It has none of our tables.
    #[error("the database has no ledger; start `turnpike serve` once or check store.url")]
    Missing(#[source] sqlx::Error),
    /// It does not answer.
    #[error("cannot open the books")]
    Open(#[from] sqlx::Error),
    /// A migration failed.
    #[error("cannot migrate the books")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// How long a request waits for a connection.
pub(super) const ACQUIRE: Duration = Duration::from_secs(4);
/// A connection that was idle for longer is tried before it is used: the server or something on the
/// way may have ended it.
const TRIED_AFTER: Duration = Duration::from_secs(5);
/// What no statement of ours needs: beyond it the database is as good as silent. Whoever holds a
/// row longer has died meanwhile.
const LIMITS: [(&str, &str); 3] = [
    ("statement_timeout", "5s"),
    ("lock_timeout", "4s"),
    ("idle_in_transaction_session_timeout", "10s"),
];

/// What servers call themselves towards the database.
pub(super) const SERVING: &str = "turnpike serve";
/// What the session calls itself that says a server lives.
pub(super) const ALIVE: &str = "turnpike alive";
/// What commands call themselves.
pub(super) const BESIDE: &str = "turnpike";

/// What connections of operators call themselves.
const DESK: &str = "turnpike desk";
/// How many of them there are at most.
const DESK_CONNECTIONS: u32 = 3;
/// A sum over everything takes its time, and holds up nobody. A page is read faster than a plan for
/// it is compiled.
const PATIENT: [(&str, &str); 2] = [("statement_timeout", "120s"), ("jit", "off")];

pub(super) fn options(url: &str, name: &str) -> Result<PgConnectOptions, OpenError> {
    Ok(PgConnectOptions::from_str(url)
        .map_err(OpenError::Url)?
        .application_name(name)
        .options(LIMITS))
}

/// Connections that are tried before they are used again, however short they were idle: a reply was
/// lost, and others may be as dead as the one that lost it.
#[derive(Debug, Clone, Default)]
pub(super) struct Suspects(Arc<AtomicU32>);

// === impl Suspects ===

impl Suspects {
    /// So many connections may be dead.
    pub(super) fn are(&self, connections: u32) {
        self.0.store(connections, Ordering::Relaxed);
    }

    /// Whether the next one is among them.
    fn has_next(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }
}

pub(super) async fn pool(
    url: &str,
    connections: u32,
    name: &str,
) -> Result<(PgPool, Suspects), OpenError> {
    let suspects = Suspects::default();
    Ok((careful(connections, suspects.clone()).connect_with(options(url, name)?).await?, suspects))
}

/// Connections for operators, none before it is needed.
pub(super) fn desk(url: &str) -> Result<PgPool, OpenError> {
    Ok(careful(DESK_CONNECTIONS, Suspects::default())
        .connect_lazy_with(options(url, DESK)?.options(PATIENT)))
}

fn careful(connections: u32, suspects: Suspects) -> PgPoolOptions {
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false);
    let pool = pool.after_connect(|connection, _| Box::pin(set_what_we_need(connection)));
    let pool = pool.before_acquire(move |connection, meta| {
        let suspect = suspects.has_next() || meta.idle_for > TRIED_AFTER;
        Box::pin(async move {
            if suspect {
                connection.ping().await?;
            }
            Ok(true)
        })
    });
    pool.after_release(|connection, _| Box::pin(stands_alone(connection)))
}

/// What was answered is on the disk, and every statement sees what was committed before it,
/// whatever the database or the role is set to. A setting that waits for more than our own disk
/// stays.
async fn set_what_we_need(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(
        "SELECT set_config('default_transaction_isolation', 'read committed', false), set_config('synchronous_commit',
            CASE WHEN current_setting('synchronous_commit') = 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)",
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Whether a connection that was given back is in no transaction. A caller that goes away while it
/// begins one leaves it open, and sqlx does not know of it: what the next caller writes would seem
/// to be saved, and be gone. Nobody waits for this look, and one that a server does not answer ends
/// with the connection.
async fn stands_alone(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // In a transaction `now()` stands still at its beginning. Only as one simple message is a
    // statement as old as its own transaction.
    let look = sqlx::raw_sql("SELECT now() = statement_timestamp()").fetch_one(connection);
    tokio::time::timeout(SILENT, look).await.unwrap_or_else(|_| Err(silent()))?.try_get(0)
}

/// A connection for migrations, which may take their time and wait for those of another process.
pub(super) async fn unlimited(url: &str) -> Result<PgConnection, OpenError> {
    Ok(PgConnectOptions::from_str(url)
        .map_err(OpenError::Url)?
        .application_name(BESIDE)
        .connect()
        .await?)
}

/// An undefined table says that nobody has made ours.
pub(super) fn missing(error: sqlx::Error) -> OpenError {
    const UNDEFINED_TABLE: &str = "42P01";
    match error.as_database_error().and_then(|error| error.code()).as_deref() {
        Some(UNDEFINED_TABLE) => OpenError::Missing(error),
        _ => OpenError::Open(error),
    }
}
