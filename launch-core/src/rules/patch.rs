//! `PATCH /launches/:id`: which changes are understood, and what they make of a launch.

mod apply;

pub use apply::apply;

use serde_json::{Map, Value};

use super::contents;
use super::fields::Fields;
use super::launch::Status;
use super::media::{self, MediaMode, NewMedia};
use super::platforms::{Connected, Platform};
use super::refusal::{Refusal, Violation, WHOLE};

const KNOWN: [&str; 14] = [
    "scheduled_date",
    "status",
    "platforms",
    "name",
    "product_description",
    "product_url",
    "persona_id",
    "platform_contents",
    "user_platform_accounts",
    "dropspace_platforms",
    "media",
    "media_assets",
    "media_attach_platforms",
    "media_mode",
];
const NAME_MAX_CHARS: usize = 200;
const DESCRIPTION_MAX_CHARS: usize = 10_000;

/// A change that is valid by itself; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// `Some(None)` unschedules.
    pub scheduled_unix_ms: Option<Option<i64>>,
    /// What the agent asks for; the configuration has the last word.
    pub status: Option<Status>,
    /// Target platforms.
    pub platforms: Option<Vec<Platform>>,
    /// 1 to 200 characters.
    pub name: Option<String>,
    /// At most 10,000 characters; empty clears.
    pub product_description: Option<String>,
    /// Empty clears.
    pub product_url: Option<String>,
    /// Merged per platform.
    pub platform_contents: Option<Map<String, Value>>,
    /// Official accounts; empty clears.
    pub dropspace_platforms: Option<Vec<Platform>>,
    /// Replaces all media.
    pub media: Option<Vec<NewMedia>>,
    /// Which platforms show the media.
    pub media_attach_platforms: Option<Vec<Platform>>,
    /// Which kind of media is shown.
    pub media_mode: Option<MediaMode>,
    /// Whether the body asks for nothing but the status.
    pub only_status: bool,
}

/// Reads a change. `now_unix_ms` is compared with `scheduled_date`.
///
/// # Errors
/// A [`Refusal`] that lists every mistake: SERVER_002 (unknown members too), UPLOAD_001/002,
/// AUTH_002, SERVER_003, LAUNCH_007.
pub fn parse(body: &Value, connected: &Connected, now_unix_ms: i64) -> Result<Patch, Refusal> {
    let mut fields = Fields::of(body, false)?;
    let names: Vec<&str> =
        body.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        fields.refuse(
            Violation::invalid(WHOLE, "at least one field must be provided")
                .expected(KNOWN.join(", ")),
        );
    }
    for name in names.iter().filter(|name| !KNOWN.contains(name)) {
        fields.refuse(
            Violation::invalid(*name, "unrecognized field")
                .expected(KNOWN.join(", "))
                .got(&Value::from(*name)),
        );
    }
    fields.no_user_accounts();
    fields.no_persona();
    let cleared = fields.is_null("dropspace_platforms");
    let patch = Patch {
        scheduled_unix_ms: if fields.is_null("scheduled_date") {
            Some(None)
        } else {
            fields.scheduled_date(now_unix_ms).map(Some)
        },
        status: status(&mut fields),
        platforms: fields.platforms("platforms", 1),
        name: fields.text("name", 1, NAME_MAX_CHARS),
        product_description: fields.text("product_description", 0, DESCRIPTION_MAX_CHARS),
        product_url: fields.url("product_url", true),
        platform_contents: platform_contents(&mut fields),
        dropspace_platforms: if cleared {
            Some(Vec::new())
        } else {
            fields.dropspace_platforms(connected)
        },
        media: media::read(&mut fields),
        media_attach_platforms: fields.platforms("media_attach_platforms", 0),
        media_mode: fields.media_mode(),
        only_status: names == ["status"],
    };
    Refusal::of(fields.violations).map_or(Ok(patch), |refusal| Err(refusal.complete(body)))
}

fn status(fields: &mut Fields<'_>) -> Option<Status> {
    let value = fields.get("status")?;
    let status = value.as_str().and_then(Status::from_id).filter(|status| {
        matches!(
            status,
            Status::Draft
                | Status::Manual
                | Status::Trigger
                | Status::Scheduled
                | Status::Cancelled
        )
    });
    if status.is_none() {
        let expected = "draft, manual, trigger, scheduled, cancelled";
        fields.refuse(Violation::invalid("status", "unknown status").expected(expected).got(value));
    }
    status
}

fn platform_contents(fields: &mut Fields<'_>) -> Option<Map<String, Value>> {
    let value = fields.get("platform_contents")?;
    let Some(map) = value.as_object() else {
        let violation =
            Violation::invalid("platform_contents", "platform_contents must be an object");
        fields.refuse(violation.expected("an object").got(value));
        return None;
    };
    if let Err(found) = contents::check(map, None) {
        fields.violations.extend(found);
    }
    Some(map.clone())
}

#[cfg(test)]
mod tests;
