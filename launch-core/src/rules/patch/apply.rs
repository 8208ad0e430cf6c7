//! What a change makes of a launch.

use serde_json::{Map, Value};

use super::super::contents;
use super::super::launch::{Launch, Status, derive_status};
use super::super::media::{MediaKind, MediaMode, NewMedia};
use super::super::platforms::Platform;
use super::super::refusal::{Kind, Refusal, Violation};
use super::super::template;
use super::Patch;

/// Applies the change. Media are returned, not applied: uploads need ids and addresses first (then
/// set `media_assets`).
///
/// # Errors
/// 409 LAUNCH_003 when the status forbids it; 400 SERVER_002 when the merged whole breaks a rule.
/// The launch is then half changed: drop it.
pub fn apply(
    launch: &mut Launch,
    patch: Patch,
    now_unix_ms: i64,
) -> Result<Option<Vec<NewMedia>>, Refusal> {
    allow(launch, &patch)?;
    launch.updated_unix_ms = now_unix_ms;
    if launch.status == Status::Running {
        launch.status = Status::Cancelled;
        return Ok(None);
    }
    if let Some(name) = patch.name {
        launch.name = name;
    }
    if let Some(scheduled) = patch.scheduled_unix_ms {
        launch.scheduled_unix_ms = scheduled;
    }
    let content = &mut launch.content;
    if let Some(description) = patch.product_description {
        content.product_description = Some(description).filter(|text| !text.is_empty());
    }
    if let Some(url) = patch.product_url {
        content.product_url = Some(url).filter(|url| !url.is_empty());
    }
    if let Some(change) = &patch.platform_contents {
        content.written_by_agent = true;
        contents::merge(&mut content.platform_contents, change).map_err(refusal)?;
    }
    retarget(launch, patch.platforms, patch.dropspace_platforms)?;
    if let Some(media) = &patch.media {
        let video = media.iter().any(|medium| medium.kind() == MediaKind::Video);
        let mode = if video { MediaMode::Video } else { MediaMode::Images };
        launch.content.media_mode = (!media.is_empty()).then_some(mode);
        launch.content.media_attach_platforms =
            if media.is_empty() { vec![] } else { launch.content.platforms.clone() };
    }
    let content = &mut launch.content;
    if let Some(mode) = patch.media_mode {
        content.media_mode = Some(mode);
    }
    if let Some(attach) = patch.media_attach_platforms {
        subset("media_attach_platforms", &attach, &content.platforms)?;
        content.media_attach_platforms = attach;
    }
    template::fill(
        &mut content.platform_contents,
        &content.platforms,
        &launch.name,
        content.product_description.as_deref(),
        content.product_url.as_deref(),
    );
    let status = match (patch.status, launch.status) {
        (Some(Status::Cancelled), _) | (None, Status::Cancelled) => Status::Cancelled,
        (None, Status::Failed) => Status::Failed,
        (None, current) => derive_status(
            content,
            launch.scheduled_unix_ms.is_some(),
            patch_keeps(current, &patch.platform_contents),
        ),
        (requested, _) => derive_status(content, launch.scheduled_unix_ms.is_some(), requested),
    };
    if status == Status::Scheduled && launch.scheduled_unix_ms.is_some_and(|at| at <= now_unix_ms) {
        let message = "scheduled_date has passed; send a new one, or null to unschedule";
        return Err(Refusal::one(Violation::invalid("scheduled_date", message)));
    }
    launch.status = status;
    Ok(patch.media)
}

/// A change that writes no content leaves a draft a draft.
fn patch_keeps(current: Status, written: &Option<Map<String, Value>>) -> Option<Status> {
    written.is_none().then_some(current)
}

fn allow(launch: &Launch, patch: &Patch) -> Result<(), Refusal> {
    let message = match launch.status {
        Status::Running if patch.only_status && patch.status == Some(Status::Cancelled) => {
            return Ok(());
        }
        Status::Running => {
            "a running launch can only be updated to set status to cancelled".to_owned()
        }
        Status::Completed | Status::Partial => {
            format!("cannot update a {} launch", launch.status.id())
        }
        _ => return Ok(()),
    };
    Err(Refusal::one(Violation::new(Kind::StatusForbidsChange, "status", message)))
}

/// New official accounts join the targets; accounts and attachments of a target that goes away go
/// with it.
fn retarget(
    launch: &mut Launch,
    platforms: Option<Vec<Platform>>,
    dropspace_platforms: Option<Vec<Platform>>,
) -> Result<(), Refusal> {
    let content = &mut launch.content;
    match (platforms, dropspace_platforms) {
        (Some(platforms), Some(posting)) => {
            subset("dropspace_platforms", &posting, &platforms)?;
            content.platforms = platforms;
            content.dropspace_platforms = posting;
        }
        (Some(platforms), None) => {
            content.dropspace_platforms.retain(|platform| platforms.contains(platform));
            content.platforms = platforms;
        }
        (None, Some(posting)) => {
            let added =
                posting.iter().filter(|platform| !content.platforms.contains(platform)).copied();
            let added: Vec<Platform> = added.collect();
            content.platforms.extend(added);
            content.dropspace_platforms = posting;
        }
        (None, None) => {}
    }
    content.media_attach_platforms.retain(|platform| content.platforms.contains(platform));
    Ok(())
}

fn subset(name: &str, part: &[Platform], whole: &[Platform]) -> Result<(), Refusal> {
    match part.iter().find(|platform| !whole.contains(platform)) {
        None => Ok(()),
        Some(platform) => Err(Refusal::one(Violation::invalid(
            name,
            format!("{name} names {}, which platforms does not", platform.id()),
        ))),
    }
}

fn refusal(violations: Vec<Violation>) -> Refusal {
    Refusal::of(violations).unwrap_or_else(|| {
        Refusal::one(Violation::invalid("platform_contents", "platform_contents is not valid"))
    })
}
