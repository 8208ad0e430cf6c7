//! Media of a launch: inline (`media`) or already uploaded (`media_assets`). Addresses are never
//! fetched.

mod item;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fields::Fields;
use super::refusal::{Kind, Violation};
use item::{Finding, asset, inline};

const MAX_IMAGES: usize = 9;
const MAX_VIDEOS: usize = 1;

/// An image or a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum MediaKind {
    Image,
    Video,
}

impl MediaKind {
    /// The name on the wire.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
        }
    }

    fn of_mime(mime: &str) -> Option<Self> {
        match mime.to_ascii_lowercase().as_str() {
            "image/jpeg" | "image/jpg" | "image/png" | "image/webp" | "image/gif" => {
                Some(Self::Image)
            }
            "video/mp4" | "video/quicktime" | "video/mov" => Some(Self::Video),
            _ => None,
        }
    }

    /// By the extension of the last path segment; an address without extension is taken for an
    /// image.
    fn of_url(url: &str) -> Option<Self> {
        let path = url.split(['?', '#']).next().unwrap_or(url);
        let after_scheme = path.split_once("://").map_or(path, |(_, rest)| rest);
        let segment = after_scheme.split_once('/').map_or("", |(_, rest)| rest);
        let name = segment.rsplit('/').next().unwrap_or("");
        match name.rsplit_once('.') {
            None => Some(Self::Image),
            Some((_, extension)) => match extension.to_ascii_lowercase().as_str() {
                "jpg" | "jpeg" | "png" | "webp" | "gif" => Some(Self::Image),
                "mp4" | "mov" => Some(Self::Video),
                _ => None,
            },
        }
    }
}

/// Which kind of media a launch shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum MediaMode {
    Images,
    Video,
}

impl MediaMode {
    /// The mode of that wire name.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        match id {
            "images" => Some(Self::Images),
            "video" => Some(Self::Video),
            _ => None,
        }
    }
}

/// One medium of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum NewMedia {
    /// An object as on the wire, with `type` and `url`.
    Asset(Value),
    /// Bytes to be stored; they get an id and an address then.
    Upload {
        /// Image or video.
        kind: MediaKind,
        /// Name given by the agent.
        filename: String,
        /// Supported media type.
        mime_type: String,
        /// The decoded file.
        bytes: Vec<u8>,
    },
}

impl NewMedia {
    /// Image or video.
    #[must_use]
    pub fn kind(&self) -> MediaKind {
        match self {
            Self::Upload { kind, .. } => *kind,
            Self::Asset(asset) if asset.get("type").and_then(Value::as_str) == Some("video") => {
                MediaKind::Video
            }
            Self::Asset(_) => MediaKind::Image,
        }
    }
}

type Check = fn(&Map<String, Value>) -> Result<NewMedia, Finding>;

/// Reads `media` or `media_assets`, whichever the body has. `None`: neither.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Vec<NewMedia>> {
    if fields.has("media") && fields.has("media_assets") {
        fields.refuse(Violation::invalid("media", "media and media_assets are mutually exclusive"));
    }
    let (name, value, check) = match (fields.get("media"), fields.get("media_assets")) {
        (Some(value), _) => ("media", value, inline as Check),
        (None, Some(value)) => ("media_assets", value, asset as Check),
        (None, None) => return None,
    };
    let Some(items) = value.as_array() else {
        fields.refuse(
            Violation::invalid(name, format!("{name} must be an array"))
                .expected("an array")
                .got(value),
        );
        return None;
    };
    let mut media = Vec::with_capacity(items.len().min(MAX_IMAGES + MAX_VIDEOS));
    if items.len() <= MAX_IMAGES + MAX_VIDEOS {
        for (index, item) in items.iter().enumerate() {
            match item
                .as_object()
                .map_or(Err((Kind::Invalid, "", "each item must be an object".to_owned())), check)
            {
                Ok(medium) => media.push(medium),
                Err((kind, member, message)) => {
                    let dot = if member.is_empty() { "" } else { "." };
                    fields.refuse(Violation::new(
                        kind,
                        format!("{name}[{index}]{dot}{member}"),
                        message,
                    ));
                }
            }
        }
    }
    let videos = media.iter().filter(|medium| medium.kind() == MediaKind::Video).count();
    if items.len() > MAX_IMAGES + MAX_VIDEOS
        || videos > MAX_VIDEOS
        || media.len() - videos > MAX_IMAGES
    {
        fields.refuse(
            Violation::invalid(name, "too many media items")
                .expected(format!("at most {MAX_IMAGES} images and {MAX_VIDEOS} video")),
        );
    }
    Some(media)
}

#[cfg(test)]
mod tests;
