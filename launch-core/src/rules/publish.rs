//! When a launch may be published, and what must be true of its content then.

use serde_json::Value;

use super::contents;
use super::launch::{Content, Launch, Status};
use super::media::MediaMode;
use super::platforms::Platform;
use super::refusal::{Kind, Refusal, Violation};
use super::template::is_written;

/// What can still be published.
const PUBLISHABLE: [Status; 5] =
    [Status::Draft, Status::Manual, Status::Trigger, Status::Scheduled, Status::Failed];

/// Whether the launch may be published now: status first, then accounts, then every platform's
/// requirements.
///
/// # Errors
/// 409 LAUNCH_004, 422 LAUNCH_007 without accounts, 400 LAUNCH_007 with every issue in `details`.
pub fn allow(launch: &Launch) -> Result<(), Refusal> {
    if !PUBLISHABLE.contains(&launch.status) {
        let message = format!("launch cannot be published from status {}", launch.status.id());
        return Err(Refusal::one(
            Violation::new(Kind::StatusForbidsPublish, "status", message)
                .expected(PUBLISHABLE.map(Status::id).join(", ")),
        ));
    }
    requirements(&launch.content)
}

/// The part of [`allow`] that does not depend on the status.
///
/// # Errors
/// 422 LAUNCH_007 without accounts, 400 LAUNCH_007 with every issue in `details`.
pub fn requirements(content: &Content) -> Result<(), Refusal> {
    if content.dropspace_platforms.is_empty() {
        let message = "launch has no platforms configured for posting";
        return Err(Refusal::one(
            Violation::new(Kind::NoPlatforms, "dropspace_platforms", message)
                .expected("an official account to post to"),
        ));
    }
    let issues: Vec<Violation> = content
        .dropspace_platforms
        .iter()
        .flat_map(|&platform| issues_of(content, platform))
        .collect();
    Refusal::of(issues).map_or(Ok(()), |mut refusal| {
        let platforms: Vec<&str> =
            content.dropspace_platforms.iter().map(|platform| platform.id()).collect();
        refusal.message = format!(
            "platform requirements not met for {}: {}",
            platforms.join(", "),
            refusal.message
        );
        Err(refusal)
    })
}

/// What that platform lacks of media, given how many images and videos it shows.
#[must_use]
pub fn missing_media(platform: Platform, images: usize, videos: usize) -> Option<&'static str> {
    match platform {
        Platform::Instagram if images + videos == 0 => {
            Some("instagram requires at least one image or video")
        }
        Platform::Tiktok if images + videos == 0 => Some("tiktok requires a video or photos"),
        Platform::Youtube if videos == 0 => Some("youtube requires a video"),
        _ => None,
    }
}

fn issues_of(content: &Content, platform: Platform) -> Vec<Violation> {
    let id = platform.id();
    let mut issues = Vec::new();
    let mut issue = |field: String, message: String| {
        issues.push(Violation::new(Kind::PlatformRequirement, field, message));
    };
    let entry = content.platform_contents.get(id).and_then(Value::as_object);
    match entry {
        Some(entry) if is_written(entry) => {
            let alone = std::iter::once((id.to_owned(), Value::Object(entry.clone()))).collect();
            for found in contents::check(&alone, None).err().unwrap_or_default() {
                issue(found.field, found.message);
            }
        }
        _ => issue(format!("platform_contents.{id}"), format!("{id} has no content")),
    }
    let text = |name: &str| entry.and_then(|entry| entry.get(name)).and_then(Value::as_str);
    if platform == Platform::Reddit && text("title").is_none() {
        issue("platform_contents.reddit.title".to_owned(), "reddit requires a title".to_owned());
    }
    let (images, videos) = content.media_of(platform);
    if let Some(message) = missing_media(platform, images, videos) {
        issue("media".to_owned(), message.to_owned());
    } else if matches!(platform, Platform::Reddit | Platform::Instagram | Platform::Tiktok) {
        // On reddit the mode says nothing while no media is attached: then it is a text post.
        let attached =
            platform != Platform::Reddit || content.media_attach_platforms.contains(&platform);
        match content.media_mode.filter(|_| attached) {
            Some(MediaMode::Video) if videos == 0 => {
                issue("media_mode".to_owned(), format!("{id} in video mode needs a video"))
            }
            Some(MediaMode::Images) if images == 0 => {
                issue("media_mode".to_owned(), format!("{id} in image mode needs images"))
            }
            _ => {}
        }
    }
    if platform == Platform::Tiktok {
        let settings = entry.and_then(|entry| entry.get("tiktok_settings"));
        if settings
            .and_then(|settings| settings.get("privacy_level"))
            .and_then(Value::as_str)
            .is_none()
        {
            let field = "platform_contents.tiktok.tiktok_settings.privacy_level";
            issue(field.to_owned(), "tiktok requires privacy_level before publishing".to_owned());
        }
    }
    issues
}

#[cfg(test)]
mod tests;
