//! What more than one part reads out of the configuration in the same way.

use crate::{clock::SystemClock, config::Config};

/// The system's clock, or the one of `test.clock_file`.
pub(super) fn clock(config: &Config) -> SystemClock {
    SystemClock::new(
        Some(config.test.clock_file.clone()).filter(|path| !path.as_os_str().is_empty()),
    )
}

/// Where agents call, without a trailing slash.
pub(super) fn public_url(config: &Config) -> &str {
    config.server.public_url.as_str().trim_end_matches('/')
}

pub(super) fn hours_ms(hours: u64) -> i64 {
    seconds_ms(hours.saturating_mul(3600))
}

pub(super) fn seconds_ms(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}
