//! What an upstream's answer to a paid call means, by the rules of its profile.

use serde_json::Value;

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

// === impl DoneRule ===

impl DoneRule {
    /// Whether an answer says that the work was done.
    #[must_use]
    pub fn matches(&self, status: u16, body: &Value) -> bool {
        let is = |(pointer, wanted): &(String, Value)| body.pointer(pointer) == Some(wanted);
        let has = |pointer: &String| leads_somewhere(body, pointer);
        self.status.contains(&status) && self.has.as_ref().is_none_or(has) && self.equals.iter().all(is) && !self.unless.iter().any(is)
    }
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
