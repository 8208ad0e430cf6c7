//! One item of `media` or `media_assets`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::super::fields::is_http_url;
use super::super::refusal::Kind;
use super::{MediaKind, NewMedia};

const MAX_IMAGE_BYTES: u64 = 5 * 1024 * 1024;
const MAX_VIDEO_BYTES: u64 = 512 * 1024 * 1024;
const MAX_INLINE_VIDEO_BYTES: u64 = 4 * 1024 * 1024;
const SUPPORTED: &str = "jpeg, png, webp, gif, mp4, mov";

/// The class, the member inside the item and the sentence of one finding.
pub(super) type Finding = (Kind, &'static str, String);

fn text<'a>(item: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, Finding> {
    let value = item.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    value.ok_or_else(|| (Kind::Invalid, name, format!("{name} must be a non-empty string")))
}

fn http_url(item: &Map<String, Value>) -> Result<&str, Finding> {
    let url = text(item, "url")?;
    if is_http_url(url) {
        Ok(url)
    } else {
        Err((Kind::Invalid, "url", "url must be an http or https URL".to_owned()))
    }
}

fn supported(kind: Option<MediaKind>, member: &'static str) -> Result<MediaKind, Finding> {
    kind.ok_or_else(|| {
        (Kind::MediaType, member, format!("unsupported media type (allowed: {SUPPORTED})"))
    })
}

fn within(kind: MediaKind, size: u64, max_video: u64, member: &'static str) -> Result<(), Finding> {
    let max = if kind == MediaKind::Video { max_video } else { MAX_IMAGE_BYTES };
    if size <= max {
        return Ok(());
    }
    Err((
        Kind::MediaSize,
        member,
        format!("media file too large: {size} bytes, at most {max} for this {}", kind.id()),
    ))
}

/// An item of `media`.
pub(super) fn inline(item: &Map<String, Value>) -> Result<NewMedia, Finding> {
    match text(item, "source")? {
        "url" => {
            let url = http_url(item)?;
            let kind = match item.get("mime_type").and_then(Value::as_str) {
                Some(mime) => supported(MediaKind::of_mime(mime), "mime_type")?,
                None => supported(MediaKind::of_url(url), "url")?,
            };
            Ok(NewMedia::Asset(json!({"type": kind.id(), "url": url})))
        }
        "base64" => {
            let mime_type = text(item, "mime_type")?;
            let kind = supported(MediaKind::of_mime(mime_type), "mime_type")?;
            let filename = text(item, "filename")?.to_owned();
            let data = text(item, "data")?;
            // Three bytes for four characters: too much is refused before it is decoded.
            within(
                kind,
                (data.len() as u64 / 4).saturating_sub(1) * 3,
                MAX_INLINE_VIDEO_BYTES,
                "data",
            )?;
            let bytes = STANDARD.decode(data).map_err(|_| {
                (Kind::Invalid, "data", "data must be standard base64 with padding".to_owned())
            })?;
            within(kind, bytes.len() as u64, MAX_INLINE_VIDEO_BYTES, "data")?;
            Ok(NewMedia::Upload { kind, filename, mime_type: mime_type.to_owned(), bytes })
        }
        _ => Err((Kind::Invalid, "source", "source must be \"url\" or \"base64\"".to_owned())),
    }
}

/// An item of `media_assets`.
pub(super) fn asset(item: &Map<String, Value>) -> Result<NewMedia, Finding> {
    http_url(item)?;
    let mime = match item.get("mime_type").filter(|mime| !mime.is_null()) {
        None => None,
        Some(mime) => Some(supported(mime.as_str().and_then(MediaKind::of_mime), "mime_type")?),
    };
    let kind = match (item.get("type").and_then(Value::as_str), mime) {
        (Some("image"), None | Some(MediaKind::Image)) | (None, Some(MediaKind::Image)) => {
            MediaKind::Image
        }
        (Some("video"), None | Some(MediaKind::Video)) | (None, Some(MediaKind::Video)) => {
            MediaKind::Video
        }
        _ => {
            return Err((
                Kind::Invalid,
                "type",
                "type must be \"image\" or \"video\" and match mime_type".to_owned(),
            ));
        }
    };
    match item.get("size").filter(|size| !size.is_null()) {
        None => {}
        Some(size) => {
            let bytes = size.as_u64().ok_or_else(|| {
                (Kind::Invalid, "size", "size must be a number of bytes".to_owned())
            })?;
            within(kind, bytes, MAX_VIDEO_BYTES, "size")?;
        }
    }
    let mut kept = item.clone();
    kept.insert("type".to_owned(), kind.id().into());
    Ok(NewMedia::Asset(Value::Object(kept)))
}
