//! Why something is refused: every single finding, and the one answer that they make together.

use serde::Serialize;
use serde_json::Value;

/// The field of a finding about the whole body.
pub const WHOLE: &str = "body";

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
    /// Path of the member, for example `platform_contents.twitter.thread[2]`; [`WHOLE`] for the
    /// whole body.
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

    fn complete(&mut self, seen: &Value) {
        self.expected.get_or_insert_with(|| self.message.clone());
        self.got.get_or_insert_with(|| {
            member(seen, &self.field).map_or_else(|| "nothing".to_owned(), describe)
        });
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
    /// The refusal that these findings make: the first of the leading class speaks, all are listed.
    /// `None` without findings.
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

    /// Says of every finding what was expected and what was there, as far as the rule itself did
    /// not: the member of `seen` that it speaks of.
    #[must_use]
    pub fn complete(mut self, seen: &Value) -> Self {
        for finding in &mut self.details {
            finding.complete(seen);
        }
        let same = |finding: &&Violation| {
            finding.message == self.message && Some(finding.field.as_str()) == self.field.as_deref()
        };
        let lead = self
            .details
            .iter()
            .find(same)
            .or_else(|| self.details.iter().min_by_key(|finding| finding.kind));
        if let Some(lead) = lead.cloned() {
            self.expected = self.expected.or(lead.expected.map(String::into_boxed_str));
            self.got = self.got.or(lead.got.map(String::into_boxed_str));
        }
        self
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

/// The member at a path such as `platform_contents.twitter.thread[2]`; `body` is the whole.
fn member<'a>(seen: &'a Value, path: &str) -> Option<&'a Value> {
    if path == WHOLE {
        return Some(seen);
    }
    let mut found = seen;
    for part in path.split('.') {
        let (name, indexes) =
            part.split_once('[').map_or((part, None), |(name, rest)| (name, Some(rest)));
        found = found.get(name)?;
        for index in indexes.into_iter().flat_map(|rest| rest.split('[')) {
            found = found.get(index.strip_suffix(']')?.parse::<usize>().ok()?)?;
        }
    }
    Some(found)
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
    fn a_finding_says_what_was_there() {
        let seen = serde_json::json!({"a": {"b": ["x", {"c": 5}]}, "d": null});
        for (field, got) in [
            ("a.b[1].c", "5"),
            ("a.b[0]", "\"x\""),
            ("a.b[2]", "nothing"),
            ("d", "null"),
            (WHOLE, "an object of 2 members"),
        ] {
            let refusal = Refusal::one(Violation::invalid(field, "must be good")).complete(&seen);
            assert_eq!(
                (refusal.expected.as_deref(), refusal.got.as_deref()),
                (Some("must be good"), Some(got)),
                "{field}"
            );
            assert_eq!(refusal.details[0].got.as_deref(), Some(got));
        }
        let named =
            Refusal::one(Violation::invalid("d", "m").expected("x").got(&Value::Bool(true)))
                .complete(&seen);
        assert_eq!((named.expected.as_deref(), named.got.as_deref()), (Some("x"), Some("true")));
    }

    #[test]
    fn long_values_are_described_not_repeated() {
        assert_eq!(describe(&Value::from("é".repeat(61))), "a string of 61 characters");
        assert_eq!(describe(&Value::from("ab")), "\"ab\"");
    }
}
