//! `[refunds]`: money on its way back.

use serde::{Deserialize, Serialize};

/// `[refunds]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Refunds {
    /// Hours after its approval from which on a refund that is not decided is a finding.
    pub stuck_after_hours: u32,
}

impl Default for Refunds {
    fn default() -> Self {
        Self { stuck_after_hours: 48 }
    }
}
