//! The durable trace of answered requests: what an operator needs to explain an answer by its
//! request id.

use crate::{agent::Payer, ids::PaymentId, time::UnixMs};

/// For how long a note is kept: 7 days.
pub const REQUESTS_KEPT_MS: i64 = 7 * 86_400_000;
/// How many notes may wait for the books at once; more are dropped, because no request may be
/// slowed or stopped by its note.
pub const MAX_WAITING_NOTES: usize = 10_000;

/// How one request of a proven payer was answered. It holds no credential, no body and no id of the
/// path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestNote {
    /// The answer's `X-Request-Id`.
    pub request_id: String,
    /// When it was answered.
    pub at: UnixMs,
    /// The route's key, `POST /launches`.
    pub route: String,
    /// Who asked; proven, never claimed.
    pub payer: Payer,
    /// HTTP status of the answer.
    pub status: u16,
    /// The code of a refusal.
    pub code: Option<String>,
    /// The stable word for its cause.
    pub reason: Option<String>,
    /// The intent that the answer speaks of.
    pub payment: Option<PaymentId>,
    /// What `X-Charge` said: what funded it, and how many free launches were left.
    pub charge: String,
}
