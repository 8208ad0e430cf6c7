//! The one place that reads the clock, makes ids and draws random bytes. Everything else is handed
//! what it needs.

#![allow(clippy::disallowed_methods, reason = "this is the one file that may")]

use std::{
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use payments::{
    ids::PaymentId,
    ports::{Clock, Ids},
    time::UnixMs,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::{NoContext, Timestamp, Uuid};

/// The system's clock, or for tests a file that says what time it is.
#[derive(Debug, Clone, Default)]
pub struct SystemClock {
    file: Option<PathBuf>,
}

/// Ids that sort by the time they were made (UUID version 7).
#[derive(Debug, Clone)]
pub struct SystemIds(pub SystemClock);

/// How long something took, by a clock that nobody sets: for metrics and logs, never for rules.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

/// The system's random generator failed; nothing secret may be made then.
#[derive(Debug, thiserror::Error)]
#[error("the system has no randomness: {0}")]
pub struct NoRandomness(getrandom::Error);

/// Fresh random bytes.
///
/// # Errors
/// [`NoRandomness`].
pub fn random_bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(NoRandomness)?;
    Ok(bytes)
}

// === impl Stopwatch ===

impl Stopwatch {
    /// From now on.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

// === impl SystemClock ===

impl SystemClock {
    /// With `[test] clock_file`, the time that the file holds: RFC 3339, or milliseconds since
    /// 1970.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file }
    }

    /// Milliseconds since 1970.
    pub fn now_unix_ms(&self) -> i64 {
        self.file.as_ref().and_then(read_file).unwrap_or_else(system_unix_ms)
    }

    /// Whole seconds since 1970.
    pub fn now_unix_s(&self) -> i64 {
        self.now_unix_ms().div_euclid(1000)
    }

    /// A fresh UUID of version 7.
    pub fn new_uuid(&self) -> Uuid {
        let ms = u64::try_from(self.now_unix_ms()).unwrap_or(0);
        let (seconds, nanos) = (ms / 1000, u32::try_from(ms % 1000).unwrap_or(0) * 1_000_000);
        let at = Timestamp::from_unix(NoContext, seconds, nanos);
        let mut id = Uuid::new_v7(at).into_bytes();
        // Within one millisecond the order is free; the random part must be the system's.
        if let Ok(random) = random_bytes::<8>() {
            for (byte, fresh) in id[8..].iter_mut().zip(random) {
                *byte = fresh;
            }
            id[8] = (id[8] & 0x3f) | 0x80;
        }
        Uuid::from_bytes(id)
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> UnixMs {
        UnixMs::new(self.now_unix_ms())
    }

    async fn sleep_ms(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

impl Ids for SystemIds {
    fn payment_id(&self) -> PaymentId {
        PaymentId::new(self.0.new_uuid())
    }
}

fn read_file(path: &PathBuf) -> Option<i64> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.trim();
    match text.parse::<i64>() {
        Ok(ms) => Some(ms),
        Err(_) => {
            let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
            i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
        }
    }
}

fn system_unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_clock_file_says_what_time_it_is_in_either_form() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clock");
        let clock = SystemClock::new(Some(path.clone()));
        for text in ["1767225599800\n", "2025-12-31T23:59:59.800Z"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(clock.now_unix_ms(), 1_767_225_599_800, "{text}");
        }
    }

    #[test]
    fn ids_sort_by_time_and_never_repeat() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clock");
        std::fs::write(&path, "1767225599800").unwrap();
        let ids = SystemIds(SystemClock::new(Some(path.clone())));
        let (a, b) = (ids.payment_id(), ids.payment_id());
        assert_ne!(a, b);
        std::fs::write(&path, "1767225599801").unwrap();
        assert!(ids.payment_id().to_string() > a.to_string().max(b.to_string()));
    }
}
