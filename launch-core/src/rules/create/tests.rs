//! Which creations are taken and which code refuses the others.
#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::json;

const NOW: i64 = 1_771_416_000_000; // 2026-02-18T12:00:00Z

fn connected() -> Connected {
    use Platform::{Facebook, Instagram, Linkedin, Tiktok, Twitter};
    Connected::new([Facebook, Linkedin, Twitter, Instagram, Tiktok])
}

/// The smallest good body with some members changed; null takes one away.
fn body(change: Value) -> Value {
    let mut body = json!({"title": "a title", "product_description": "words", "platforms": ["twitter", "linkedin"]});
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn judge(change: Value) -> Option<(u16, &'static str, String)> {
    let refusal = parse(&body(change), &connected(), NOW).err()?;
    Some((refusal.status, refusal.code, refusal.field.unwrap_or_default().into_string()))
}

/// Product text, `POST /launches`: request body and errors.
#[test]
fn bodies_that_are_taken() {
    for change in [
        json!({}),
        json!({"title": "é".repeat(200), "product_description": "é".repeat(2_000)}),
        json!({"platforms": null, "dropspace_platforms": ["twitter"]}),
        json!({"product_description": null, "custom_content": "x".repeat(1_680)}),
        json!({"product_description": null, "custom_content": ["a", "b".repeat(280)]}),
        json!({"product_description": null, "platform_contents": {"twitter": {"thread": ["a"]}}}),
        json!({"platforms": ["reddit"], "custom_content": "x", "custom_content_reddit_title": "t".repeat(300)}),
        json!({"scheduled_date": "2026-02-18T12:15:00.000Z"}),
        json!({"publish": true, "wait": true, "dropspace_platforms": ["twitter"]}),
        json!({"user_platform_accounts": {}, "persona_id": null}),
        json!({"dropspace_platforms": ["instagram"], "platforms": ["instagram"], "media": [{"source": "url", "url": "https://a.example/x.png"}]}),
        json!({"platforms": ["twitter", "reddit", "instagram", "tiktok", "youtube", "producthunt", "hackernews", "substack", "facebook"]}),
        json!({"platforms": ["instagram", "youtube"]}),
    ] {
        assert_eq!(judge(change.clone()), None, "{change}");
    }
}

/// Product text, `POST /launches`: what is a validation error.
#[test]
fn bodies_that_break_a_rule() {
    let persona = "0198b0a8-0000-7000-8000-000000000000";
    for (change, field) in [
        (json!({"title": null}), "title"),
        (json!({"title": "é".repeat(201)}), "title"),
        (json!({"title": "  "}), "title"),
        (json!({"title": 7}), "title"),
        (json!({"product_description": null}), "product_description"),
        (json!({"product_description": null, "platform_contents": {}}), "product_description"),
        (json!({"product_description": "é".repeat(2_001)}), "product_description"),
        (json!({"product_description": ""}), "product_description"),
        (json!({"platforms": null}), "platforms"),
        (json!({"platforms": []}), "platforms"),
        (json!({"platforms": ["myspace"]}), "platforms[0]"),
        (json!({"platforms": Platform::ALL}), "platforms"),
        (json!({"platforms": null, "dropspace_platforms": []}), "platforms"),
        (json!({"dropspace_platforms": ["facebook"]}), "dropspace_platforms"),
        (json!({"dropspace_platforms": "twitter"}), "dropspace_platforms"),
        (json!({"product_url": "example.com"}), "product_url"),
        (json!({"persona_id": "me"}), "persona_id"),
        (json!({"user_platform_accounts": persona}), "user_platform_accounts"),
        (json!({"scheduled_date": "2026-02-18T12:14:59.999Z"}), "scheduled_date"),
        (json!({"scheduled_date": "soon"}), "scheduled_date"),
        (
            json!({"publish": true, "dropspace_platforms": ["twitter"], "scheduled_date": "2026-03-18T12:00:00Z"}),
            "publish",
        ),
        (json!({"publish": true}), "publish"),
        (json!({"publish": "yes"}), "publish"),
        (json!({"wait": true}), "wait"),
        (
            json!({"custom_content": "x", "platform_contents": {"twitter": {"content": "x"}}}),
            "custom_content",
        ),
        (json!({"custom_content": "x".repeat(1_681)}), "custom_content"),
        (json!({"custom_content": ""}), "custom_content"),
        (json!({"custom_content": vec!["x"; 7]}), "custom_content"),
        (json!({"custom_content": ["x".repeat(281)]}), "custom_content[0]"),
        (json!({"custom_content": ["x"], "platforms": ["linkedin"]}), "custom_content"),
        (
            json!({"custom_content": vec!["x".repeat(280); 2], "platforms": ["twitter", "producthunt"]}),
            "custom_content",
        ),
        (json!({"custom_content": "x", "platforms": ["reddit"]}), "custom_content_reddit_title"),
        (
            json!({"platform_contents": {"reddit": {"title": "t", "content": "x"}}}),
            "platform_contents.reddit",
        ),
        (json!({"platform_contents": "x"}), "platform_contents"),
        (json!({"media_attach_platforms": ["reddit"]}), "media_attach_platforms"),
        (json!({"media_mode": "both"}), "media_mode"),
        (json!({"media": [], "media_assets": []}), "media"),
    ] {
        assert_eq!(judge(change.clone()), Some((400, "SERVER_002", field.to_owned())), "{change}");
    }
    for body in [json!(null), json!([]), json!("x")] {
        assert_eq!(parse(&body, &connected(), NOW).unwrap_err().code, "SERVER_002");
    }
}

/// The product's other codes at creation.
#[test]
fn bodies_that_are_refused_by_name() {
    let uuid = "0198b0a8-0000-7000-8000-000000000000";
    for (change, status, code) in [
        (json!({"user_platform_accounts": {"twitter": uuid}}), 403, "AUTH_002"),
        (json!({"user_platform_accounts": {"twitter": uuid}, "publish": true}), 403, "AUTH_002"),
        (json!({"persona_id": uuid}), 404, "SERVER_003"),
        (json!({"platforms": ["reddit"], "dropspace_platforms": ["reddit"]}), 400, "LAUNCH_007"),
        (json!({"platforms": null, "dropspace_platforms": ["reddit"]}), 400, "LAUNCH_007"),
        (json!({"dropspace_platforms": ["myspace"]}), 400, "LAUNCH_007"),
        (
            json!({"platforms": ["instagram"], "dropspace_platforms": ["instagram"]}),
            400,
            "LAUNCH_007",
        ),
        (json!({"platforms": ["tiktok"], "dropspace_platforms": ["tiktok"]}), 400, "LAUNCH_007"),
    ] {
        let refused = judge(change.clone()).map(|(status, code, _)| (status, code));
        assert_eq!(refused, Some((status, code)), "{change}");
    }
    let refusal = parse(&json!({"wait": true}), &connected(), NOW).unwrap_err();
    let fields: Vec<&str> =
        refusal.details.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["title", "platforms", "wait", "product_description"]);
}

#[test]
fn content_and_status_follow_from_the_body() {
    let parsed = |change| parse(&body(change), &connected(), NOW).unwrap();
    let plain = parsed(json!({"product_url": "https://a.example"}));
    assert_eq!(plain.status, Status::Draft);
    let text = "a title\n\nwords\n\nhttps://a.example";
    assert_eq!(
        Value::Object(plain.content.platform_contents),
        json!({"twitter": {"content": text}, "linkedin": {"content": text}})
    );

    let thread = parsed(json!({"custom_content": ["a", "b"]}));
    assert_eq!(thread.status, Status::Manual);
    assert_eq!(
        Value::Object(thread.content.platform_contents),
        json!({"twitter": {"thread": ["a", "b"]}, "linkedin": {"content": "a\n\nb"}})
    );

    let posting = parsed(json!({"dropspace_platforms": ["twitter"]}));
    assert_eq!(posting.status, Status::Trigger);
    let later = parsed(
        json!({"dropspace_platforms": ["twitter"], "scheduled_date": "2026-02-18T13:00:00Z"}),
    );
    assert_eq!((later.status, later.scheduled_unix_ms), (Status::Scheduled, Some(NOW + 3_600_000)));

    let media = parsed(json!({"media": [{"source": "url", "url": "https://a.example/x.mp4"}]}));
    assert_eq!(media.content.media_mode, Some(MediaMode::Video));
    assert_eq!(media.content.media_attach_platforms, [Platform::Twitter, Platform::Linkedin]);
}
