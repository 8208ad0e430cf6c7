//! What an upstream's answer to a paid call means, by the rules of its profile.

use serde_json::Value;

/// As much of an answer as the rules look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeenAnswer<'a> {
    /// Its status.
    pub status: u16,
    /// Its `Content-Type`, as it came.
    pub content_type: Option<&'a str>,
    /// Its body; `None` where that is not JSON.
    pub body: Option<&'a Value>,
}

/// What holds for the answers of every route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRules {
    /// Which answers refuse a call for good.
    pub refused: RefusalRule,
}

/// An answer that refuses a call for good: one of the statuses, in the upstream's own shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalRule {
    /// One of these statuses; none: no answer is a final refusal.
    pub status: Vec<u16>,
    /// What the upstream's own errors look like.
    pub shape: ErrorShape,
}

/// By what an error of the upstream is told from one of something that answers in its place, a
/// proxy or a firewall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorShape {
    /// One of these JSON pointers leads to something that is not null.
    Has(Vec<String>),
    /// It is of this media type, written in lower case and without parameters.
    ContentType(String),
    /// By nothing: its errors have no shape, and the status alone counts.
    StatusAlone,
}

/// An answer that says that the work was done: all parts must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DoneRule {
    /// One of these statuses.
    pub status: Vec<u16>,
    /// This JSON pointer leads to something that is not null.
    pub has: Option<String>,
    /// Each pointer leads to exactly this value.
    pub equals: Vec<(String, Value)>,
    /// No pointer leads to its value.
    pub unless: Vec<(String, Value)>,
}

// === impl RefusalRule ===

impl RefusalRule {
    /// Whether an answer is a final refusal.
    #[must_use]
    pub fn matches(&self, answer: &SeenAnswer<'_>) -> bool {
        self.status.contains(&answer.status) && self.is_own(answer)
    }

    /// Whether an error is the upstream's own, whatever its status. Where errors have no shape,
    /// each one counts as its own.
    #[must_use]
    pub fn is_own(&self, answer: &SeenAnswer<'_>) -> bool {
        match &self.shape {
            ErrorShape::Has(pointers) => answer
                .body
                .is_some_and(|body| pointers.iter().any(|pointer| leads_somewhere(body, pointer))),
            ErrorShape::ContentType(wanted) => {
                answer.content_type.is_some_and(|kind| media_type(kind) == *wanted)
            }
            ErrorShape::StatusAlone => true,
        }
    }
}

// === impl DoneRule ===

impl DoneRule {
    /// Whether an answer says that the work was done.
    #[must_use]
    pub fn matches(&self, status: u16, body: &Value) -> bool {
        let is = |(pointer, wanted): &(String, Value)| body.pointer(pointer) == Some(wanted);
        let has = |pointer: &String| leads_somewhere(body, pointer);
        self.status.contains(&status)
            && self.has.as_ref().is_none_or(has)
            && self.equals.iter().all(is)
            && !self.unless.iter().any(is)
    }
}

/// The media type of a `Content-Type`, in lower case and without its parameters.
#[must_use]
pub fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a JSON pointer leads to something that is not null.
fn leads_somewhere(body: &Value, pointer: &str) -> bool {
    body.pointer(pointer).is_some_and(|found| !found.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_is_done_where_all_parts_hold() {
        let done = DoneRule {
            status: vec![200, 201],
            has: Some("/data/id".into()),
            equals: vec![("/ok".into(), json!(true))],
            unless: vec![("/duplicate".into(), json!(true))],
        };
        let good = json!({"ok": true, "data": {"id": "x"}});
        assert!(done.matches(201, &good));
        assert!(!done.matches(202, &good));
        for bad in [
            json!({"ok": true, "data": {"id": null}}),
            json!({"ok": true, "data": {}}),
            json!({"ok": false, "data": {"id": "x"}}),
            json!({"data": {"id": "x"}}),
            json!({"ok": true, "duplicate": true, "data": {"id": "x"}}),
            json!(null),
        ] {
            assert!(!done.matches(201, &bad), "{bad}");
        }
    }
}
