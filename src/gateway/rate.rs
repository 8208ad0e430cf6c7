//! What an agent's bucket holds.

use payments::time::UnixMs;

/// What the agent has left, for whoever writes it into an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateState {
    /// Requests a minute.
    pub limit: u32,
    /// Requests that pass now.
    pub remaining: u32,
    /// When the bucket is full again.
    pub reset: UnixMs,
}
