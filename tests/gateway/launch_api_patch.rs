//! `PATCH` and `DELETE /launches/:id`.

use serde_json::{Value, json};

use crate::launch_api::{Launches, body, explained, in_seconds};
use crate::support::Wallet;
use crate::support::wallet::DEVELOPMENT_KEY;

const UUID: &str = "0b6f2f1c-57a7-4d0e-9f5e-0d9f6f0b7a11";

#[tokio::test(flavor = "multi_thread")]
async fn contents_are_merged_and_the_rest_is_replaced() {
    let api = Launches::free().await;
    let wallet = Wallet::random();
    let reddit = json!({"content": "b", "title": "kept"});
    let written = json!({"twitter": {"content": "a"}, "reddit": reddit});
    let id = api
        .created(
            &wallet,
            &body(json!({"platforms": ["twitter", "reddit"], "platform_contents": written})),
        )
        .await;
    let change = json!({"name": "renamed", "product_description": "é".repeat(10_000), "product_url": "https://b.example",
        "platform_contents": {"reddit": {"content": "c"}}});
    let data = api.patch(&wallet, &id, &change).await.must(200).json()["data"].take();
    assert_eq!(data["name"], "renamed");
    assert_eq!(data["product_url"], "https://b.example");
    assert_eq!(
        data["platform_contents"]["twitter"],
        json!({"content": "a"}),
        "another platform stays"
    );
    assert_eq!(
        data["platform_contents"]["reddit"],
        json!({"content": "c", "title": "kept"}),
        "another member stays"
    );
    let thread = json!({"platform_contents": {"twitter": {"thread": ["one", "two"]}}});
    let data = api.patch(&wallet, &id, &thread).await.must(200).json()["data"].take();
    assert_eq!(
        data["platform_contents"]["twitter"],
        json!({"thread": ["one", "two"]}),
        "content and thread replace each other"
    );
    let cleared =
        json!({"product_url": "", "persona_id": null, "platforms": ["twitter", "linkedin"]});
    let data = api.patch(&wallet, &id, &cleared).await.must(200).json()["data"].take();
    assert_eq!((&data["product_url"], &data["persona_id"]), (&Value::Null, &Value::Null));
    assert_eq!(data["platforms"], json!(["twitter", "linkedin"]));
    assert_eq!(api.shown(&wallet, &id).await, data, "what PATCH answers is what is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_change_is_refused_and_changes_nothing() {
    let invalid = (400, "SERVER_002");
    all_refused(vec![
        ("no field", json!({}), invalid, "body"),
        ("a body that is no object", json!([]), invalid, "body"),
        ("an unknown field", json!({"name": "n", "title": "t"}), invalid, "body"),
        ("an empty name", json!({"name": ""}), invalid, "name"),
        ("a name of 201 characters", json!({"name": "é".repeat(201)}), invalid, "name"),
        (
            "a description of 10001 characters",
            json!({"product_description": "é".repeat(10_001)}),
            invalid,
            "product_description",
        ),
        ("a bad address", json!({"product_url": "example.com"}), invalid, "product_url"),
        ("an unknown status", json!({"status": "completed"}), invalid, "status"),
        (
            "a date of the past",
            json!({"scheduled_date": "2020-01-01T00:00:00Z"}),
            invalid,
            "scheduled_date",
        ),
        (
            "a date in 14 minutes",
            json!({"scheduled_date": in_seconds(14 * 60)}),
            invalid,
            "scheduled_date",
        ),
        ("no platform", json!({"platforms": []}), invalid, "platforms"),
        ("an unknown platform", json!({"platforms": ["myspace"]}), invalid, "platforms[0]"),
        (
            "a thread of seven",
            json!({"platform_contents": {"twitter": {"thread": vec!["a"; 7]}}}),
            invalid,
            "platform_contents.twitter.thread",
        ),
        (
            "thread and content",
            json!({"platform_contents": {"twitter": {"thread": ["a"], "content": "b"}}}),
            invalid,
            "platform_contents.twitter.content",
        ),
        ("a persona", json!({"persona_id": UUID}), (404, "SERVER_003"), "persona_id"),
        (
            "accounts of one's own",
            json!({"user_platform_accounts": {"twitter": UUID}}),
            (403, "AUTH_002"),
            "user_platform_accounts",
        ),
        (
            "an account that is not connected",
            json!({"dropspace_platforms": ["tiktok"]}),
            (400, "LAUNCH_007"),
            "dropspace_platforms[0]",
        ),
        (
            "accounts outside the platforms",
            json!({"platforms": ["twitter"], "dropspace_platforms": ["facebook"]}),
            invalid,
            "dropspace_platforms",
        ),
    ])
    .await;
}

/// A label, the change, the status and code of its answer, and the field that this names.
type BadChange = (&'static str, Value, (u16, &'static str), &'static str);

/// Makes each change to one launch, which stays as it was.
async fn all_refused(changes: Vec<BadChange>) {
    let api = Launches::free().await;
    let wallet = Wallet::random();
    let id = api.created(&wallet, &body(json!({"platforms": ["twitter", "tiktok"]}))).await;
    let before = api.shown(&wallet, &id).await;
    for (label, change, (status, code), field) in changes {
        let reply = api.patch(&wallet, &id, &change).await;
        explained(label, &reply, status, code, field);
        assert_eq!(
            reply.charge(),
            if reply.json()["reason"].is_string() { "none" } else { "none; reason=free_route" },
            "{label}"
        );
    }
    assert_eq!(api.shown(&wallet, &id).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_is_derived_at_every_change() {
    let api = Launches::free().await;
    let wallet = Wallet::random();
    let id = api.created(&wallet, &body(json!({}))).await;
    for (change, status) in [
        (json!({"name": "n"}), "draft"),
        (json!({"platform_contents": {"twitter": {"content": "mine"}}}), "manual"),
        (json!({"status": "draft"}), "draft"),
        (json!({"dropspace_platforms": ["twitter"]}), "trigger"),
        // Nobody can force "manual" on a launch with accounts.
        (json!({"status": "manual"}), "trigger"),
        (json!({"scheduled_date": in_seconds(3_600)}), "scheduled"),
        (json!({"status": "draft"}), "scheduled"),
        (json!({"scheduled_date": null}), "trigger"),
        (json!({"status": "cancelled"}), "cancelled"),
        (json!({"name": "still cancelled"}), "cancelled"),
        (json!({"status": "trigger"}), "trigger"),
        (json!({"dropspace_platforms": null}), "manual"),
    ] {
        let reply = api.patch(&wallet, &id, &change).await.must(200).json();
        assert_eq!(reply["data"]["status"], status, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_launch_is_not_changed() {
    let api = Launches::free().await;
    let wallet = Wallet::random();
    let id = api.created(&wallet, &body(json!({"dropspace_platforms": ["twitter"]}))).await;
    api.publish(&wallet, &id).await.must(202);
    let reply = api.patch(&wallet, &id, &json!({"name": "too late"})).await;
    explained("a completed launch", &reply, 409, "LAUNCH_003", "status");
    assert_eq!(reply.json()["got"], "\"completed\"");
    assert_eq!(api.shown(&wallet, &id).await["name"], "a title");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_launch_is_gone_for_everybody() {
    let api = Launches::free().await;
    let (wallet, other) = (Wallet::random(), Wallet::from_hex(DEVELOPMENT_KEY));
    let published = api.created(&wallet, &body(json!({"dropspace_platforms": ["twitter"]}))).await;
    api.publish(&wallet, &published).await.must(202);
    let draft = api.created(&wallet, &body(json!({}))).await;
    let path = |id: &str| format!("/launches/{id}");
    // Somebody else's launch is as unknown as one that never was.
    for (who, id) in [(&other, draft.as_str()), (&wallet, UUID), (&wallet, "no-uuid")] {
        for (method, target) in
            [("GET", path(id)), ("DELETE", path(id)), ("GET", format!("/launches/{id}/status"))]
        {
            api.call(who, method, &target, None).await.refused(404, "LAUNCH_001");
        }
        api.patch(who, id, &json!({"name": "mine"})).await.refused(404, "LAUNCH_001");
        api.publish(who, id).await.refused(404, "LAUNCH_001");
    }
    for id in [&draft, &published] {
        let reply = api.call(&wallet, "DELETE", &path(id), None).await.must(204);
        assert!(
            reply.body.is_empty() && reply.charge() == "none; reason=free_route",
            "{}",
            reply.brief()
        );
        api.get(&wallet, &path(id)).await.refused(404, "LAUNCH_001");
        api.call(&wallet, "DELETE", &path(id), None).await.refused(404, "LAUNCH_001");
    }
    let list = api.get(&wallet, "/launches").await.must(200).json();
    assert_eq!(list["pagination"]["total"], 0);
    // Deleting gives no slot back.
    let used = api.get(&wallet, "/usage").await.must(200).json();
    assert_eq!(used["data"]["limits"]["launches_per_month"]["used"], 2);
}
