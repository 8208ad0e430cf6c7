//! Lists and the official accounts.
use super::*;

#[tokio::test]
async fn pages_hold_every_launch_once_newest_first() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(world.create(json!({})).await.id());
        world.advance_ms(1);
    }
    ids.reverse();
    let mut seen = Vec::new();
    for page in 1..=4 {
        let answer = world.get(ALICE, &format!("/launches?page={page}&page_size=3")).await.json();
        let wanted = json!({"page": page, "page_size": 3, "total": 7, "total_pages": 3});
        assert_eq!(answer["pagination"], wanted);
        seen.extend(
            answer["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(seen, ids);
    let empty = world.get(BOB, "/launches").await.json();
    assert_eq!(
        empty,
        json!({"data": [], "pagination": {"page": 1, "page_size": 50, "total": 0, "total_pages": 0}})
    );
}

#[tokio::test]
async fn the_status_filters_and_bad_parameters_are_refused() {
    let world = World::new().await;
    world.create(json!({})).await;
    let posting = world.create(json!({"dropspace_platforms": ["twitter"]})).await.id();
    let found = world.get(ALICE, "/launches?status=trigger").await.json();
    assert_eq!(
        (&found["pagination"]["total"], &found["data"][0]["id"]),
        (&json!(1), &json!(posting))
    );
    for bad in
        ["page=0", "page=x", "page_size=0", "page_size=101", "status=done", "page=4294967296"]
    {
        let answer = world.get(ALICE, &format!("/launches?{bad}")).await;
        assert_eq!(answer.code(), (400, "SERVER_002".to_owned()), "{bad}");
    }
    assert_eq!(
        world.get(ALICE, "/launches?page=4294967295&page_size=100").await.json()["data"],
        json!([])
    );
}

#[tokio::test]
async fn a_list_item_has_the_documented_members() {
    let world = World::new().await;
    world.create(json!({"product_url": "https://a.example"})).await;
    let item = world.get(ALICE, "/launches").await.json()["data"][0].clone();
    let members: Vec<&String> = item.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "id",
            "name",
            "status",
            "platforms",
            "scheduled_date",
            "product_url",
            "product_description",
            "persona_id",
            "media_mode",
            "media_assets",
            "dropspace_platforms",
            "user_platform_accounts",
            "created_at",
            "updated_at",
        ]
    );
}

#[tokio::test]
async fn the_official_accounts_in_canonical_order() {
    let world = World::new().await;
    let answer = world.get("gateway", "/dropspace/status").await.json();
    assert_eq!(
        answer["data"],
        json!({
            "platforms": [
                {"platform": "facebook", "connected": true, "account_name": "dropspace"},
                {"platform": "linkedin", "connected": true, "account_name": "dropspace"},
                {"platform": "twitter", "connected": true, "account_name": "@dropspace"},
                {"platform": "reddit", "connected": false},
                {"platform": "instagram", "connected": true, "account_name": "@dropspace"},
                {"platform": "tiktok", "connected": false},
                {"platform": "youtube", "connected": false}
            ],
            "connected_platforms": ["facebook", "linkedin", "twitter", "instagram"],
            "timestamp": "2026-02-18T12:00:00.000Z"
        })
    );
    let none = World::with(|config| config.connected.clear()).await;
    assert_eq!(
        none.get("gateway", "/dropspace/status").await.json()["data"]["connected_platforms"],
        json!([])
    );
    assert_eq!(
        none.create(json!({"dropspace_platforms": ["twitter"]})).await.code(),
        (400, "LAUNCH_007".to_owned())
    );
}
