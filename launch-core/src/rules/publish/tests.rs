//! Requirements of each platform.
#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::json;

fn content(
    platforms: &[Platform],
    contents: Value,
    media: &[&str],
    mode: Option<MediaMode>,
) -> Content {
    Content {
        platforms: platforms.to_vec(),
        dropspace_platforms: platforms.to_vec(),
        platform_contents: contents.as_object().unwrap().clone(),
        media_assets: media
            .iter()
            .map(|kind| json!({"type": kind, "url": "https://a.example/x"}))
            .collect(),
        media_attach_platforms: if media.is_empty() { vec![] } else { platforms.to_vec() },
        media_mode: mode,
        ..Content::default()
    }
}

/// Product text, notes of `POST /launches/:id/publish`.
#[test]
fn what_each_platform_needs() {
    use MediaMode::{Images, Video};
    use Platform::{Instagram, Reddit, Tiktok, Twitter, Youtube};
    let text = json!({"content": "x"});
    let private = json!({"content": "x", "tiktok_settings": {"privacy_level": "SELF_ONLY"}});
    let privacy = "platform_contents.tiktok.tiktok_settings.privacy_level";
    for (platform, entry, media, mode, wanted) in [
        (Twitter, text.clone(), vec![], None, vec![]),
        (Twitter, json!({"content": ""}), vec![], None, vec!["platform_contents.twitter"]),
        (
            Twitter,
            json!({"content": "x".repeat(1_681)}),
            vec![],
            None,
            vec!["platform_contents.twitter.content"],
        ),
        (Reddit, text.clone(), vec![], None, vec!["platform_contents.reddit.title"]),
        (
            Reddit,
            json!({"title": "t", "content": "x"}),
            vec!["image"],
            Some(Video),
            vec!["media_mode"],
        ),
        (
            Reddit,
            json!({"title": "t", "content": "x"}),
            vec!["video"],
            Some(Images),
            vec!["media_mode"],
        ),
        (Reddit, json!({"title": "t", "content": "x"}), vec![], Some(Video), vec![]),
        (Instagram, text.clone(), vec![], None, vec!["media"]),
        (Instagram, text.clone(), vec!["image"], Some(Video), vec!["media_mode"]),
        (Instagram, text.clone(), vec!["image"], Some(Images), vec![]),
        (Tiktok, text.clone(), vec!["video"], Some(Video), vec![privacy]),
        (Tiktok, private.clone(), vec!["video"], Some(Video), vec![]),
        (Tiktok, private, vec!["image"], Some(Video), vec!["media_mode"]),
        (Youtube, text.clone(), vec!["image"], None, vec!["media"]),
        (Youtube, text, vec!["video"], None, vec![]),
    ] {
        let content = content(&[platform], json!({platform.id(): entry}), &media, mode);
        let details = requirements(&content).err().map(|refusal| {
            assert_eq!((refusal.status, refusal.code), (400, "LAUNCH_007"));
            refusal.details
        });
        let fields: Vec<String> =
            details.unwrap_or_default().into_iter().map(|issue| issue.field).collect();
        assert_eq!(fields, wanted, "{content:?}");
    }
}

#[test]
fn every_issue_of_every_platform_is_listed() {
    let content = content(&[Platform::Instagram, Platform::Tiktok], json!({}), &[], None);
    assert_eq!(requirements(&content).unwrap_err().details.len(), 5);
    let refusal = requirements(&Content::default()).unwrap_err();
    assert_eq!((refusal.status, refusal.code), (422, "LAUNCH_007"));
}
