//! Which processes live. Each one that serves holds a lock of its own number in a session of its
//! own; the server lets go of it when the session ends, however its process ended. Whoever looks
//! for work sees at once what a dead process left behind, and need not wait for the end of its
//! leases. A process that is only paused keeps its lock; its leases end by their time.

use std::time::Duration;

use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, Row, postgres::PgConnectOptions};
use tokio::{task::AbortHandle, time::sleep};

use super::{
    batch::{SILENT, silent},
    marks::{self, Marks},
};
use crate::books::errors;

/// How often the session shows that it is still there.
const BEAT: Duration = Duration::from_secs(1);
/// Notes of one moment are written together.
const GATHER: Duration = Duration::from_millis(3);

/// Two numbers name an advisory lock: the first of those that say who lives.
macro_rules! living_class {
    () => {
        "8402"
    };
}

/// The first number of the lock that a process holds beside, under its own number, when it knows
/// that what is owed may be in parts. A process of a release before holds none.
macro_rules! knows_parts_class {
    () => {
        "8405"
    };
}

/// The same for payments that wait for a signer.
macro_rules! knows_queue_class {
    () => {
        "8406"
    };
}

/// The numbers under which locks of a class are held on this database.
macro_rules! holders_of {
    ($class:expr) => {
        concat!(
            "SELECT CAST(objid AS BIGINT) FROM pg_locks WHERE locktype = 'advisory' AND classid = ",
            $class,
            " AND objsubid = 2 AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    };
}

/// The numbers of the processes that live on this database.
macro_rules! living {
    () => {
        $crate::books::postgres::liveness::holders_of!(
            $crate::books::postgres::liveness::living_class!()
        )
    };
}
pub(super) use {holders_of, living_class};

/// Every process that lives knows that what is owed may be in parts: one may be written.
pub(super) const ALL_KNOW_PARTS: &str =
    concat!("NOT EXISTS (", living!(), " EXCEPT ", holders_of!(knows_parts_class!()), ")");

/// Every process that lives knows that a claimed payment may wait for a signer.
pub(super) const ALL_KNOW_QUEUE: &str =
    concat!("NOT EXISTS (", living!(), " EXCEPT ", holders_of!(knows_queue_class!()), ")");

/// Whether the process that drives an intent is gone; nobody takes himself for that, as while his
/// session is made again.
pub(super) fn gone(own: &str) -> String {
    format!("(intents.lease_owner <> {own} AND intents.lease_owner <> ALL (ARRAY({})))", living!())
}

/// This process' place among those that live. It is given up when this is dropped.
pub(super) struct Alive {
    instance: i64,
    task: AbortHandle,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.task.abort();
    }
}

// === impl Alive ===

impl Alive {
    /// Takes a number that nobody has.
    pub(super) async fn take(options: PgConnectOptions, marks: Marks) -> Result<Self, sqlx::Error> {
        // What only tells the other replicas sooner may be lost in a crash of the server.
        let options = options.options([("synchronous_commit", "off")]);
        let mut session = options.connect().await?;
        let instance = loop {
            let number: i32 =
                sqlx::query_scalar("SELECT CAST(floor(random() * 2147483646) AS INT) + 1")
                    .fetch_one(&mut session)
                    .await?;
            if lock(&mut session, number).await? {
                break number;
            }
        };
        let task = tokio::spawn(keep(options, session, instance, marks)).abort_handle();
        Ok(Self { instance: i64::from(instance), task })
    }

    pub(super) fn instance(&self) -> i64 {
        self.instance
    }
}

/// First that it lives, then what it knows: until then it is taken for one of a release before.
async fn lock(session: &mut PgConnection, instance: i32) -> Result<bool, sqlx::Error> {
    let lives = concat!("SELECT pg_try_advisory_lock(", living_class!(), ", $1)");
    if !sqlx::query_scalar(lives).bind(instance).fetch_one(&mut *session).await? {
        return Ok(false);
    }
    // Shared: only that it is held says something, and a session of before that the server still
    // has must not stand in its way.
    for knows in [
        concat!("SELECT pg_advisory_lock_shared(", knows_parts_class!(), ", $1)"),
        concat!("SELECT pg_advisory_lock_shared(", knows_queue_class!(), ", $1)"),
    ] {
        sqlx::query(knows).bind(instance).execute(&mut *session).await?;
    }
    Ok(true)
}

/// Keeps a session with the lock, and writes the waiting notes by it.
async fn keep(options: PgConnectOptions, mut session: PgConnection, instance: i32, marks: Marks) {
    loop {
        let error = serve(&mut session, &marks).await;
        tracing::warn!(%error, "liveness.session_lost");
        // The server may not have noticed yet that the old one is gone, and keep its lock: then it
        // still says so.
        session = loop {
            match again(&options, instance, &marks).await {
                Ok(session) => break session,
                Err(error) => tracing::warn!(%error, "liveness.session_not_opened"),
            }
            sleep(BEAT).await;
        };
    }
}

/// Until the lock is taken again, other processes take this one for dead, and join what its clients
/// began. So the notes of clients that were sent away come first.
async fn again(
    options: &PgConnectOptions,
    instance: i32,
    marks: &Marks,
) -> Result<PgConnection, sqlx::Error> {
    let mut session =
        tokio::time::timeout(SILENT, options.connect()).await.unwrap_or_else(|_| Err(silent()))?;
    if let Err(error) = marks::write(&mut session, marks).await {
        tracing::warn!(error = %errors::sentence(&error), "requests.notes_not_written");
        return Err(silent());
    }
    if lock(&mut session, instance).await? {
        return Ok(session);
    }
    session.close().await?;
    Err(sqlx::Error::PoolTimedOut)
}

/// Ends when the session does.
async fn serve(session: &mut PgConnection, marks: &Marks) -> payments::ports::BooksError {
    loop {
        let beat = tokio::select! {
            () = marks.pushed() => false,
            () = sleep(BEAT) => true,
        };
        let outcome = if beat {
            let answered = tokio::time::timeout(SILENT, session.ping()).await;
            answered.unwrap_or_else(|_| Err(silent())).map_err(super::unavailable)
        } else {
            sleep(GATHER).await;
            marks::write(session, marks).await
        };
        if let Err(error) = outcome {
            return error;
        }
    }
}

/// Whether any process serves from this database.
pub(super) async fn any(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let row =
        sqlx::query(concat!("SELECT EXISTS (", living!(), ") AS served")).fetch_one(pool).await?;
    row.try_get("served")
}
