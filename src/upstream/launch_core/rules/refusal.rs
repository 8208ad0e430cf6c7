//! Why something is refused: every single finding, and the one answer that they make together.

use serde::Serialize;
use serde_json::Value;

/// The class of a finding; it decides status and code of the refusal. In the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The body breaks a rule of its own: 400 SERVER_002.
    Invalid,
    /// A media type that is not supported: 400 UPLOAD_001.
    MediaType,
    /// A media file or its data is too large: 400 UPLOAD_002.
    MediaSize,
    /// Posting through connected user accounts, which agents may not: 403 AUTH_002.
    OwnAccounts,
    /// A persona that does not exist: 404 SERVER_003.
    PersonaUnknown,
    /// A platform's requirements are not met: 400 LAUNCH_007.
    PlatformRequirement,
    /// No platform to post to: 422 LAUNCH_007.
    NoPlatforms,
    /// The launch's status forbids the change: 409 LAUNCH_003.
    StatusForbidsChange,
    /// The launch's status forbids publishing: 409 LAUNCH_004.
    StatusForbidsPublish,
}

impl Kind {
    /// HTTP status and error code of the product's error table.
    #[must_use]
    pub const fn status_and_code(self) -> (u16, &'static str) {
        match self {
            Self::Invalid => (400, "SERVER_002"),
            Self::MediaType => (400, "UPLOAD_001"),
            Self::MediaSize => (400, "UPLOAD_002"),
            Self::OwnAccounts => (403, "AUTH_002"),
            Self::PersonaUnknown => (404, "SERVER_003"),
            Self::PlatformRequirement => (400, "LAUNCH_007"),
            Self::NoPlatforms => (422, "LAUNCH_007"),
            Self::StatusForbidsChange => (409, "LAUNCH_003"),
            Self::StatusForbidsPublish => (409, "LAUNCH_004"),
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Decides status and code.
    #[serde(skip)]
    pub kind: Kind,
    /// Path of the member, for example `platform_contents.twitter.thread[2]`; empty for the whole body.
    pub field: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What would be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was sent, shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
}

impl Violation {
    /// A finding of the given class.
    pub fn new(kind: Kind, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, field: field.into(), message: message.into(), expected: None, got: None }
    }

    /// A body that breaks a rule of its own.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, field, message)
    }

    /// Names what would be accepted.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Names what was sent.
    #[must_use]
    pub fn got(mut self, value: &Value) -> Self {
        self.got = Some(describe(value));
        self
    }
}

/// The answer to a body or an operation that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Error code of the product.
    pub code: &'static str,
    /// One sentence for a person.
    pub message: String,
    /// Every finding; never empty.
    pub details: Vec<Violation>,
    /// Member of the leading finding.
    pub field: Option<Box<str>>,
    /// What that member must be.
    pub expected: Option<Box<str>>,
    /// What it was.
    pub got: Option<Box<str>>,
}

impl Refusal {
    /// The refusal that these findings make: the first of the leading class speaks, all are listed. `None` without findings.
    #[must_use]
    pub fn of(details: Vec<Violation>) -> Option<Self> {
        let lead = details.iter().min_by_key(|violation| violation.kind)?.clone();
        Some(Self::led_by(lead, details))
    }

    /// A refusal of one finding.
    #[must_use]
    pub fn one(violation: Violation) -> Self {
        Self::led_by(violation.clone(), vec![violation])
    }

    fn led_by(lead: Violation, details: Vec<Violation>) -> Self {
        let (status, code) = lead.kind.status_and_code();
        Self {
            status,
            code,
            message: lead.message,
            details,
            field: Some(lead.field.into_boxed_str()).filter(|field| !field.is_empty()),
            expected: lead.expected.map(String::into_boxed_str),
            got: lead.got.map(String::into_boxed_str),
        }
    }
}

/// A value in a few words, short enough for an error text.
fn describe(value: &Value) -> String {
    const QUOTED_CHARS: usize = 60;
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.chars().count() <= QUOTED_CHARS => format!("{text:?}"),
        Value::String(text) => format!("a string of {} characters", text.chars().count()),
        Value::Array(items) => format!("an array of {} items", items.len()),
        Value::Object(members) => format!("an object of {} members", members.len()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_leading_class_decides_and_every_finding_is_listed() {
        let refusal = Refusal::of(vec![
            Violation::new(Kind::PlatformRequirement, "a", "later"),
            Violation::invalid("b", "first").expected("x"),
            Violation::invalid("c", "second"),
        ])
        .unwrap();
        assert_eq!((refusal.status, refusal.code), (400, "SERVER_002"));
        assert_eq!(refusal.field.as_deref(), Some("b"));
        assert_eq!(refusal.expected.as_deref(), Some("x"));
        assert_eq!(refusal.details.len(), 3);
        assert_eq!(Refusal::of(vec![]), None);
    }

    #[test]
    fn long_values_are_described_not_repeated() {
        assert_eq!(describe(&Value::from("é".repeat(61))), "a string of 61 characters");
        assert_eq!(describe(&Value::from("ab")), "\"ab\"");
    }
}
