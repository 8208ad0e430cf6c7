//! What a route asks, by profiles of other APIs than the built-in one: a priced call is forwarded
//! when it is funded, and in no other way.

use crate::startup::refusal;
use crate::support::any_api::AnyApi;
use crate::support::card::Challenge;
use crate::support::gateway::Settings;
use crate::support::{Call, Card, Header, Reply, Setup, Wallet, World};

/// A route with this method, path, price and further keys.
pub fn priced(method: &str, path: &str, price: &str, further: &str) -> String {
    format!(
        "[[route]]\nmethod = \"{method}\"\npath = \"{path}\"\nprice = {price}\ndone = {{ status = [200] }}\nresult_id = \"/data/id\"\n{further}\n"
    )
}

/// `POST path` with this header.
pub fn post(path: &str, header: &Header) -> Call {
    Call::new("POST", path).header(header.0, &header.1).json(&serde_json::json!({"n": 1}))
}

/// A payment of so many units by the wallet.
pub fn paying(world: &World, wallet: &Wallet, units: u64) -> Header {
    wallet.draft(&world.terms.asking(units)).sign(wallet).v2()
}

/// Asked to pay on a rail that the route offers; nothing reached the API.
fn asked_to_pay(reply: Reply, api: &AnyApi, reason: &str) -> Reply {
    let reply = reply.refused(402, "PAYMENT_001");
    assert_eq!(reply.json()["reason"], reason, "{}", reply.brief());
    assert_eq!(api.calls(), Vec::<String>::new());
    reply
}

/// A gateway of a sandbox's kind that takes cards, before this API.
async fn start(api: &AnyApi, setup: impl FnOnce(Setup) -> Setup) -> World {
    setup(api.setup().cards()).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn r173_a_card_only_route_is_not_free_by_a_proof_of_nothing() {
    let api = AnyApi::start(&priced("POST", "/things", "{ mpp = \"0.60\" }", "")).await;
    let world = start(&api, |setup| setup).await;
    let wallet = world.agent().await;
    for units in [0, 600_000] {
        let proof = paying(&world, &wallet, units);
        let reply =
            asked_to_pay(world.send(post("/things", &proof)).await, &api, "rail_not_offered");
        assert!(
            Challenge::find(&reply).is_some() && reply.header("payment-required").is_none(),
            "{}",
            reply.brief()
        );
    }
    let call = Call::new("POST", "/things").json(&serde_json::json!({"n": 1}));
    let paid = world.pay(&Card::new(), &call).await.must(200);
    assert!(paid.charge().starts_with("0.60 USD; payment="), "{}", paid.brief());
    assert_eq!(api.calls(), ["POST /things"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn r173_a_route_for_usdc_only_is_not_free_by_an_agent_token() {
    let routes = [
        priced("POST", "/cards", "{ mpp = \"0.60\" }", ""),
        priced("POST", "/usdc", "{ x402 = \"0.01\" }", ""),
    ];
    let api = AnyApi::start(&routes.concat()).await;
    let world = start(&api, |setup| setup).await;
    let card = Card::new();
    let call = Call::new("POST", "/cards").json(&serde_json::json!({"n": 1}));
    let credential = world.credential(&card, &call).await;
    let paid = world.send(credential.on(&call)).await.must(200);
    let token = format!("Bearer {}", paid.header("x-agent-token").unwrap());
    let seen = api.calls();
    let fresh = world.credential(&card, &call).await;
    for authorization in [token, fresh.authorization()] {
        let reply = world
            .send(post("/usdc", &("authorization", authorization)))
            .await
            .refused(402, "PAYMENT_001");
        assert_eq!(reply.json()["reason"], "rail_not_offered", "{}", reply.brief());
        assert!(
            reply.header("payment-required").is_some() && Challenge::find(&reply).is_none(),
            "{}",
            reply.brief()
        );
    }
    // The one that paid is known, and answers nothing else.
    world
        .send(post("/usdc", &("authorization", credential.authorization())))
        .await
        .refused(409, "SERVER_009");
    assert_eq!(api.calls(), seen, "an unpaid call was forwarded");
}

#[tokio::test(flavor = "multi_thread")]
async fn r173_two_routes_are_paid_at_their_own_prices() {
    let routes = [
        priced("POST", "/cheap", "{ x402 = \"0.01\" }", ""),
        priced("POST", "/dear", "{ x402 = \"5.00\", mpp = \"6.00\" }", ""),
    ];
    let api = AnyApi::start(&routes.concat()).await;
    let world = start(&api, |setup| setup).await;
    let wallet = world.agent().await;
    let proof = paying(&world, &wallet, 10_000);
    world.send(post("/dear", &proof)).await.refused(402, "PAYMENT_002");
    let cheap = world.send(post("/cheap", &proof)).await.must(200);
    assert!(cheap.charge().starts_with("0.01 USDC"), "{}", cheap.brief());
    let proof = paying(&world, &wallet, 5_000_000);
    let dear = world.send(post("/dear", &proof)).await.must(200);
    assert!(dear.charge().starts_with("5.00 USDC"), "{}", dear.brief());
    assert_eq!(api.calls(), ["POST /cheap", "POST /dear"]);
}

/// What is said of a gateway that refuses to start with this price.
async fn refused_price(price: &str, further: &[(&str, &str)]) -> String {
    let api = AnyApi::start(&priced("POST", "/things", price, "")).await;
    let mut settings: Settings = api.settings();
    settings.extend(further.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    refusal(settings).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r173_a_rail_that_cannot_take_the_price_refuses_to_start() {
    let off = ("stripe.mode", "off");
    for (price, further, says) in [
        ("{ x402 = \"0.01\", mpp = \"0.10\" }", &[][..], "below the smallest charge of a card"),
        ("{ mpp = \"0.10\" }", &[], "below the smallest charge of a card"),
        ("{ x402 = \"0.01\", mpp = \"0.60\" }", &[off], "no cards are taken here"),
        (
            "{ mpp = { amount = \"0.60\", offer_if_available = true } }",
            &[off],
            "a priced route needs one offer",
        ),
    ] {
        let said = refused_price(price, further).await;
        assert!(said.contains("POST /things.price") && said.contains(says), "{price}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r173_a_rail_that_may_be_missing_leaves_the_others() {
    let api = AnyApi::start(&priced(
        "POST",
        "/things",
        "{ x402 = \"0.01\", mpp = { amount = \"0.10\", offer_if_available = true } }",
        "",
    ))
    .await;
    let world = start(&api, |setup| setup).await;
    let reply = world.send(Call::new("POST", "/things")).await.must(402);
    assert!(
        reply.header("payment-required").is_some() && Challenge::find(&reply).is_none(),
        "{}",
        reply.brief()
    );
    let proof = paying(&world, &world.agent().await, 10_000);
    world.send(post("/things", &proof)).await.must(200);
}
