//! Publishing, scheduling and changing.
use super::*;

async fn detail(world: &World, id: &str) -> Value {
    world.get(ALICE, &format!("/launches/{id}")).await.json()["data"].clone()
}

#[tokio::test]
async fn publish_at_creation() {
    let world = World::new().await;
    let posting = json!({"dropspace_platforms": ["twitter", "linkedin"], "publish": true});
    let queued = world.create(posting).await;
    assert_eq!((queued.status, &queued.json()["data"]["status"]), (202, &json!("running")));
    let launch = detail(&world, &queued.id()).await;
    assert_eq!(
        (&launch["status"], &launch["completed_at"]),
        (&json!("completed"), &json!("2026-02-18T12:00:00.000Z"))
    );
    let twitter = &launch["posting_status"]["twitter"];
    assert_eq!(twitter["status"], "success");
    assert!(
        twitter["post_url"].as_str().unwrap().starts_with("http://127.0.0.1:8402/feed/twitter/")
    );

    let waited = world
        .create(json!({"dropspace_platforms": ["twitter"], "publish": true, "wait": true}))
        .await;
    let data = &waited.json()["data"];
    assert_eq!((waited.status, &data["status"]), (200, &json!("completed")));
    assert_eq!(data["posting_status"].as_object().unwrap().len(), 1);
    let status =
        world.get(ALICE, &format!("/launches/{}/status", waited.id())).await.json()["data"].clone();
    assert_eq!(status["launch_status"], "completed");
    let log = &status["posting_logs"][0];
    assert_eq!(log["post_url"], data["posting_status"]["twitter"]["post_url"]);
    assert_eq!((&log["attempt_count"], &log["error_code"]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn a_launch_that_cannot_be_published_is_created_all_the_same() {
    let world = World::new().await;
    let image = json!([{"source": "url", "url": "https://a.example/x.png"}]);
    let change = json!({"platforms": null, "dropspace_platforms": ["instagram"], "publish": true, "media": image, "media_mode": "video"});
    let created = world.create(change).await;
    assert_eq!(
        (created.status, &created.json()["publish_error"]["code"]),
        (201, &json!("LAUNCH_007"))
    );
    let id = created.id();
    let publish = format!("/launches/{id}/publish");
    let refused = world.call(ALICE, "POST", &publish, Value::Null).await;
    assert_eq!(refused.code(), (400, "LAUNCH_007".to_owned()));
    assert_eq!(refused.json()["details"].as_array().map(Vec::len), Some(1));
    let repaired = world
        .call(ALICE, "PATCH", &format!("/launches/{id}"), json!({"media_mode": "images"}))
        .await;
    assert_eq!(repaired.status, 200);
    let published = world.call(ALICE, "POST", &publish, Value::Null).await;
    assert_eq!(
        (published.status, published.json()),
        (202, json!({"data": {"message": "publish queued"}}))
    );
    let again = world.call(ALICE, "POST", &publish, Value::Null).await;
    assert_eq!(again.code(), (409, "LAUNCH_004".to_owned()));
}

#[tokio::test]
async fn a_launch_without_accounts_has_nowhere_to_go() {
    let world = World::new().await;
    let id = world.create(json!({})).await.id();
    let publish = format!("/launches/{id}/publish");
    assert_eq!(
        world.call(ALICE, "POST", &publish, Value::Null).await.code(),
        (422, "LAUNCH_007".to_owned())
    );
    let patched = world
        .call(ALICE, "PATCH", &format!("/launches/{id}"), json!({"status": "cancelled"}))
        .await;
    assert_eq!(patched.json()["data"]["status"], "cancelled");
    assert_eq!(
        world.call(ALICE, "POST", &publish, Value::Null).await.code(),
        (409, "LAUNCH_004".to_owned())
    );
}

#[tokio::test]
async fn a_change_is_merged_and_kept() {
    let world = World::new().await;
    let contents =
        json!({"twitter": {"content": "old"}, "reddit": {"title": "t", "content": "old"}});
    let created = world
        .create(json!({"platforms": ["twitter", "reddit"], "platform_contents": contents}))
        .await;
    let target = format!("/launches/{}", created.id());
    world.advance_ms(1_000);
    let change = json!({"name": "new", "platform_contents": {"twitter": {"thread": ["a", "b"]}}, "dropspace_platforms": ["twitter"]});
    let patched = world.call(ALICE, "PATCH", &target, change).await;
    let data = patched.json()["data"].clone();
    assert_eq!(
        (patched.status, &data["name"], &data["status"]),
        (200, &json!("new"), &json!("trigger"))
    );
    assert_eq!(
        data["platform_contents"],
        json!({"twitter": {"thread": ["a", "b"]}, "reddit": {"title": "t", "content": "old"}})
    );
    assert_eq!(data["updated_at"], "2026-02-18T12:00:01.000Z");
    assert_eq!(world.get(ALICE, &target).await.json()["data"], data);
    let refused = world
        .call(
            ALICE,
            "PATCH",
            &target,
            json!({"name": "half", "platform_contents": {"reddit": {"title": ""}}}),
        )
        .await;
    assert_eq!(refused.code(), (400, "SERVER_002".to_owned()));
    assert_eq!(world.get(ALICE, &target).await.json()["data"], data);
    world.call(ALICE, "POST", &format!("{target}/publish"), Value::Null).await;
    let late = world.call(ALICE, "PATCH", &target, json!({"name": "late"})).await;
    assert_eq!(late.code(), (409, "LAUNCH_003".to_owned()));
}

/// Posting is local and takes no time here, so that a running launch is put into the file.
#[tokio::test]
async fn a_running_launch_can_only_be_cancelled() {
    let world = World::new().await;
    let id = world.create(json!({"dropspace_platforms": ["twitter"]})).await.id();
    let mut tx = world.core.inner.store.begin().await.unwrap();
    sqlx::query("UPDATE launches SET status = 'running'").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let target = format!("/launches/{id}");
    let forbidden = (409, "LAUNCH_003".to_owned());
    assert_eq!(world.call(ALICE, "DELETE", &target, Value::Null).await.code(), forbidden);
    assert_eq!(world.call(ALICE, "PATCH", &target, json!({"name": "n"})).await.code(), forbidden);
    assert_eq!(
        world
            .call(ALICE, "PATCH", &target, json!({"name": "n", "status": "cancelled"}))
            .await
            .code(),
        forbidden
    );
    assert_eq!(
        world.call(ALICE, "POST", &format!("{target}/publish"), Value::Null).await.code(),
        (409, "LAUNCH_004".to_owned())
    );
    let cancelled = world.call(ALICE, "PATCH", &target, json!({"status": "cancelled"})).await;
    assert_eq!((cancelled.status, &cancelled.json()["data"]["status"]), (200, &json!("cancelled")));
    assert_eq!(world.call(ALICE, "DELETE", &target, Value::Null).await.status, 204);
}

#[tokio::test]
async fn a_scheduled_launch_posts_at_its_time() {
    let world = World::new().await;
    let change =
        json!({"dropspace_platforms": ["twitter"], "scheduled_date": "2026-02-18T13:00:00Z"});
    let id = world.create(change).await.id();
    world.advance_ms(3_599_999);
    assert_eq!(detail(&world, &id).await["status"], "scheduled");
    world.advance_ms(7_200_001);
    let launch = detail(&world, &id).await;
    assert_eq!(
        (&launch["status"], &launch["started_at"]),
        (&json!("completed"), &json!("2026-02-18T13:00:00.000Z"))
    );
}

#[tokio::test]
async fn a_scheduled_launch_that_cannot_post_fails_and_can_be_repaired() {
    let world = World::new().await;
    let image = json!([{"source": "url", "url": "https://a.example/x.png"}]);
    let change = json!({"platforms": null, "dropspace_platforms": ["instagram"], "media": image, "media_mode": "video",
                        "scheduled_date": "2026-02-18T13:00:00Z"});
    let id = world.create(change).await.id();
    world.advance_ms(3_600_000);
    let launch = detail(&world, &id).await;
    assert_eq!(
        (&launch["status"], &launch["posting_status"]["instagram"]["status"]),
        (&json!("failed"), &json!("failed"))
    );
    let patched = world
        .call(ALICE, "PATCH", &format!("/launches/{id}"), json!({"media_mode": "images"}))
        .await;
    assert_eq!((patched.status, &patched.json()["data"]["status"]), (200, &json!("failed")));
    assert_eq!(
        world.call(ALICE, "POST", &format!("/launches/{id}/publish"), Value::Null).await.status,
        202
    );
    let status = world.get(ALICE, &format!("/launches/{id}/status")).await.json()["data"].clone();
    assert_eq!(status["launch_status"], "completed");
    assert_eq!(
        (&status["posting_logs"][0]["status"], &status["posting_logs"][0]["attempt_count"]),
        (&json!("success"), &json!(2))
    );
}

#[tokio::test]
async fn inline_media_become_assets() {
    let world = World::new().await;
    let image = json!({"source": "base64", "data": "aGVsbG8=", "filename": "a.png", "mime_type": "image/png"});
    let id = world.create(json!({"media": [image]})).await.id();
    let asset = detail(&world, &id).await["media_assets"][0].clone();
    assert_eq!(
        (&asset["type"], &asset["size"], &asset["filename"]),
        (&json!("image"), &json!(5), &json!("a.png"))
    );
    let replaced =
        world.call(ALICE, "PATCH", &format!("/launches/{id}"), json!({"media": []})).await;
    assert_eq!(replaced.json()["data"]["media_assets"], json!([]));
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM media")
        .fetch_one(&world.core.inner.store.read)
        .await
        .unwrap();
    assert_eq!(kept, 0);
}
