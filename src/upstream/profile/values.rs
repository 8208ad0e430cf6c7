//! The small values of a profile: patterns, JSON pointers, header names, durations, sizes.

use http::HeaderName;
use toml::Table;

use crate::strict_toml::Mistake;

/// Whether a text is a path of plain segments or `:names`, without a trailing slash.
pub(super) fn is_pattern(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let segment = |segment: &str| match segment.strip_prefix(':') {
        Some(param) => !param.is_empty() && param.bytes().all(name),
        None => !matches!(segment, "" | "." | "..") && segment.bytes().all(plain),
    };
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment))
}

/// A JSON pointer (RFC 6901) to a member, not to the whole document.
pub(super) fn pointer(
    place: &str,
    text: Option<String>,
    mistakes: &mut Vec<Mistake>,
) -> Option<String> {
    let text = text?;
    if text.starts_with('/') {
        return Some(text);
    }
    mistakes.push(Mistake::new(place, "expected a JSON pointer, for example /data/id"));
    None
}

/// A table of JSON pointers and the values that they must lead to.
pub(super) fn pairs(
    place: &str,
    table: Table,
    mistakes: &mut Vec<Mistake>,
) -> Vec<(String, serde_json::Value)> {
    let mut pairs = Vec::new();
    for (key, value) in table {
        match serde_json::to_value(&value) {
            Ok(value) => {
                pairs.extend(pointer(place, Some(key), mistakes).map(|pointer| (pointer, value)));
            }
            Err(error) => mistakes.push(Mistake::new(place, error.to_string())),
        }
    }
    pairs
}

/// A header's name.
pub(super) fn header(
    place: &str,
    text: Option<&str>,
    mistakes: &mut Vec<Mistake>,
) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(text?.as_bytes()).ok();
    if name.is_none() {
        mistakes.push(Mistake::new(place, "not a header name"));
    }
    name
}

/// A number with one of the units.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (unit, factor) = units.iter().find(|(unit, _)| text.ends_with(unit))?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits
        .parse::<u64>()
        .ok()?
        .checked_mul(*factor)
        .filter(|value| *value > 0 && i64::try_from(*value).is_ok())
}

/// `"100s"`, `"2m"`: seconds.
pub(super) fn seconds(text: &str) -> Option<u64> {
    with_unit(text, &[("s", 1), ("m", 60)])
}

/// `"8MiB"`, `"64KiB"`, `"100B"`: bytes.
pub(super) fn bytes(text: &str) -> Option<u64> {
    with_unit(text, &[("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for good in ["/launches", "/launches/:id/status", "/openapi.json", "/v1/a-b_c~d"] {
            assert!(is_pattern(good), "{good}");
        }
        for bad in [
            "",
            "/",
            "launches",
            "/launches/",
            "//launches",
            "/a/../b",
            "/./a",
            "/:",
            "/:i-d",
            "/a b",
            "/%61",
            "/a;b",
            "/{id}",
            "/a?b",
            "/é",
        ] {
            assert!(!is_pattern(bad), "{bad}");
        }
    }

    #[test]
    fn units() {
        assert_eq!(seconds("100s"), Some(100));
        assert_eq!(seconds("2m"), Some(120));
        assert_eq!(bytes("8MiB"), Some(8_388_608));
        assert_eq!(bytes("64KiB"), Some(65_536));
        assert_eq!(bytes("100B"), Some(100));
        for bad in ["", "s", "1", "-1s", "+1s", "1.5s", "0s", "1h", "99999999999999999999s"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        assert_eq!(bytes("9223372036854775807MiB"), None);
    }
}
