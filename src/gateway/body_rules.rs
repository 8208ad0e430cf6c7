//! The rules of a body beyond its schema, and what they say of one that the upstream would refuse.

use serde::Serialize;
use serde_json::Value;

/// The rules of a body beyond its schema: the parsed body and the time in unix seconds.
pub type BodyRules = Box<dyn Fn(&str, &Value, i64) -> Result<(), Box<BodyRefusal>> + Send + Sync>;

/// A body that the upstream or the rules for agents would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyRefusal {
    /// HTTP status.
    pub status: u16,
    /// The product's error code.
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// Every finding, the leading one first where only one speaks.
    pub details: Vec<BodyFinding>,
    /// The member that the leading finding speaks of.
    pub field: String,
    /// What would be accepted.
    pub expected: String,
    /// What was sent, shortened.
    pub got: String,
}

/// One thing that is wrong with a body, as `details` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BodyFinding {
    /// The member, for example `platform_contents.twitter.thread[2]`.
    pub field: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What would be accepted.
    pub expected: String,
    /// What was sent, shortened.
    pub got: String,
}
