//! Which changes are taken and what they make of a launch.
#![allow(clippy::unwrap_used)]
use super::super::launch::{Content, Launch};
use super::*;
use serde_json::json;

const NOW: i64 = 1_771_416_000_000; // 2026-02-18T12:00:00Z

fn connected() -> Connected {
    Connected::new([Platform::Twitter, Platform::Linkedin])
}

fn launch(status: Status) -> Launch {
    Launch {
        id: uuid::Uuid::nil(),
        agent: "wallet:0x1".to_owned(),
        name: "a title".to_owned(),
        status,
        scheduled_unix_ms: None,
        created_unix_ms: 0,
        updated_unix_ms: 0,
        started_unix_ms: None,
        completed_unix_ms: None,
        content: Content {
            platforms: vec![Platform::Twitter, Platform::Reddit],
            platform_contents:
                json!({"twitter": {"content": "x"}, "reddit": {"title": "t", "content": "x"}})
                    .as_object()
                    .unwrap()
                    .clone(),
            ..Content::default()
        },
    }
}

fn patched(from: Status, body: Value) -> Result<Launch, Refusal> {
    let mut launch = launch(from);
    apply(&mut launch, parse(&body, &connected(), NOW)?, NOW)?;
    Ok(launch)
}

/// Product text, `PATCH /launches/:id`: request body, errors and notes.
#[test]
fn changes_that_break_a_rule() {
    let uuid = "0198b0a8-0000-7000-8000-000000000000";
    for (body, code) in [
        (json!({}), "SERVER_002"),
        (json!({"title": "x"}), "SERVER_002"),
        (json!({"name": ""}), "SERVER_002"),
        (json!({"name": "é".repeat(201)}), "SERVER_002"),
        (json!({"name": null}), "SERVER_002"),
        (json!({"product_description": "é".repeat(10_001)}), "SERVER_002"),
        (json!({"product_url": "nowhere"}), "SERVER_002"),
        (json!({"status": "running"}), "SERVER_002"),
        (json!({"status": "completed"}), "SERVER_002"),
        (json!({"platforms": []}), "SERVER_002"),
        (json!({"platforms": Platform::ALL}), "SERVER_002"),
        (json!({"scheduled_date": "2026-02-18T12:14:00Z"}), "SERVER_002"),
        (
            json!({"platform_contents": {"twitter": {"thread": ["a"], "content": "b"}}}),
            "SERVER_002",
        ),
        (json!({"platform_contents": {"linkedin": {"content": "x".repeat(3_001)}}}), "SERVER_002"),
        (json!({"media_attach_platforms": ["facebook"]}), "SERVER_002"),
        (json!({"platforms": ["linkedin"], "dropspace_platforms": ["twitter"]}), "SERVER_002"),
        (json!({"media": [], "media_assets": []}), "SERVER_002"),
        (json!({"media": [{"source": "url", "url": "https://a.example/x.pdf"}]}), "UPLOAD_001"),
        (json!({"dropspace_platforms": ["facebook"]}), "LAUNCH_007"),
        (json!({"persona_id": uuid}), "SERVER_003"),
        (json!({"user_platform_accounts": {"twitter": uuid}}), "AUTH_002"),
    ] {
        assert_eq!(
            patched(Status::Draft, body.clone()).map_err(|refusal| refusal.code).err(),
            Some(code),
            "{body}"
        );
    }
}

#[test]
fn the_status_decides_whether_a_change_is_allowed() {
    let rename = json!({"name": "new"});
    for status in [Status::Running, Status::Completed, Status::Partial] {
        let refusal = patched(status, rename.clone()).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (409, "LAUNCH_003"));
    }
    for status in [Status::Draft, Status::Manual, Status::Cancelled, Status::Failed] {
        let launch = patched(status, rename.clone()).unwrap();
        assert_eq!(
            (launch.name.as_str(), launch.status, launch.updated_unix_ms),
            ("new", status, NOW)
        );
    }
    assert_eq!(
        patched(Status::Running, json!({"status": "cancelled"})).unwrap().status,
        Status::Cancelled
    );
    assert!(patched(Status::Running, json!({"status": "cancelled", "name": "x"})).is_err());
    assert!(patched(Status::Completed, json!({"status": "cancelled"})).is_err());
}

#[test]
fn the_status_follows_the_configuration() {
    let accounts = json!({"dropspace_platforms": ["twitter"]});
    let both =
        json!({"dropspace_platforms": ["twitter"], "scheduled_date": "2026-02-19T12:00:00Z"});
    let forced = json!({"dropspace_platforms": ["twitter"], "status": "manual"});
    for (from, body, wanted) in [
        (Status::Draft, accounts.clone(), Status::Trigger),
        (Status::Draft, both, Status::Scheduled),
        (Status::Draft, forced, Status::Trigger),
        (
            Status::Draft,
            json!({"platform_contents": {"twitter": {"content": "mine"}}}),
            Status::Manual,
        ),
        (Status::Trigger, json!({"dropspace_platforms": null}), Status::Draft),
        (Status::Cancelled, accounts, Status::Cancelled),
        (
            Status::Cancelled,
            json!({"status": "trigger", "dropspace_platforms": ["twitter"]}),
            Status::Trigger,
        ),
        (Status::Draft, json!({"status": "cancelled"}), Status::Cancelled),
    ] {
        assert_eq!(patched(from, body.clone()).unwrap().status, wanted, "{body}");
    }
    let mut scheduled = launch(Status::Scheduled);
    scheduled.scheduled_unix_ms = Some(NOW + 1_000_000);
    scheduled.content.dropspace_platforms = vec![Platform::Twitter];
    let unschedule = parse(&json!({"scheduled_date": null}), &connected(), NOW).unwrap();
    apply(&mut scheduled, unschedule, NOW).unwrap();
    assert_eq!((scheduled.status, scheduled.scheduled_unix_ms), (Status::Trigger, None));
}

#[test]
fn targets_accounts_and_media_stay_consistent() {
    let joined = patched(Status::Draft, json!({"dropspace_platforms": ["linkedin"]})).unwrap();
    assert_eq!(joined.content.platforms, [Platform::Twitter, Platform::Reddit, Platform::Linkedin]);
    assert_eq!(joined.content.platform_contents["linkedin"], json!({"content": "a title"}));

    let mut launch = launch(Status::Trigger);
    launch.content.dropspace_platforms = vec![Platform::Twitter];
    let change = json!({"platforms": ["reddit"], "media": [{"source": "url", "url": "https://a.example/x.png"}]});
    let media = apply(&mut launch, parse(&change, &connected(), NOW).unwrap(), NOW).unwrap();
    assert_eq!(media.map(|media| media.len()), Some(1));
    assert_eq!(launch.content.dropspace_platforms, []);
    assert_eq!(launch.content.media_attach_platforms, [Platform::Reddit]);
    assert_eq!(launch.content.media_mode, Some(MediaMode::Images));

    let cleared =
        patched(Status::Draft, json!({"product_url": "", "product_description": ""})).unwrap();
    assert_eq!((cleared.content.product_url, cleared.content.product_description), (None, None));
}

#[test]
fn a_date_that_has_passed_schedules_nothing() {
    let mut launch = launch(Status::Cancelled);
    launch.scheduled_unix_ms = Some(NOW - 1);
    let revive = json!({"status": "scheduled", "dropspace_platforms": ["twitter"]});
    let refusal = apply(&mut launch, parse(&revive, &connected(), NOW).unwrap(), NOW).unwrap_err();
    assert_eq!((refusal.code, refusal.field.as_deref()), ("SERVER_002", Some("scheduled_date")));
}
