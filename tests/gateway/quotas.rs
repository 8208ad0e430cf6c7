//! Free calls by quota: given on the routes that name it, shared by them, and said where they are
//! given.

use serde_json::json;

use crate::access::{paying, post, priced};
use crate::support::any_api::AnyApi;
use crate::support::audit::{number, text};
use crate::support::{Call, Wallet, World};

const QUOTAS: &str = r#"
[[quota]]
name = "forecasts"
rail = "x402"
count = 2
window = "day"

[[quota]]
name = "posts"
rail = "x402"
count = 1
window = "month"
"#;

/// Two routes that share the quota of a day, one with a quota of a month, and one without.
async fn api() -> AnyApi {
    let by_quota = |method, path, quota: &str| {
        priced(method, path, "{ x402 = \"0.01\" }", &format!("quota = \"{quota}\""))
    };
    let routes = [
        by_quota("GET", "/forecast", "forecasts"),
        by_quota("POST", "/archive", "forecasts"),
        by_quota("POST", "/posts", "posts"),
        priced("POST", "/paid", "{ x402 = \"0.01\" }", ""),
    ];
    AnyApi::start(&format!("{QUOTAS}{}", routes.concat())).await
}

/// What such a call was charged, without the payment's name.
async fn charged(world: &World, wallet: &Wallet, method: &str, path: &str) -> String {
    let header = paying(world, wallet, 10_000);
    let call = match method {
        "GET" => Call::get(path).header(header.0, &header.1),
        _ => post(path, &header),
    };
    world.send(call).await.must(200).charge().split("; payment=").next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn r176_a_quota_is_given_on_the_routes_that_name_it_and_shared_by_them() {
    let api = api().await;
    let world = api.setup().set("stripe.mode", "off").start().await;
    let (wallet, other) = (world.agent().await, world.agent().await);
    assert_eq!(
        charged(&world, &wallet, "GET", "/forecast?day=1").await,
        "none; reason=free_tier; remaining=1"
    );
    assert_eq!(
        charged(&world, &wallet, "POST", "/archive").await,
        "none; reason=free_tier; remaining=0"
    );
    assert_eq!(charged(&world, &wallet, "GET", "/forecast?day=2").await, "0.01 USDC");
    assert_eq!(
        charged(&world, &wallet, "POST", "/posts").await,
        "none; reason=free_tier; remaining=0",
        "its own quota"
    );
    assert_eq!(charged(&world, &wallet, "POST", "/posts?n=2").await, "0.01 USDC");
    assert_eq!(
        charged(&world, &wallet, "POST", "/paid").await,
        "0.01 USDC",
        "a route without a quota"
    );
    assert_eq!(
        charged(&world, &other, "GET", "/forecast?day=3").await,
        "none; reason=free_tier; remaining=1",
        "each wallet's own"
    );
    // A refused call gives its slot back to the quota that it came from.
    api.refuse(1);
    let header = paying(&world, &other, 10_000);
    world.send(post("/archive?n=3", &header)).await.must(422);
    let usage = world.ask(&other, "GET", "/usage").await.must(200).json()["data"]["limits"].clone();
    let forecasts = json!({"limit": 2, "used": 1, "remaining": 1});
    assert_eq!(
        usage,
        json!({"forecasts_per_day": forecasts, "posts_per_month": {"limit": 1, "used": 0, "remaining": 1}})
    );
    let slots = world
        .gateway
        .audit()
        .rows("select quota, month, slot from free_slots order by quota, slot")
        .await;
    let taken: Vec<_> = slots
        .iter()
        .map(|slot| (text(slot, "quota"), text(slot, "month").len(), number(slot, "slot")))
        .collect();
    let of = |quota: &str, length, slot| (quota.to_owned(), length, slot);
    assert_eq!(
        taken,
        [of("forecasts", 10, 1), of("forecasts", 10, 1), of("forecasts", 10, 2), of("posts", 7, 1)]
    );
    let verified = world.gateway.run(&["ledger", "verify"]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn r176_free_calls_are_said_by_their_own_window() {
    let api = api().await;
    let world = api.setup().set("stripe.mode", "off").start().await;
    let said = async |call: Call| {
        world.send(call).await.must(402).json()["error"]["message"].as_str().unwrap().to_owned()
    };
    assert!(said(Call::get("/forecast")).await.contains("2 free per day"));
    assert!(said(Call::new("POST", "/posts")).await.contains("1 free per month"));
    assert!(!said(Call::new("POST", "/paid")).await.contains("free"));
    let openapi = world.send(Call::get("/openapi.json")).await.must(200).json();
    let described = |path: &str, method: &str| {
        openapi["paths"][path][method]["description"].as_str().unwrap_or_default().to_owned()
    };
    assert!(
        described("/forecast", "get").contains("The first 2 a day of each wallet are free."),
        "{openapi}"
    );
    assert!(
        described("/posts", "post").contains("The first 1 a month of each wallet are free."),
        "{openapi}"
    );
    assert!(!described("/paid", "post").contains("free"), "{openapi}");
    let wallet = world.agent().await;
    charged(&world, &wallet, "GET", "/forecast").await;
    let (name, value) = world.identity(&wallet).v2();
    let quote = world
        .send(Call::get("/quote?route=GET+/forecast").header(name, &value))
        .await
        .must(200)
        .json();
    assert_eq!(
        quote["data"]["now"],
        json!({"charge": "none", "reason": "free_tier", "free_left": 1}),
        "{quote}"
    );
    let shown = world.gateway.run(&["free-tier", "show", &wallet.address_lower(), "--json"]).await;
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(
        (&shown["quotas"][0]["quota"], &shown["quotas"][0]["left"]),
        (&json!("forecasts"), &json!(1)),
        "{shown}"
    );
}
