//! Time and ids that move when told.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use uuid::Uuid;

use payments::{
    ids::PaymentId,
    ports::{Clock, Ids},
    time::UnixMs,
};

/// 2026-03-14T12:00:00Z, where hand-turned clocks start: the middle of a day and of a month.
pub const START: UnixMs = UnixMs::from_s(1_773_489_600);

/// A clock turned by hand. Waiting turns it too, and takes no time.
#[derive(Debug)]
pub struct HandClock {
    ms: AtomicI64,
}

/// Ids in the order in which they are made.
#[derive(Debug, Default)]
pub struct CountedIds {
    last: AtomicU64,
}

// === impl HandClock ===

impl HandClock {
    /// At this moment.
    pub fn at(now: UnixMs) -> Self {
        Self { ms: AtomicI64::new(now.ms()) }
    }

    /// Turns it on by some milliseconds.
    pub fn turn_ms(&self, ms: i64) {
        self.ms.fetch_add(ms, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> UnixMs {
        UnixMs::new(self.ms.load(Ordering::SeqCst))
    }

    async fn sleep_ms(&self, ms: u64) {
        self.turn_ms(i64::try_from(ms).unwrap_or(i64::MAX));
    }
}

// === impl CountedIds ===

impl Ids for CountedIds {
    fn payment_id(&self) -> PaymentId {
        numbered_id(self.last.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

/// The id with this number; ids sort by their numbers.
pub fn numbered_id(number: u64) -> PaymentId {
    PaymentId::new(Uuid::from_u128(u128::from(number)))
}
