//! `[upstream]` and `[credential]` of a profile file: where the API is, and what the gateway shows
//! it.

use http::{HeaderName, HeaderValue, Uri};
use toml::Table;

use super::values::{bytes, header, is_pattern, seconds};
use super::{Credential, Upstream, raw};
use crate::strict_toml::{self, Mistake};

const DEFAULT_TIMEOUT_S: u64 = 60;
const DEFAULT_MAX_BODY_BYTES: u64 = 8 << 20;
/// Headers that belong to the connection or to payments.
const NOT_A_CREDENTIAL: [&str; 7] = [
    "x-payment",
    "payment-signature",
    "x-agent-token",
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
];

/// Reads `[upstream]`.
pub(super) fn upstream(table: &Table, mistakes: &mut Vec<Mistake>) -> Upstream {
    let raw: raw::Upstream = strict_toml::read("upstream", table, mistakes);
    let base_url = required("upstream.base_url", raw.base_url, mistakes);
    if !base_url.is_empty() && !is_base_url(&base_url) {
        let text = "expected http(s)://host[:port][/path] without user, query or fragment";
        mistakes.push(Mistake::new("upstream.base_url", text));
    }
    let mut strip_prefixes = raw.strip_prefixes;
    if !strip_prefixes.iter().any(|prefix| prefix == "/v1") {
        strip_prefixes.push("/v1".to_owned());
    }
    for prefix in strip_prefixes.iter().filter(|prefix| !is_pattern(prefix)) {
        let text = format!("{prefix:?} is not a path prefix such as \"/v1\"");
        mistakes.push(Mistake::new("upstream.strip_prefixes", text));
    }
    let mut amount =
        |key: &str, text: Option<String>, parse: fn(&str) -> Option<u64>, default, example| {
            text.map_or(Some(default), |text| parse(&text)).unwrap_or_else(|| {
                let text =
                    format!("expected a positive number with a unit, for example {example:?}");
                mistakes.push(Mistake::new(format!("upstream.{key}"), text));
                default
            })
        };
    let timeout_s = amount("timeout", raw.timeout, seconds, DEFAULT_TIMEOUT_S, "100s");
    let max_body_bytes = amount("max_body", raw.max_body, bytes, DEFAULT_MAX_BODY_BYTES, "8MiB");
    for (key, value) in [("per_minute", raw.per_minute), ("concurrent", raw.concurrent)] {
        if value == Some(0) {
            mistakes.push(Mistake::new(format!("upstream.{key}"), "must be above 0"));
        }
    }
    let health = raw.health.filter(|path| {
        let good = is_pattern(path) && !path.contains(':');
        if !good {
            mistakes.push(Mistake::new("upstream.health", "expected a path"));
        }
        good
    });
    Upstream {
        base_url: base_url.trim_end_matches('/').to_owned(),
        strip_prefixes,
        timeout_s,
        max_body_bytes,
        health,
        per_minute: raw.per_minute,
        concurrent: raw.concurrent,
    }
}

fn is_base_url(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        matches!(uri.scheme_str(), Some("http" | "https"))
            && !authority.is_empty()
            && !authority.contains('@')
            && uri.query().is_none()
            && !text.contains('#')
    })
}

/// Reads `[credential]`; `None` when it has mistakes.
pub(super) fn credential(table: &Table, mistakes: &mut Vec<Mistake>) -> Option<Credential> {
    let raw: raw::Credential = strict_toml::read("credential", table, mistakes);
    let main = required("credential.header", raw.header, mistakes);
    let value = required("credential.value", raw.value, mistakes);
    let mut one = |place: &str, name: &str, value: &str| -> Option<(HeaderName, HeaderValue)> {
        let name = header(place, Some(name), mistakes)?;
        if NOT_A_CREDENTIAL.contains(&name.as_str()) {
            mistakes.push(Mistake::new(place, "this header cannot carry a credential"));
        }
        let Ok(mut value) = HeaderValue::from_str(value) else {
            mistakes.push(Mistake::new(place, "the value does not fit in a header"));
            return None;
        };
        value.set_sensitive(true);
        Some((name, value))
    };
    let first = if main.is_empty() || value.is_empty() {
        None
    } else {
        one("credential.header", &main, &value)
    };
    let extra: Vec<_> = raw
        .extra
        .iter()
        .filter_map(|(name, value)| one(&format!("credential.extra.{name}"), name, value))
        .collect();
    let (header, value) = first?;
    (extra.len() == raw.extra.len()).then_some(Credential { header, value, extra })
}

/// A text that must be there; its absence is a mistake.
pub(super) fn required(place: &str, text: Option<String>, mistakes: &mut Vec<Mistake>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| {
        mistakes.push(Mistake::new(place, "is required"));
        String::new()
    })
}
