//! Notes about clients that need no commit of their own: they travel with the next one, and after a
//! few milliseconds by themselves, so that the other replicas know of a delivered answer before its
//! client can ask for the next one there.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use payments::{ids::PaymentId, ports::BooksError};
use sqlx::PgConnection;
use tokio::sync::Notify;

use super::{batch::Batch, dialect::now_ms, unavailable};

/// One note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The answer was handed to the client's connection.
    Delivered(PaymentId),
    /// No client waits for the answer.
    Unattended(PaymentId),
}

/// What is noted of one intent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) delivered: bool,
    pub(super) unattended: bool,
}

/// The notes that no commit has made durable yet. Whoever commits takes all of them along: to write
/// one twice changes nothing.
#[derive(Default, Clone)]
pub(super) struct Marks(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Mutex<BTreeMap<PaymentId, Noted>>,
    pushed: Notify,
}

/// The notes as they stood when a commit began.
pub(super) struct Snapshot(BTreeMap<PaymentId, Noted>);

impl Marks {
    pub(super) fn push(&self, mark: Mark) {
        let mut waiting = self.lock();
        match mark {
            Mark::Delivered(id) => waiting.entry(id).or_default().delivered = true,
            Mark::Unattended(id) => waiting.entry(id).or_default().unattended = true,
        }
        drop(waiting);
        self.0.pushed.notify_one();
    }

    /// What waits for this intent.
    pub(super) fn of(&self, id: PaymentId) -> Noted {
        self.lock().get(&id).copied().unwrap_or_default()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot(self.lock().clone())
    }

    /// They are durable. What was noted since then waits on.
    pub(super) fn written(&self, snapshot: &Snapshot) {
        let mut waiting = self.lock();
        waiting.retain(|id, noted| snapshot.0.get(id) != Some(noted));
    }

    /// Until something is noted.
    pub(super) async fn pushed(&self) {
        self.0.pushed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PaymentId, Noted>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The intents whose answer was delivered.
    pub(super) fn delivered(&self) -> Vec<String> {
        self.0.iter().filter(|(_, noted)| noted.delivered).map(|(id, _)| id.to_string()).collect()
    }

    /// The intents that nobody waits for, and whose answer was not delivered.
    pub(super) fn unattended(&self) -> Vec<String> {
        self.0.iter().filter(|(_, noted)| !noted.delivered).map(|(id, _)| id.to_string()).collect()
    }

    /// Adds them to a statement as parts of their own; without a moment the database's clock names
    /// it.
    pub(super) fn add_to(&self, batch: &mut Batch, at: &str) {
        if self.is_empty() {
            return;
        }
        let (delivered, unattended) = (batch.bind(self.delivered()), batch.bind(self.unattended()));
        let marked = format!(
            "UPDATE intents SET attended_until_ms = 0,
                delivered_at_ms = CASE WHEN id = ANY({delivered}) THEN coalesce(delivered_at_ms, {at}) ELSE delivered_at_ms END
             WHERE id = ANY({delivered} || {unattended})"
        );
        batch.part("marked", &marked);
    }
}

/// Writes what waits.
pub(super) async fn write(connection: &mut PgConnection, marks: &Marks) -> Result<(), BooksError> {
    let snapshot = marks.snapshot();
    if snapshot.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::default();
    snapshot.add_to(&mut batch, now_ms!());
    // A client was sent away with its payment's id: a crash of the server must not lose that.
    let is_urgent = !snapshot.unattended().is_empty();
    let answer =
        if is_urgent { "SELECT set_config('synchronous_commit', 'on', true)" } else { "SELECT 1" };
    batch.run(connection, answer).await.map_err(unavailable)?;
    marks.written(&snapshot);
    Ok(())
}
