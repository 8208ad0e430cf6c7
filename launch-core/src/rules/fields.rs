//! Reads typed members of a body and collects what is wrong with them, so that one answer names
//! every mistake.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::{Iso8601, Rfc3339};

use super::media::MediaMode;
use super::platforms::{Connected, MAX_PLATFORMS, Platform};
use super::refusal::{Kind, Refusal, Violation, WHOLE};

/// How far in the future a schedule must lie, milliseconds.
const MIN_SCHEDULE_AHEAD_MS: i64 = 15 * 60 * 1000;

/// The members of one body.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    /// At creation `null` means absent; a change must say what it means.
    null_is_absent: bool,
    pub(super) violations: Vec<Violation>,
}

impl<'a> Fields<'a> {
    /// The members of a body that must be a JSON object.
    pub(super) fn of(body: &'a Value, null_is_absent: bool) -> Result<Self, Refusal> {
        match body.as_object() {
            Some(map) => Ok(Self { map, null_is_absent, violations: Vec::new() }),
            None => Err(Refusal::one(
                Violation::invalid(WHOLE, "the body must be a JSON object")
                    .expected("an object")
                    .got(body),
            )),
        }
    }

    pub(super) fn refuse(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    pub(super) fn is_null(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(Value::is_null)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(|value| !value.is_null())
    }

    /// The member, unless it is absent, or null where null means absent.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !(self.null_is_absent && value.is_null()))
    }

    fn wrong(&mut self, name: &str, expected: &str, value: &Value) {
        self.refuse(
            Violation::invalid(name, format!("{name} must be {expected}"))
                .expected(expected)
                .got(value),
        );
    }

    /// A string of `min` to `max` characters, not blank where `min` is not 0.
    pub(super) fn text(&mut self, name: &str, min: usize, max: usize) -> Option<String> {
        let value = self.get(name)?;
        let fits = |text: &&str| {
            (min..=max).contains(&text.chars().count()) && (min == 0 || !text.trim().is_empty())
        };
        match value.as_str().filter(fits) {
            Some(text) => Some(text.to_owned()),
            None => {
                self.wrong(name, &format!("a string of {min} to {max} characters"), value);
                None
            }
        }
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        match self.get(name) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.wrong(name, "true or false", other);
                false
            }
        }
    }

    /// An absolute http or https address; with `may_clear`, an empty string as well.
    pub(super) fn url(&mut self, name: &str, may_clear: bool) -> Option<String> {
        let value = self.get(name)?;
        match value.as_str() {
            Some(url) if is_http_url(url) || (may_clear && url.is_empty()) => Some(url.to_owned()),
            _ => {
                self.wrong(name, "an http or https URL", value);
                None
            }
        }
    }

    /// Known platforms without repetitions, `min` to [`MAX_PLATFORMS`] of them.
    pub(super) fn platforms(&mut self, name: &str, min: usize) -> Option<Vec<Platform>> {
        let value = self.get(name)?;
        let Some(items) =
            value.as_array().filter(|items| (min..=MAX_PLATFORMS).contains(&items.len()))
        else {
            self.wrong(name, &format!("an array of {min} to {MAX_PLATFORMS} platforms"), value);
            return None;
        };
        let mut platforms = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.as_str().and_then(Platform::from_id) {
                Some(platform) if platforms.contains(&platform) => {}
                Some(platform) => platforms.push(platform),
                None => self.refuse(
                    Violation::invalid(format!("{name}[{index}]"), "unknown platform")
                        .expected(Platform::names(&Platform::ALL))
                        .got(item),
                ),
            }
        }
        Some(platforms)
    }

    /// Platforms whose official account is connected; any other name is LAUNCH_007.
    pub(super) fn dropspace_platforms(&mut self, connected: &Connected) -> Option<Vec<Platform>> {
        const NAME: &str = "dropspace_platforms";
        let value = self.get(NAME)?;
        let Some(items) = value.as_array().filter(|items| items.iter().all(Value::is_string))
        else {
            self.wrong(NAME, "an array of platform names", value);
            return None;
        };
        let mut platforms = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item
                .as_str()
                .and_then(Platform::from_id)
                .filter(|platform| connected.contains(*platform))
            {
                Some(platform) if platforms.contains(&platform) => {}
                Some(platform) => platforms.push(platform),
                None => self.refuse(
                    Violation::new(
                        Kind::PlatformRequirement,
                        format!("{NAME}[{index}]"),
                        "no official account is connected for this platform",
                    )
                    .expected(Platform::names(connected.platforms()))
                    .got(item),
                ),
            }
        }
        Some(platforms)
    }

    /// Agents post to official accounts only: anything but an empty object is AUTH_002.
    pub(super) fn no_user_accounts(&mut self) {
        const NAME: &str = "user_platform_accounts";
        match self.get(NAME) {
            None | Some(Value::Null) => {}
            Some(Value::Object(accounts)) if accounts.is_empty() => {}
            Some(Value::Object(_)) => {
                let violation = Violation::new(
                    Kind::OwnAccounts,
                    NAME,
                    "agents post to the official accounts only; use dropspace_platforms",
                );
                self.refuse(violation.expected("nothing; agents have no accounts of their own"));
            }
            Some(other) => self.wrong(NAME, "an object", other),
        }
    }

    /// Agents have no personas, so every persona that is named is unknown.
    pub(super) fn no_persona(&mut self) {
        const NAME: &str = "persona_id";
        match self.get(NAME) {
            None | Some(Value::Null) => {}
            Some(Value::String(id)) if uuid::Uuid::try_parse(id).is_ok() => {
                self.refuse(
                    Violation::new(Kind::PersonaUnknown, NAME, "persona not found")
                        .expected("no persona_id: agents have no personas"),
                );
            }
            Some(other) => self.wrong(NAME, "a UUID", other),
        }
    }

    pub(super) fn media_mode(&mut self) -> Option<MediaMode> {
        let value = self.get("media_mode")?;
        let mode = value.as_str().and_then(MediaMode::from_id);
        if mode.is_none() {
            self.wrong("media_mode", "\"images\" or \"video\"", value);
        }
        mode
    }

    /// An instant at least 15 minutes from now, unix milliseconds.
    pub(super) fn scheduled_date(&mut self, now_unix_ms: i64) -> Option<i64> {
        const NAME: &str = "scheduled_date";
        let value = self.get(NAME)?;
        let Some(unix_ms) = value.as_str().and_then(instant_unix_ms) else {
            self.wrong(NAME, "an ISO 8601 date and time with Z or an offset", value);
            return None;
        };
        if unix_ms < now_unix_ms.saturating_add(MIN_SCHEDULE_AHEAD_MS) {
            self.refuse(
                Violation::invalid(NAME, "scheduled_date must be at least 15 minutes from now")
                    .expected("15 minutes from now or later")
                    .got(value),
            );
        }
        Some(unix_ms)
    }
}

/// Whether the text is an absolute http or https address with a host.
pub(super) fn is_http_url(text: &str) -> bool {
    const MAX_BYTES: usize = 2_048;
    let Ok(uri) = text.parse::<http::Uri>() else {
        return false;
    };
    text.len() <= MAX_BYTES
        && matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
}

fn instant_unix_ms(text: &str) -> Option<i64> {
    let instant = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(text, &Iso8601::DEFAULT))
        .ok()?;
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_need_an_offset() {
        for (text, wanted) in [
            ("2026-02-18T12:00:00.000Z", Some(1_771_416_000_000)),
            ("2026-02-18T12:00:00Z", Some(1_771_416_000_000)),
            ("2026-02-18T13:30:00+01:30", Some(1_771_416_000_000)),
            ("2026-02-18T12:00Z", Some(1_771_416_000_000)),
            ("2026-02-18T12:00:00", None),
            ("2026-02-18", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(instant_unix_ms(text), wanted, "{text}");
        }
    }

    #[test]
    fn addresses_are_absolute_http() {
        for (url, wanted) in [
            ("https://example.com/feature?x=1#y", true),
            ("http://127.0.0.1:8080", true),
            ("example.com", false),
            ("/feature", false),
            ("ftp://example.com", false),
            ("javascript:alert(1)", false),
            ("https://", false),
            ("https://exa mple.com", false),
        ] {
            assert_eq!(is_http_url(url), wanted, "{url}");
        }
    }
}
