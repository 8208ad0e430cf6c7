//! `POST /launches`: which bodies make a launch.

mod written;

use serde_json::Value;

use super::fields::Fields;
use super::launch::{Content, Status, derive_status};
use super::media::{self, MediaKind, MediaMode, NewMedia};
use super::platforms::{Connected, Platform};
use super::publish;
use super::refusal::{Kind, Refusal, Violation};
use super::template;

const TITLE_MAX_CHARS: usize = 200;
const DESCRIPTION_MAX_CHARS: usize = 2_000;

/// A creation that every rule allows.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateLaunch {
    /// 1 to 200 characters.
    pub title: String,
    /// Everything else that is kept. `media_assets` is empty until the uploads have addresses: see
    /// `media`.
    pub content: Content,
    /// Media to be kept, at most 9 images and 1 video.
    pub media: Vec<NewMedia>,
    /// When it posts by itself, unix milliseconds; at least 15 minutes from now.
    pub scheduled_unix_ms: Option<i64>,
    /// Publish at once.
    pub publish: bool,
    /// Answer with the result of publishing; only with `publish`.
    pub wait: bool,
    /// The status before publishing.
    pub status: Status,
}

/// Reads a creation. `now_unix_ms` is compared with `scheduled_date`.
///
/// # Errors
/// A [`Refusal`] that lists every mistake: SERVER_002, UPLOAD_001/002, AUTH_002, SERVER_003,
/// LAUNCH_007.
pub fn parse(
    body: &Value,
    connected: &Connected,
    now_unix_ms: i64,
) -> Result<CreateLaunch, Refusal> {
    let mut fields = Fields::of(body, true)?;
    let title = fields.text("title", 1, TITLE_MAX_CHARS);
    if !fields.has("title") {
        fields.refuse(
            Violation::invalid("title", "title is required")
                .expected("a string of 1 to 200 characters"),
        );
    }
    let product_description = fields.text("product_description", 1, DESCRIPTION_MAX_CHARS);
    let product_url = fields.url("product_url", false);
    let dropspace_platforms = fields.dropspace_platforms(connected).unwrap_or_default();
    let platforms = targets(&mut fields, &dropspace_platforms);
    fields.no_user_accounts();
    fields.no_persona();
    let scheduled_unix_ms = fields.scheduled_date(now_unix_ms);
    let (publish, wait) = publishing(&mut fields, &dropspace_platforms);
    let written = written::contents(&mut fields, &platforms);
    if !fields.has("product_description") && written.is_none() {
        fields.refuse(
            Violation::invalid(
                "product_description",
                "product_description is required unless custom_content or platform_contents is provided",
            )
            .expected("product_description, custom_content or platform_contents"),
        );
    }
    let media = media::read(&mut fields).unwrap_or_default();
    let (media_mode, media_attach_platforms) = media_placement(&mut fields, &media, &platforms);
    require_media(&mut fields, &media, &dropspace_platforms, &media_attach_platforms);

    let (Some(title), None) = (title, Refusal::of(fields.violations.clone())) else {
        return Err(refusal(fields.violations).complete(body));
    };
    let mut content = Content {
        product_description,
        product_url,
        platforms,
        dropspace_platforms,
        written_by_agent: written.is_some(),
        platform_contents: written.unwrap_or_default(),
        media_mode,
        media_assets: Vec::new(),
        media_attach_platforms,
    };
    template::fill(
        &mut content.platform_contents,
        &content.platforms,
        &title,
        content.product_description.as_deref(),
        content.product_url.as_deref(),
    );
    let status = derive_status(&content, scheduled_unix_ms.is_some(), None);
    Ok(CreateLaunch { title, content, media, scheduled_unix_ms, publish, wait, status })
}

fn refusal(violations: Vec<Violation>) -> Refusal {
    Refusal::of(violations)
        .unwrap_or_else(|| Refusal::one(Violation::invalid("title", "title is required")))
}

/// `platforms`, or what `dropspace_platforms` implies.
fn targets(fields: &mut Fields<'_>, dropspace_platforms: &[Platform]) -> Vec<Platform> {
    if !fields.has("platforms") {
        if dropspace_platforms.is_empty() && !fields.has("dropspace_platforms") {
            fields.refuse(
                Violation::invalid(
                    "platforms",
                    "platforms is required unless dropspace_platforms is provided",
                )
                .expected(Platform::names(&Platform::ALL)),
            );
        } else if dropspace_platforms.is_empty() && fields.violations.is_empty() {
            fields.refuse(Violation::invalid(
                "platforms",
                "platforms is required when dropspace_platforms is empty",
            ));
        }
        return dropspace_platforms.to_vec();
    }
    let platforms = fields.platforms("platforms", 1).unwrap_or_default();
    for platform in dropspace_platforms.iter().filter(|platform| !platforms.contains(platform)) {
        fields.refuse(
            Violation::invalid(
                "dropspace_platforms",
                format!("dropspace_platforms names {}, which platforms does not", platform.id()),
            )
            .expected(format!("some of {}", Platform::names(&platforms))),
        );
    }
    platforms
}

fn publishing(fields: &mut Fields<'_>, dropspace_platforms: &[Platform]) -> (bool, bool) {
    let (publish, wait) = (fields.flag("publish"), fields.flag("wait"));
    if publish && fields.has("scheduled_date") {
        fields.refuse(
            Violation::invalid("publish", "publish and scheduled_date are mutually exclusive")
                .expected("publish or scheduled_date, not both"),
        );
    }
    if publish && dropspace_platforms.is_empty() && !fields.has("user_platform_accounts") {
        fields.refuse(
            Violation::invalid(
                "publish",
                "publish requires a posting account in dropspace_platforms",
            )
            .expected("true only with dropspace_platforms"),
        );
    }
    if wait && !publish {
        fields.refuse(
            Violation::invalid("wait", "wait requires publish: true")
                .expected("true only with publish: true"),
        );
    }
    (publish, wait)
}

/// Mode and platforms of the media: as asked for, else by what is there and on every platform.
fn media_placement(
    fields: &mut Fields<'_>,
    media: &[NewMedia],
    platforms: &[Platform],
) -> (Option<MediaMode>, Vec<Platform>) {
    let has_video = media.iter().any(|medium| medium.kind() == MediaKind::Video);
    let inferred =
        (!media.is_empty()).then_some(if has_video { MediaMode::Video } else { MediaMode::Images });
    let mode = fields.media_mode().or(inferred);
    let attach = fields.platforms("media_attach_platforms", 0);
    for platform in attach.iter().flatten().filter(|platform| !platforms.contains(platform)) {
        fields.refuse(
            Violation::invalid(
                "media_attach_platforms",
                format!("media_attach_platforms names {}, which platforms does not", platform.id()),
            )
            .expected(format!("some of {}", Platform::names(platforms))),
        );
    }
    let everywhere = || {
        if media.is_empty() { Vec::new() } else { platforms.to_vec() }
    };
    (mode, attach.unwrap_or_else(everywhere))
}

/// Posting to some platforms is impossible without media; refused before anybody pays for it.
fn require_media(
    fields: &mut Fields<'_>,
    media: &[NewMedia],
    posting: &[Platform],
    attach: &[Platform],
) {
    for &platform in posting {
        let shown = if attach.contains(&platform) { media } else { &[] };
        let videos = shown.iter().filter(|medium| medium.kind() == MediaKind::Video).count();
        if let Some(message) = publish::missing_media(platform, shown.len() - videos, videos) {
            fields.refuse(Violation::new(Kind::PlatformRequirement, "media", message));
        }
    }
}

#[cfg(test)]
mod tests;
