//! A launch as the core keeps it, and how its status follows from its configuration.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::media::{MediaKind, MediaMode};
use super::platforms::Platform;

/// The status of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Status {
    Draft,
    Manual,
    Trigger,
    Scheduled,
    Running,
    Completed,
    Partial,
    Failed,
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::Manual,
        Self::Trigger,
        Self::Scheduled,
        Self::Running,
        Self::Completed,
        Self::Partial,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Manual => "manual",
            Self::Trigger => "trigger",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of that wire name.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.id() == id)
    }
}

/// What a launch says and where it goes; kept as one document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// What is launched; at most 2,000 characters at creation, 10,000 later.
    pub product_description: Option<String>,
    /// Its address; never fetched.
    pub product_url: Option<String>,
    /// Target platforms.
    pub platforms: Vec<Platform>,
    /// Those posted to through the official accounts; a subset of `platforms`.
    pub dropspace_platforms: Vec<Platform>,
    /// Content per platform as on the wire; complete for every platform of `platforms`.
    pub platform_contents: Map<String, Value>,
    /// Whether the agent wrote any of it, or all comes from the template.
    pub written_by_agent: bool,
    /// Which kind of media the launch shows.
    pub media_mode: Option<MediaMode>,
    /// Media objects as on the wire, each with `type` and `url`.
    pub media_assets: Vec<Value>,
    /// The platforms that show the media.
    pub media_attach_platforms: Vec<Platform>,
}

impl Content {
    /// How many images and videos that platform shows.
    #[must_use]
    pub fn media_of(&self, platform: Platform) -> (usize, usize) {
        if !self.media_attach_platforms.contains(&platform) {
            return (0, 0);
        }
        let of_kind = |kind: MediaKind| {
            let is_kind =
                |asset: &&Value| asset.get("type").and_then(Value::as_str) == Some(kind.id());
            self.media_assets.iter().filter(is_kind).count()
        };
        (of_kind(MediaKind::Image), of_kind(MediaKind::Video))
    }
}

/// A launch.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Given at creation.
    pub id: Uuid,
    /// Whose it is.
    pub agent: String,
    /// Its title.
    pub name: String,
    /// Where it is in its life.
    pub status: Status,
    /// When it posts by itself, unix milliseconds.
    pub scheduled_unix_ms: Option<i64>,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
    /// Unix milliseconds.
    pub updated_unix_ms: i64,
    /// When posting began, unix milliseconds.
    pub started_unix_ms: Option<i64>,
    /// When posting ended, unix milliseconds.
    pub completed_unix_ms: Option<i64>,
    /// What it says and where it goes.
    pub content: Content,
}

/// The status that follows from the configuration: with posting accounts `scheduled` or `trigger`,
/// whatever was asked for; without, what was asked for of `draft` and `manual`, else `manual` for
/// written content and `draft` for generated content.
#[must_use]
pub fn derive_status(content: &Content, scheduled: bool, requested: Option<Status>) -> Status {
    match (content.dropspace_platforms.is_empty(), scheduled) {
        (false, true) => Status::Scheduled,
        (false, false) => Status::Trigger,
        (true, _) => match requested {
            Some(status @ (Status::Draft | Status::Manual)) => status,
            _ if content.written_by_agent => Status::Manual,
            _ => Status::Draft,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Product text, PATCH notes: status is derived from accounts, date and content.
    #[test]
    fn the_status_follows_from_accounts_date_and_content() {
        use Status::{Draft, Manual, Scheduled, Trigger};
        for (accounts, date, written, requested, wanted) in [
            (true, true, false, None, Scheduled),
            (true, false, true, None, Trigger),
            (true, false, true, Some(Manual), Trigger),
            (true, true, true, Some(Draft), Scheduled),
            (false, false, true, None, Manual),
            (false, true, true, Some(Scheduled), Manual),
            (false, false, false, None, Draft),
            (false, false, false, Some(Manual), Manual),
            (false, false, true, Some(Draft), Draft),
        ] {
            let content = Content {
                dropspace_platforms: if accounts { vec![Platform::Twitter] } else { vec![] },
                written_by_agent: written,
                ..Content::default()
            };
            assert_eq!(
                derive_status(&content, date, requested),
                wanted,
                "{accounts} {date} {written} {requested:?}"
            );
        }
    }

    #[test]
    fn status_names_are_their_wire_names() {
        for status in Status::ALL {
            assert_eq!(serde_json::json!(status), serde_json::json!(status.id()));
            assert_eq!(Status::from_id(status.id()), Some(status));
        }
    }
}
