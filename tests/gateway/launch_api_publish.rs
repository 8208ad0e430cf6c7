//! Publishing: at creation, by itself, by schedule; what it costs, and what it needs.

use serde_json::{Value, json};

use crate::launch_api::{Launches, body, explained, in_seconds};
use crate::proof_shapes::one_paid;
use crate::support::moment::now_unix_s;
use crate::support::world::{Totals, creation};
use crate::support::{Call, Setup, Wallet};

fn posting(more: Value) -> Value {
    let mut asked =
        body(json!({"platforms": null, "dropspace_platforms": ["twitter", "linkedin"]}));
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

/// Instagram shows an image where it was told to show a video: created, but it cannot be published.
fn unpublishable() -> Value {
    posting(
        json!({"dropspace_platforms": ["instagram"], "media": [{"source": "url", "url": "https://a.example/x.png"}],
        "media_mode": "video", "publish": true}),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_at_creation_is_202_and_wait_is_200_each_billed_once() {
    let api = Launches::paid().await;
    let wallet = api.world.agent().await;
    let queued = api.create(&wallet, &posting(json!({"publish": true}))).await.must(202);
    assert!(queued.charge().starts_with("0.55 USDC; payment="), "{}", queued.brief());
    assert_eq!(queued.json()["data"]["status"], "running");
    let shown = api.shown(&wallet, &queued.launch_id()).await;
    assert_eq!(
        (&shown["status"], &shown["posting_status"]["linkedin"]["status"]),
        (&json!("completed"), &json!("success"))
    );

    let waited =
        api.create(&wallet, &posting(json!({"publish": true, "wait": true}))).await.must(200);
    assert!(waited.charge().starts_with("0.55 USDC; payment="), "{}", waited.brief());
    let data = waited.json()["data"].take();
    assert_eq!(data["status"], "completed");
    let posts = data["posting_status"].as_object().unwrap();
    assert_eq!(posts.len(), 2);
    for (platform, post) in posts {
        assert_eq!(post["status"], "success", "{platform}");
        assert!(
            post["post_url"].as_str().is_some_and(|url| url.starts_with("http")),
            "{platform}: {post}"
        );
    }
    let paid = Totals { settlements: 2, transactions: 2, launches: 2, ..Totals::default() };
    api.world.settles_at(paid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_error_is_a_creation_and_billed_once() {
    let api = Launches::paid().await;
    let wallet = api.world.agent().await;
    let header = api.world.proof(&wallet).v2();
    let call = creation(&header, &unpublishable());
    let created = api.world.send(call.clone()).await.must(201);
    assert!(created.charge().starts_with("0.55 USDC; payment="), "{}", created.brief());
    let error = &created.json()["publish_error"];
    assert_eq!(error["code"], "LAUNCH_007");
    assert!(error["message"].is_string(), "{error}");
    let again = api.world.send(call).await.must(201);
    assert!(again.replayed() && again.body == created.body);
    api.world.settles_at(one_paid()).await;
    // It is mended and published without another payment.
    let id = created.launch_id();
    let refused = api.publish(&wallet, &id).await;
    explained("the mode needs a video", &refused, 400, "LAUNCH_007", "media_mode");
    assert_eq!(refused.json()["got"], "\"video\"");
    api.patch(&wallet, &id, &json!({"media_mode": "images"})).await.must(200);
    let published = api.publish(&wallet, &id).await.must(202);
    assert_eq!(published.json(), json!({"data": {"message": "publish queued"}}));
    assert_eq!(published.charge(), "none; reason=free_route");
    api.world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_needs_accounts_a_status_and_what_each_platform_asks_for() {
    let api = Launches::free().await;
    let wallet = Wallet::random();
    let nowhere = api.created(&wallet, &body(json!({}))).await;
    explained(
        "no account",
        &api.publish(&wallet, &nowhere).await,
        422,
        "LAUNCH_007",
        "dropspace_platforms",
    );
    api.patch(&wallet, &nowhere, &json!({"status": "cancelled"})).await.must(200);
    explained(
        "a cancelled launch",
        &api.publish(&wallet, &nowhere).await,
        409,
        "LAUNCH_004",
        "status",
    );

    // Every issue of every platform is listed at once.
    let media = json!([{"source": "url", "url": "https://a.example/x.png"}]);
    let pictured =
        posting(json!({"dropspace_platforms": ["instagram", "twitter"], "media": media}));
    let id = api.created(&wallet, &pictured).await;
    let broken = json!({"media_assets": [], "platform_contents": {"twitter": {"content": "fine"}}});
    api.patch(&wallet, &id, &broken).await.must(200);
    let reply = api.publish(&wallet, &id).await;
    explained("instagram lost its media", &reply, 400, "LAUNCH_007", "media");
    assert_eq!(reply.json()["details"].as_array().map(Vec::len), Some(1), "{}", reply.brief());
    api.patch(&wallet, &id, &json!({"media": media})).await.must(200);
    api.publish(&wallet, &id).await.must(202);
    explained("a completed launch", &api.publish(&wallet, &id).await, 409, "LAUNCH_004", "status");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_publishers_at_once_publish_once() {
    let api = Launches::free().await;
    let wallet = Wallet::random();
    let id = api.created(&wallet, &posting(json!({}))).await;
    let calls = (0..4).map(|_| api.publish(&wallet, &id));
    let replies = futures::future::join_all(calls).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409, 409, 409]);
    let logs = api.get(&wallet, &format!("/launches/{id}/status")).await.must(200).json();
    assert_eq!(logs["data"]["posting_logs"].as_array().map(Vec::len), Some(2), "{logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_launch_posts_when_its_time_comes() {
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("clock");
    let started = now_unix_s();
    let set =
        |seconds: u64| std::fs::write(&file, ((started + seconds) * 1000).to_string()).unwrap();
    set(0);
    let setup = Setup::new()
        .set("x402.require_balance_for_free", "false")
        .set("test.clock_file", file.to_str().unwrap());
    let api = Launches::start(setup).await;
    let wallet = Wallet::random();
    let id = api.created(&wallet, &posting(json!({"scheduled_date": in_seconds(1_000)}))).await;
    assert_eq!(api.shown(&wallet, &id).await["status"], "scheduled");
    set(1_100);
    let mut draft = wallet.draft(&api.world.terms.asking(0));
    draft.valid_before = started + 1_400;
    let (name, value) = draft.sign(&wallet).v2();
    let shown = api
        .world
        .send(Call::get(&format!("/launches/{id}")).header(name, &value))
        .await
        .must(200)
        .json()["data"]
        .take();
    assert_eq!(
        (&shown["status"], &shown["completed_at"]),
        (&json!("completed"), &shown["scheduled_date"])
    );
}
