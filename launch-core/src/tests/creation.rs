//! One key, one launch, one answer.
use super::*;

#[tokio::test]
async fn a_creation_answers_with_the_documented_shape() {
    let world = World::new().await;
    let answer = world.create(json!({})).await;
    assert_eq!(answer.status, 201);
    let id = answer.id();
    let created = "2026-02-18T12:00:00.000Z";
    assert_eq!(
        answer.json(),
        json!({"data": {"id": id, "name": "a title", "status": "draft", "platforms": ["twitter", "linkedin"],
                        "scheduled_date": null, "created_at": created, "updated_at": created}})
    );
    assert_eq!(answer.headers["content-type"], "application/json");
    assert!(!answer.headers.contains_key("idempotent-replayed"));
}

#[tokio::test]
async fn the_same_key_gets_the_first_answer_byte_for_byte() {
    let world = World::new().await;
    // Valid at first; at the time of the repeat the date has passed.
    let body =
        body(json!({"dropspace_platforms": ["twitter"], "scheduled_date": "2026-02-18T13:00:00Z"}));
    let first = world.create_as(ALICE, "k", &body).await;
    world.advance_ms(86_400_000);
    let again = world.create_as(ALICE, "k", &body).await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    assert_eq!(world.get(ALICE, "/launches").await.json()["pagination"]["total"], 1);
}

#[tokio::test]
async fn the_same_key_for_something_else_is_a_conflict() {
    let world = World::new().await;
    assert_eq!(world.create_as(ALICE, "k", &body(json!({}))).await.status, 201);
    let other_body = world.create_as(ALICE, "k", &body(json!({"title": "another"}))).await;
    assert_eq!(other_body.code(), (409, "SERVER_009".to_owned()));
    let other_agent = world.create_as(BOB, "k", &body(json!({}))).await;
    assert_eq!(other_agent.code(), (409, "SERVER_009".to_owned()));
    let bad_body = world.create_as(ALICE, "k", &json!({})).await;
    assert_eq!(bad_body.code(), (409, "SERVER_009".to_owned()));
}

#[tokio::test]
async fn fifty_at_once_make_one_launch() {
    let world = World::new().await;
    let body = body(json!({}));
    let answers =
        futures::future::join_all((0..50).map(|_| world.create_as(ALICE, "k", &body))).await;
    let replayed =
        answers.iter().filter(|answer| answer.headers.contains_key("idempotent-replayed")).count();
    assert_eq!(replayed, 49);
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text));
    assert_eq!(world.get(ALICE, "/launches").await.json()["pagination"]["total"], 1);
}

#[tokio::test]
async fn a_refusal_does_not_use_up_the_key() {
    let world = World::new().await;
    let bad = body(json!({"title": "é".repeat(201), "wait": true}));
    for _ in 0..2 {
        let refused = world.create_as(ALICE, "k", &bad).await;
        assert_eq!(refused.code(), (400, "SERVER_002".to_owned()));
        let json = refused.json();
        assert_eq!(
            (&json["field"], &json["got"]),
            (&json!("title"), &json!("a string of 201 characters"))
        );
        assert_eq!(json["details"].as_array().map(Vec::len), Some(2));
    }
    assert_eq!(
        world.get("gateway", "/_core/launches/by-key/k").await.code(),
        (404, "SERVER_003".to_owned())
    );
    assert_eq!(world.create_as(ALICE, "k", &body(json!({}))).await.status, 201);
    let no_key = world.create_as(ALICE, "", &body(json!({}))).await;
    assert_eq!(
        (no_key.code(), no_key.json()["field"].as_str()),
        ((400, "SERVER_002".to_owned()), Some("Idempotency-Key"))
    );
    let broken = world.send(world.signed(ALICE, "POST", "/launches", "k2", "{\"title\": ")).await;
    assert_eq!(broken.code(), (400, "SERVER_002".to_owned()));
}

#[tokio::test]
async fn the_gateway_finds_a_creation_by_its_key() {
    let world = World::new().await;
    let first = world.create_as(ALICE, "k/1 ü", &body(json!({}))).await;
    assert_eq!(first.status, 401, "a key that is not plain text is not signed text");
    let first = world.create_as(ALICE, "k:1", &body(json!({}))).await;
    let found = world.get("gateway", "/_core/launches/by-key/k%3A1").await;
    let data = &found.json()["data"];
    assert_eq!((found.status, &data["status"], &data["agent"]), (200, &json!(201), &json!(ALICE)));
    assert_eq!(
        (data["body"].as_str(), data["id"].as_str()),
        (Some(first.text.as_str()), Some(first.id().as_str()))
    );
}

#[tokio::test]
async fn the_gateway_lists_every_creation_for_ever() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.create(json!({})).await.id());
    }
    assert_eq!(
        world.call(ALICE, "DELETE", &format!("/launches/{}", ids[1]), Value::Null).await.status,
        204
    );
    let mut seen = Vec::new();
    let mut target = "/_core/launches?limit=2".to_owned();
    loop {
        let page = world.get("gateway", &target).await.json();
        seen.extend(page["data"].as_array().unwrap().clone());
        match page["next"].as_i64() {
            Some(next) => target = format!("/_core/launches?limit=2&after={next}"),
            None => break,
        }
    }
    let seen_ids: Vec<&str> = seen.iter().map(|record| record["id"].as_str().unwrap()).collect();
    assert_eq!(seen_ids, ids);
    assert_eq!(seen[1]["deleted_at"], "2026-02-18T12:00:00.000Z");
    assert_eq!(
        (&seen[4]["deleted_at"], &seen[4]["idempotency_key"]),
        (&Value::Null, &json!("key-4"))
    );
    for bad in ["limit=0", "limit=1001", "after=-1", "after=x"] {
        assert_eq!(
            world.get("gateway", &format!("/_core/launches?{bad}")).await.status,
            400,
            "{bad}"
        );
    }
}
