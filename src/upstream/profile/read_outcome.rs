//! `[outcome]` of a profile file, and `done` of its routes: what an answer of the API means.

use toml::{Table, Value};

use super::outcome::{DoneRule, ErrorShape, OutcomeRules, RefusalRule, media_type};
use super::raw;
use super::values::{pairs, pointer};
use crate::strict_toml::{self, Mistake};

const REFUSED: &str = "outcome.refused";
/// What can be told by: exactly one of these keys stands beside the statuses.
const SHAPES: [&str; 3] = ["has", "content_type", "envelope"];
/// Refused is our key or our account, or it is too early to say: none of these ends a call.
const NEVER_FINAL: [u16; 6] = [401, 402, 407, 408, 425, 429];

/// Reads `[outcome]`.
pub(super) fn outcome(table: &Table, mistakes: &mut Vec<Mistake>) -> OutcomeRules {
    let raw: raw::Outcome = strict_toml::read("outcome", table, mistakes);
    if !table.contains_key("refused") {
        let text = "is required, for example { status = [400, 404, 422], has = \"/error/code\" }";
        mistakes.push(Mistake::new(REFUSED, text));
    }
    let refused = raw.refused.map(|table| refused(&table, mistakes));
    OutcomeRules {
        refused: refused
            .unwrap_or(RefusalRule { status: Vec::new(), shape: ErrorShape::StatusAlone }),
    }
}

fn refused(table: &Table, mistakes: &mut Vec<Mistake>) -> RefusalRule {
    let raw: raw::Refused = strict_toml::read(REFUSED, table, mistakes);
    if !table.contains_key("status") {
        mistakes.push(Mistake::new(
            format!("{REFUSED}.status"),
            "is required, for example [400, 404, 422]; [] where no answer is final",
        ));
    }
    for status in &raw.status {
        if !(400..500).contains(status) || NEVER_FINAL.contains(status) {
            let text = format!(
                "{status} is never a final refusal; expected 4xx without 401, 402, 407, 408, 425 and 429"
            );
            mistakes.push(Mistake::new(format!("{REFUSED}.status"), text));
        }
    }
    let named: Vec<&str> = SHAPES.into_iter().filter(|key| table.contains_key(*key)).collect();
    match named.as_slice() {
        [_] => {}
        [] => {
            let text = "needs has, content_type or envelope = \"none\": by what an error of the API is told from a stranger's";
            mistakes.push(Mistake::new(REFUSED, text));
        }
        several => mistakes.push(Mistake::new(
            REFUSED,
            format!("names {}; expected one of them", several.join(" and ")),
        )),
    }
    RefusalRule { status: raw.status.clone(), shape: shape(raw, mistakes) }
}

fn shape(raw: raw::Refused, mistakes: &mut Vec<Mistake>) -> ErrorShape {
    match (raw.has, raw.content_type, raw.envelope) {
        (Some(has), _, _) => ErrorShape::Has(pointers(has, mistakes)),
        (None, Some(text), _) => ErrorShape::ContentType(content_type(&text, mistakes)),
        (None, None, Some(raw::NoEnvelope::None) | None) => ErrorShape::StatusAlone,
    }
}

fn pointers(has: Value, mistakes: &mut Vec<Mistake>) -> Vec<String> {
    let place = format!("{REFUSED}.has");
    let texts: Option<Vec<String>> = match has {
        Value::String(text) => Some(vec![text]),
        Value::Array(list) if !list.is_empty() => {
            list.into_iter().map(|text| text.as_str().map(str::to_owned)).collect()
        }
        Value::Array(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Table(_) => None,
    };
    if texts.is_none() {
        let text = "expected a JSON pointer, for example \"/error/code\", or a list of them";
        mistakes.push(Mistake::new(place.clone(), text));
    }
    texts
        .unwrap_or_default()
        .into_iter()
        .filter_map(|text| pointer(&place, Some(text), mistakes))
        .collect()
}

fn content_type(text: &str, mistakes: &mut Vec<Mistake>) -> String {
    let token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    if !text.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub)) {
        let text =
            "expected a media type without parameters, for example \"application/problem+json\"";
        mistakes.push(Mistake::new(format!("{REFUSED}.content_type"), text));
    }
    media_type(text)
}

/// Reads `done` of a route.
pub(super) fn done(
    place: &str,
    table: Option<&Table>,
    mistakes: &mut Vec<Mistake>,
) -> Option<DoneRule> {
    let place = format!("{place}.done");
    let raw: raw::Done = strict_toml::read(&place, table?, mistakes);
    if raw.status.is_empty() || raw.status.iter().any(|status| !(200..300).contains(status)) {
        let text = "expected one or more statuses of 200-299";
        mistakes.push(Mistake::new(format!("{place}.status"), text));
    }
    Some(DoneRule {
        status: raw.status,
        has: pointer(&format!("{place}.has"), raw.has, mistakes),
        equals: pairs(&format!("{place}.equals"), raw.equals, mistakes),
        unless: pairs(&format!("{place}.unless"), raw.unless, mistakes),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The rule in this text, and the places of its mistakes.
    fn read(text: &str) -> (RefusalRule, Vec<String>) {
        let mut mistakes = Vec::new();
        let rules = outcome(&text.parse().unwrap(), &mut mistakes);
        (rules.refused, mistakes.into_iter().map(|mistake| mistake.place).collect())
    }

    #[test]
    fn a_refusal_is_told_in_one_of_three_ways() {
        let has = |pointers: &[&str]| {
            ErrorShape::Has(pointers.iter().map(|text| (*text).to_owned()).collect())
        };
        for (key, shape) in [
            ("has = \"/error/code\"", has(&["/error/code"])),
            ("has = [\"/code\", \"/message\"]", has(&["/code", "/message"])),
            (
                "content_type = \"Application/Problem+JSON\"",
                ErrorShape::ContentType(String::from("application/problem+json")),
            ),
            ("envelope = \"none\"", ErrorShape::StatusAlone),
        ] {
            let (rule, mistakes) = read(&format!("refused = {{ status = [400, 422], {key} }}"));
            assert_eq!(
                (rule.status.as_slice(), rule.shape, mistakes),
                (&[400, 422][..], shape, Vec::new()),
                "{key}"
            );
        }
        let (rule, mistakes) = read("refused = { status = [], envelope = \"none\" }");
        assert!(rule.status.is_empty() && mistakes.is_empty(), "{mistakes:?}");
    }

    #[test]
    fn each_mistake_of_a_refusal_has_its_place() {
        let both = "refused = { status = [400], has = \"/a\", content_type = \"a/b\" }";
        for (text, places) in [
            ("", &["outcome.refused"][..]),
            ("refused = [400]", &["outcome.refused"]),
            ("refused = {}", &["outcome.refused.status", "outcome.refused"]),
            ("refused = { has = \"/a\" }", &["outcome.refused.status"]),
            ("refused = { status = [400] }", &["outcome.refused"]),
            ("refused = { status = \"400\", has = \"/a\" }", &["outcome.refused.status"]),
            (both, &["outcome.refused"]),
            (
                "refused = { status = [400], has = \"/a\", envelope = \"none\" }",
                &["outcome.refused"],
            ),
            ("refused = { status = [400], has = \"a\" }", &["outcome.refused.has"]),
            ("refused = { status = [400], has = [\"/a\", \"b\"] }", &["outcome.refused.has"]),
            ("refused = { status = [400], has = [] }", &["outcome.refused.has"]),
            ("refused = { status = [400], has = [1] }", &["outcome.refused.has"]),
            ("refused = { status = [400], has = 1 }", &["outcome.refused.has"]),
            (
                "refused = { status = [400], content_type = \"problem\" }",
                &["outcome.refused.content_type"],
            ),
            (
                "refused = { status = [400], content_type = \"a/b; charset=utf-8\" }",
                &["outcome.refused.content_type"],
            ),
            ("refused = { status = [400], content_type = 1 }", &["outcome.refused.content_type"]),
            ("refused = { status = [400], envelope = \"some\" }", &["outcome.refused.envelope"]),
            (
                "refused = { status = [400], envelope = \"none\", colour = 1 }",
                &["outcome.refused.colour"],
            ),
            ("colour = 1\nrefused = { status = [400], envelope = \"none\" }", &["outcome.colour"]),
        ] {
            assert_eq!(read(text).1, places, "{text}");
        }
        for status in [401, 402, 407, 408, 425, 429, 200, 302, 399, 500, 503] {
            let (_, places) =
                read(&format!("refused = {{ status = [400, {status}], has = \"/a\" }}"));
            assert_eq!(places, ["outcome.refused.status"], "{status}");
        }
    }
}
