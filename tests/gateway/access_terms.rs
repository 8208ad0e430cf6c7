//! What a route's own terms say of credits, of what is owed, of its method and of the API's own
//! keys.

use serde_json::json;

use crate::access::{paying, post, priced};
use crate::startup::refusal;
use crate::support::any_api::AnyApi;
use crate::support::audit::{number, text};
use crate::support::card::purchase;
use crate::support::{Call, Card, Reply, World};

/// A route by card, at 60 cents or so many credits.
fn by_card(path: &str, further: &str) -> String {
    priced("POST", path, "{ mpp = \"0.60\" }", further)
}

/// `path` by the account whose token this is.
async fn by_token(world: &World, path: &str, token: &str) -> Reply {
    world.send(post(path, &("authorization", token.to_owned()))).await
}

/// The token of an account that bought a pack of 20 credits.
async fn bought(world: &World, card: &Card) -> String {
    let pack = world.pay(card, &purchase()).await.must(200);
    format!("Bearer {}", pack.header("x-agent-token").unwrap())
}

/// Every rule of the books holds.
async fn books_agree(world: &World) {
    let verified = world.gateway.run(&["ledger", "verify"]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

async fn credits_left(world: &World) -> i128 {
    world
        .gateway
        .audit()
        .view("credits")
        .await
        .iter()
        .map(|account| number(account, "balance"))
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn r175_a_call_takes_the_credits_of_its_route_or_none() {
    let routes =
        [by_card("/one", "credits = 1"), by_card("/three", "credits = 3"), by_card("/none", "")];
    let api = AnyApi::start(&routes.concat()).await;
    let world = api.setup().cards().start().await;
    let token = bought(&world, &Card::new()).await;
    by_token(&world, "/three", &token).await.must(200);
    assert_eq!(credits_left(&world).await, 17);
    by_token(&world, "/one", &token).await.must(200);
    assert_eq!(credits_left(&world).await, 16);
    let reply = by_token(&world, "/none", &token).await.refused(402, "PAYMENT_001");
    assert_eq!(reply.json()["reason"], "rail_not_offered", "{}", reply.brief());
    for left in [13, 10, 7, 4, 1] {
        by_token(&world, "/three", &token).await.must(200);
        assert_eq!(credits_left(&world).await, left);
    }
    let reply = by_token(&world, "/three", &token).await.refused(402, "PAYMENT_001");
    assert_eq!(reply.json()["reason"], "no_credits", "{}", reply.brief());
    by_token(&world, "/one", &token).await.must(200);
    assert_eq!(credits_left(&world).await, 0);
    assert_eq!(api.calls().len(), 8, "{:?}", api.calls());
    books_agree(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r175_refused_calls_give_the_same_credits_back_and_owe_what_no_credit_is_worth() {
    let api =
        AnyApi::start(&[by_card("/one", "credits = 1"), by_card("/three", "credits = 3")].concat())
            .await;
    let world = api.setup().cards().start().await;
    let token = bought(&world, &Card::new()).await;
    api.refuse(1);
    by_token(&world, "/three", &token).await.must(422);
    assert_eq!(credits_left(&world).await, 20);
    // Paid by the cards of others: where one credit is one call it becomes a credit, elsewhere it
    // is owed in money.
    api.refuse(2);
    let body = |path: &str| Call::new("POST", path).json(&json!({"n": 1}));
    let credited = world.pay(&Card::new(), &body("/one")).await.must(422);
    assert_eq!(credited.json()["credited"], "1 CREDIT", "{}", credited.brief());
    let owed = world.pay(&Card::new(), &body("/three")).await.must(422);
    assert_eq!(owed.json()["owed"], "0.60 USD", "{}", owed.brief());
    assert_eq!(credits_left(&world).await, 21);
    world
        .gateway
        .until("the debt is due", std::time::Duration::from_secs(30), async || {
            let owed = world.gateway.audit().view("obligations").await;
            let due = owed
                .iter()
                .filter(|row| {
                    text(row, "state") == "refund_due" && number(row, "amount_minor") == 60
                })
                .count();
            if due == 1 { Ok(()) } else { Err(format!("{owed:?}")) }
        })
        .await;
    books_agree(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r175_nothing_is_sold_that_nothing_takes() {
    let api = AnyApi::start(&by_card("/things", "")).await;
    let world = api.setup().cards().start().await;
    let reply = world.send(purchase()).await.refused(404, "SERVER_003");
    assert_eq!(reply.json()["reason"], "no_packs", "{}", reply.brief());
    let quote = world.send(Call::get("/quote?route=POST+/things")).await.must(200).json();
    assert_eq!(quote["data"]["packs"], json!([]), "{quote}");
    let llms = world.send(Call::get("/llms.txt")).await.must(200);
    assert!(!String::from_utf8_lossy(&llms.body).contains("pack_20"));
    let openapi = world.send(Call::get("/openapi.json")).await.must(200).json();
    assert!(openapi["paths"]["/credits/purchase"].is_null(), "{openapi}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r174_an_entitlement_pays_for_its_own_route_and_no_other() {
    let routes = [
        priced("POST", "/cheap", "{ x402 = \"0.01\" }", ""),
        priced("POST", "/dear", "{ x402 = \"5.00\" }", ""),
    ];
    let api = AnyApi::start(&routes.concat()).await;
    let world = api.setup().set("stripe.mode", "off").start().await;
    let wallet = world.agent_with(20_000_000).await;
    api.refuse(1);
    let refused = world.send(post("/cheap", &paying(&world, &wallet, 10_000))).await.must(422);
    assert_eq!(refused.json()["owed"], "0.01 USDC", "{}", refused.brief());
    let quoted = async |route: &str| {
        let (name, value) = world.identity(&wallet).v2();
        world
            .send(Call::get(&format!("/quote?route=POST+{route}")).header(name, &value))
            .await
            .must(200)
            .json()["data"]["now"]
            .clone()
    };
    let dear = quoted("/dear").await;
    assert_eq!(dear["charge"], "5.00 USDC");
    let kept = json!([{ "amount": "0.01 USDC", "route": "POST /cheap" }]);
    assert_eq!(
        dear["entitlements_kept"], kept,
        "it stays open beside a call that it does not fund"
    );
    assert_eq!(quoted("/cheap").await["reason"], "entitlement");
    let dear = world.send(post("/dear", &paying(&world, &wallet, 5_000_000))).await.must(200);
    assert!(dear.charge().starts_with("5.00 USDC; payment="), "{}", dear.brief());
    // What is owed for the dear one is not eaten by the cheap one either.
    api.refuse(1);
    world
        .send(post("/dear", &paying(&world, &wallet, 5_000_000)).header("idempotency-key", "again"))
        .await
        .must(422);
    for expected in ["none; reason=entitlement", "0.01 USDC; payment="] {
        let cheap = world
            .send(
                post("/cheap", &paying(&world, &wallet, 10_000))
                    .header("idempotency-key", expected.split(' ').next().unwrap()),
            )
            .await;
        assert!(cheap.must(200).charge().starts_with(expected), "{expected}");
    }
    let owed = world.gateway.audit().view("obligations").await;
    let open: Vec<i128> = owed
        .iter()
        .filter(|row| text(row, "state") == "open")
        .map(|row| number(row, "amount_minor"))
        .collect();
    assert_eq!(open, [5_000_000], "{owed:?}");
    books_agree(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r177_a_priced_call_is_forwarded_with_its_method() {
    let methods = ["GET", "PUT", "PATCH", "DELETE", "POST"];
    let routes: String =
        methods.map(|method| priced(method, "/things/:id", "{ x402 = \"0.01\" }", "")).concat();
    let api = AnyApi::start(&routes).await;
    let world = api.setup().set("stripe.mode", "off").start().await;
    let wallet = world.agent().await;
    for method in methods {
        let (name, value) = paying(&world, &wallet, 10_000);
        let call = Call::new(method, "/things/7?a=1").header(name, &value);
        let call =
            if ["GET", "DELETE"].contains(&method) { call } else { call.json(&json!({"n": 1})) };
        let reply = world.send(call).await.must(200);
        assert!(reply.charge().starts_with("0.01 USDC"), "{method}: {}", reply.brief());
    }
    assert_eq!(api.calls(), methods.map(|method| format!("{method} /things/7?a=1")));
    for seen in api.seen() {
        assert_eq!(seen.values("content-type").is_empty(), seen.body.is_empty(), "{}", seen.method);
        assert_eq!(seen.values("idempotency-key").len(), 1, "{}", seen.method);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r178_a_key_of_the_api_passes_only_where_the_profile_says_so() {
    let open = "[[route]]\nmethod = \"GET\"\npath = \"/mine\"\nprice = \"free\"\n";
    let routes = [priced("POST", "/things", "{ x402 = \"0.01\" }", ""), open.to_owned()].concat();
    let key = &("authorization", String::from("Bearer ds_x"));
    let api = AnyApi::start(&routes).await;
    let world = api.setup().set("stripe.mode", "off").start().await;
    for call in [post("/things", key), Call::get("/mine").header(key.0, &key.1)] {
        let reply = world.send(call).await.refused(401, "AUTH_001");
        assert_eq!(reply.json()["reason"], "unknown_api_key", "{}", reply.brief());
    }
    assert_eq!(api.calls(), Vec::<String>::new());
    let named = AnyApi::start(&format!(
        "api_keys = {{ prefixes = [\"sk_\"], routes = [\"GET /mine\"] }}\n{routes}"
    ))
    .await;
    let world = named.setup().set("stripe.mode", "off").start().await;
    let key = &("authorization", String::from("Bearer sk_x"));
    let reply = world.send(post("/things", key)).await.refused(401, "AUTH_001");
    assert_eq!(reply.json()["reason"], "api_key_not_taken", "{}", reply.brief());
    world.send(Call::get("/mine").header(key.0, &key.1)).await.must(200);
    assert_eq!(named.calls(), ["GET /mine"]);
    assert_eq!(named.seen()[0].values("authorization"), ["Bearer sk_x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn r176_free_calls_are_said_where_they_are_given() {
    let api = AnyApi::start(&priced("POST", "/things", "{ x402 = \"0.01\" }", "")).await;
    let world = api.setup().set("stripe.mode", "off").start().await;
    let reply = world.send(Call::new("POST", "/things")).await.must(402);
    assert!(
        !reply.json()["error"]["message"].as_str().unwrap().contains("free"),
        "{}",
        reply.brief()
    );
    let usage = world.ask(&world.agent().await, "GET", "/usage").await.must(200).json();
    assert_eq!(usage["data"]["limits"]["launches_per_month"]["limit"], 0, "{usage}");
    let quota = "quota = \"trial\"\n[[quota]]\nname = \"trial\"\nrail = \"x402\"\ncount = 1001\nwindow = \"month\"";
    let api = AnyApi::start(&priced("POST", "/things", "{ x402 = \"0.01\" }", quota)).await;
    let said = refusal(api.settings()).await;
    assert!(said.contains("at most 1000 calls"), "{said}");
}
