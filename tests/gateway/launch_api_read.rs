//! Lists, single launches and posting logs; what a free route costs, and whose launches it shows.

use serde_json::{Value, json};

use crate::launch_api::{Launches, body};
use crate::support::{Call, Wallet};

/// The members of an object, sorted.
fn members(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_ones_own_launches_once_newest_first() {
    let api = Launches::free().await;
    let wallet = Wallet::random();
    let mut ids = Vec::new();
    for at in 0..5 {
        ids.push(api.created(&wallet, &body(json!({"title": format!("launch {at}")}))).await);
    }
    ids.reverse();
    let mut seen = Vec::new();
    for page in 1..=3 {
        let reply = api.get(&wallet, &format!("/launches?page={page}&page_size=2")).await.must(200);
        assert_eq!(reply.charge(), "none; reason=free_route");
        let list = reply.json();
        assert_eq!(
            list["pagination"],
            json!({"page": page, "page_size": 2, "total": 5, "total_pages": 3})
        );
        seen.extend(
            list["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(seen, ids);
    let beyond = api.get(&wallet, "/v1/launches?page=4&page_size=2").await.must(200).json();
    assert_eq!(beyond["data"], json!([]));
    let usual = api.get(&wallet, "/launches").await.must(200).json();
    assert_eq!(
        usual["pagination"],
        json!({"page": 1, "page_size": 50, "total": 5, "total_pages": 1})
    );
    let stranger = api.get(&Wallet::random(), "/launches").await.must(200).json();
    assert_eq!((&stranger["data"], &stranger["pagination"]["total"]), (&json!([]), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_a_list_are_checked() {
    let api = Launches::free().await;
    let wallet = Wallet::random();
    let draft = api.created(&wallet, &body(json!({}))).await;
    let trigger = api.created(&wallet, &body(json!({"dropspace_platforms": ["twitter"]}))).await;
    for (status, expected) in
        [("draft", vec![&draft]), ("trigger", vec![&trigger]), ("failed", vec![])]
    {
        let list = api
            .get(&wallet, &format!("/launches?status={status}&page_size=100"))
            .await
            .must(200)
            .json();
        let ids: Vec<&str> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, expected, "{status}");
        assert_eq!(list["pagination"]["total"], expected.len(), "{status}");
    }
    for (query, field) in [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=two", "page"),
        ("page_size=0", "page_size"),
        ("page_size=101", "page_size"),
        ("page_size=1.5", "page_size"),
        ("status=done", "status"),
    ] {
        let reply = api.get(&wallet, &format!("/launches?{query}")).await;
        crate::launch_api::explained(query, &reply, 400, "SERVER_002", field);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_and_single_launches_have_the_documented_members() {
    let api = Launches::free().await;
    let wallet = Wallet::random();
    let asked = json!({"product_url": "https://a.example", "dropspace_platforms": ["twitter"], "publish": true, "wait": true});
    let id = api.create(&wallet, &body(asked)).await.must(200).launch_id();
    let item = api.get(&wallet, "/launches").await.must(200).json()["data"][0].take();
    let listed = [
        "created_at",
        "dropspace_platforms",
        "id",
        "media_assets",
        "media_mode",
        "name",
        "persona_id",
        "platforms",
        "product_description",
        "product_url",
        "scheduled_date",
        "status",
        "updated_at",
        "user_platform_accounts",
    ];
    assert_eq!(members(&item), listed);
    let shown = api.shown(&wallet, &id).await;
    for name in ["platform_contents", "posting_status", "started_at", "completed_at"] {
        assert!(!shown[name].is_null(), "{name}: {shown}");
    }
    let post = &shown["posting_status"]["twitter"];
    assert_eq!(members(post), ["post_url", "posted_at", "status"]);
    let logs =
        api.get(&wallet, &format!("/launches/{id}/status")).await.must(200).json()["data"].take();
    assert_eq!((&logs["launch_id"], &logs["launch_status"]), (&json!(id), &json!("completed")));
    let log = &logs["posting_logs"][0];
    let logged = [
        "attempt_count",
        "created_at",
        "error_code",
        "error_message",
        "id",
        "platform",
        "post_id",
        "post_url",
        "posted_at",
        "status",
    ];
    assert_eq!(members(log), logged);
    assert_eq!(log["post_url"], post["post_url"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_free_route_wants_to_know_who_asks() {
    let api = Launches::free().await;
    let id = "0b6f2f1c-57a7-4d0e-9f5e-0d9f6f0b7a11";
    for (method, target) in [
        ("GET", "/launches".to_owned()),
        ("GET", format!("/launches/{id}")),
        ("PATCH", format!("/launches/{id}")),
        ("DELETE", format!("/launches/{id}")),
        ("POST", format!("/launches/{id}/publish")),
        ("GET", format!("/launches/{id}/status")),
    ] {
        for prefix in ["", "/v1"] {
            let reply = api
                .world
                .send(Call::new(method, &format!("{prefix}{target}")))
                .await
                .refused(402, "PAYMENT_001");
            assert_eq!(
                crate::proofs::challenge(&reply)["accepts"][0]["amount"],
                "0",
                "{method} {target}"
            );
        }
    }
    for (method, target, allow) in
        [("PUT", "/launches", "GET, POST"), ("POST", "/launches/x", "GET, PATCH, DELETE")]
    {
        let reply = api.world.send(Call::new(method, target)).await.refused(405, "SERVER_004");
        let mut allowed: Vec<_> = reply.header("allow").unwrap().split(", ").collect();
        let mut wanted: Vec<_> = allow.split(", ").collect();
        allowed.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(allowed, wanted, "{method} {target}");
    }
    api.world.send(Call::get("/launches/x/y/z")).await.refused(404, "SERVER_003");
    // What the product has for API keys only, agents do not have.
    for target in ["/launches/x/retry", "/launches/x/generate-content", "/launches/x/retry-content"]
    {
        api.world.send(Call::new("POST", target)).await.refused(404, "SERVER_003");
    }
}
