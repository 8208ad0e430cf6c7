//! What an agent's bucket holds, as the upstream's clients read it.

use http::{HeaderMap, HeaderName, HeaderValue};
use payments::time::UnixMs;

use crate::upstream::profile::{RateHeaders, ResetUnit};

/// What the agent has left, for the headers of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RateState {
    /// Requests a minute.
    pub limit: u32,
    /// Requests that pass now.
    pub remaining: u32,
    /// When the bucket is full again.
    pub reset: UnixMs,
}

// === impl RateState ===

impl RateState {
    /// The three headers, under the names that the profile gives them.
    pub(super) fn headers(self, names: &RateHeaders) -> [(HeaderName, String); 3] {
        let reset = match names.reset_unit {
            ResetUnit::Ms => self.reset.ms(),
            ResetUnit::S => self.reset.unix_s(),
        };
        [
            (names.limit.clone(), self.limit.to_string()),
            (names.remaining.clone(), self.remaining.to_string()),
            (names.reset.clone(), reset.to_string()),
        ]
    }

    /// Writes them into an answer.
    pub(super) fn write(self, names: &RateHeaders, headers: &mut HeaderMap) {
        for (name, value) in self.headers(names) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}
