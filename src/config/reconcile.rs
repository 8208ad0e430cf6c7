//! `[reconcile]`: when the books are compared with the world.

use serde::{Deserialize, Serialize};

/// `[reconcile]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reconcile {
    /// Seconds between two comparisons over what is recent; 0: only by the command.
    pub every_s: u64,
    /// The hour of the day, in UTC, from which on one comparison is over everything.
    pub full_at_utc_hour: u8,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self { every_s: 300, full_at_utc_hour: 3 }
    }
}
