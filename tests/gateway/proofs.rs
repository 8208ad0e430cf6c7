//! What a proof must say, and that nothing moves when it says something else.

use alloy_primitives::U256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::moment::now_unix_s;
use crate::support::proof::{Draft, encode_v1, encode_v2};
use crate::support::world::{PRICE, Totals, launch};
use crate::support::{Call, Reply, Setup, Wallet, World};

/// 402 PAYMENT_002 with a fresh challenge that nobody may store.
#[track_caller]
pub fn refused_with_challenge(reply: Reply, what: &str) {
    assert_eq!(reply.status, 402, "{what}: {}", reply.brief());
    assert_eq!(reply.code(), "PAYMENT_002", "{what}: {}", reply.brief());
    challenge(&reply);
}

/// The v2 challenge of a 402, checked against the v1 one in its body.
#[track_caller]
pub fn challenge(reply: &Reply) -> Value {
    assert_eq!(reply.status, 402, "{}", reply.brief());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let header = reply.header("payment-required").expect("PAYMENT-REQUIRED");
    let required: Value = serde_json::from_slice(&STANDARD.decode(header).unwrap()).unwrap();
    assert_eq!(required["x402Version"], 2);
    assert!(required["error"].is_string());
    let (v2, v1) = (&required["accepts"][0], &reply.json()["accepts"][0]);
    assert_eq!(reply.json()["x402Version"], 1);
    assert_eq!(v2["amount"], v1["maxAmountRequired"]);
    assert_eq!(required["resource"]["url"], v1["resource"]);
    required
}

async fn try_draft(world: &World, wallet: &Wallet, change: impl Fn(&mut Draft), what: &str) {
    let mut draft = wallet.draft(&world.terms);
    change(&mut draft);
    let proof = draft.sign(wallet);
    for header in [proof.v2(), proof.v1()] {
        let reply = world.create(&header, &launch("odd")).await;
        refused_with_challenge(reply, &format!("{what} in {}", header.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r001_no_credential_gets_one_challenge_for_every_client() {
    let world = World::start().await;
    let reply = world
        .send(Call::new("POST", "/launches").json(&launch("first")))
        .await
        .refused(402, "PAYMENT_001");
    let required = challenge(&reply);
    let offer = &required["accepts"][0];
    let url = format!("http://{}/launches", world.gateway.address);
    assert_eq!(required["resource"]["url"], json!(url));
    assert_eq!(offer["scheme"], "exact");
    assert_eq!(offer["network"], "eip155:84532");
    assert_eq!(offer["amount"], "550000");
    assert_eq!(offer["extra"], json!({"name": "USDC", "version": "2"}));
    let same = |value: &Value, wanted: &str| value.as_str().unwrap().eq_ignore_ascii_case(wanted);
    assert!(same(&offer["asset"], &world.terms.asset));
    assert!(same(&offer["payTo"], &world.terms.pay_to.to_string()));
    let body = reply.json();
    assert_eq!(body["accepts"][0]["network"], "base-sepolia");
    assert_eq!(body["accepts"][0]["mimeType"], "application/json");
    assert_eq!(body["x402"]["amount"], "0.55");
    assert_eq!(body["x402"]["resource"], "POST /launches");
    let size =
        |(name, value): (&http::HeaderName, &http::HeaderValue)| name.as_str().len() + value.len();
    let challenges = ["payment-required", "www-authenticate"];
    let total: usize =
        reply.headers.iter().filter(|(n, _)| challenges.contains(&n.as_str())).map(size).sum();
    assert!(total <= 4096, "{total} bytes of challenge headers");
    assert!(world.gateway.audit().view("intents").await.is_empty());
    assert!(world.core().forwarded().is_empty());
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r002_a_wrong_amount_is_refused() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    for amount in [549_999_u64, 550_001, 500_000, 0] {
        let change = |draft: &mut Draft| draft.value = U256::from(amount);
        try_draft(&world, &wallet, change, &format!("{amount} units")).await;
    }
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r003_a_wrong_recipient_is_refused() {
    let world = Setup::paid().start().await;
    let (wallet, other) = (world.agent().await, Wallet::random());
    try_draft(&world, &wallet, |d| d.to = other.address, "another payee").await;
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r004_a_proof_for_another_network_is_refused() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    try_draft(&world, &wallet, |d| d.domain.chain_id = 8453, "signed for Base").await;
    let named = |draft: &mut Draft| {
        draft.terms.network = "eip155:8453".to_owned();
        draft.terms.network_v1 = "base".to_owned();
    };
    try_draft(&world, &wallet, named, "named Base").await;
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r005_a_proof_for_another_token_is_refused() {
    let world = Setup::paid().start().await;
    let (wallet, other) = (world.agent().await, Wallet::random());
    let contract = |d: &mut Draft| d.domain.contract = other.address;
    try_draft(&world, &wallet, contract, "another contract").await;
    let name = |d: &mut Draft| d.domain.name = "USD Coin".to_owned();
    try_draft(&world, &wallet, name, "another name").await;
    let version = |d: &mut Draft| d.domain.version = "1".to_owned();
    try_draft(&world, &wallet, version, "another version").await;
    // The payload's own words about the domain agree with what was signed, and still count for
    // nothing.
    let draft = {
        let mut draft = wallet.draft(&world.terms);
        draft.domain.contract = other.address;
        draft.terms.asset = other.address_lower();
        draft
    };
    let reply = world.create(&draft.sign(&wallet).v2(), &launch("odd")).await;
    refused_with_challenge(reply, "another asset, named and signed");
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r006_the_servers_price_is_the_only_price() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let cheap = wallet.draft(&world.terms.asking(1)).sign(&wallet);
    refused_with_challenge(world.create(&cheap.v2(), &launch("cheap")).await, "v2");
    refused_with_challenge(world.create(&cheap.v1(), &launch("cheap")).await, "v1");
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r009_an_expired_proof_is_refused() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let past = |d: &mut Draft| d.valid_before = now_unix_s() - 1;
    try_draft(&world, &wallet, past, "expired").await;
    let soon = |d: &mut Draft| d.valid_before = now_unix_s() + 1;
    try_draft(&world, &wallet, soon, "expires in a second").await;
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r010_a_proof_that_is_not_yet_valid_is_refused() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let later = |d: &mut Draft| d.valid_after = now_unix_s() + 60;
    try_draft(&world, &wallet, later, "valid in a minute").await;
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r011_a_window_of_a_year_is_refused_and_of_an_hour_accepted() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let year = |d: &mut Draft| d.valid_before = now_unix_s() + 31_536_000;
    try_draft(&world, &wallet, year, "a year").await;
    let mut hour = wallet.draft(&world.terms);
    hour.valid_before = now_unix_s() + 3600;
    world.create(&hour.sign(&wallet).v2(), &launch("hour")).await.must(201);
    let paid = Totals { settlements: 1, transactions: 1, launches: 1, ..Totals::default() };
    world.settles_at(paid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r015_a_wallet_without_the_money_is_told_so() {
    let world = Setup::paid().start().await;
    let wallet = world.agent_with(PRICE - 10_000).await;
    let reply = world.launch(&wallet, "poor").await;
    assert_eq!(reply.json()["reason"], "insufficient_funds", "{}", reply.brief());
    refused_with_challenge(reply, "0.54 USDC");
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r016_a_nonce_spent_elsewhere_is_refused() {
    use crate::support::token::transfer_with_authorization;
    let world = Setup::paid().start().await;
    let (wallet, other) = (world.agent().await, Wallet::random());
    let mut elsewhere = wallet.draft(&world.terms);
    elsewhere.to = other.address;
    let signature = elsewhere.sign(&wallet).signature;
    let data = transfer_with_authorization(&elsewhere, &signature);
    world.chain.send(data).await;
    let mut again = wallet.draft(&world.terms);
    again.nonce = elsewhere.nonce;
    let reply = world.create(&again.sign(&wallet).v2(), &launch("spent")).await;
    refused_with_challenge(reply, "a spent nonce");
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r017_a_signature_of_somebody_else_costs_the_victim_nothing() {
    let world = World::start().await;
    let (victim, attacker) = (world.agent().await, world.agent().await);
    for _ in 0..10 {
        let forged = victim.draft(&world.terms).sign(&attacker);
        refused_with_challenge(world.create(&forged.v2(), &launch("forged")).await, "v2");
        refused_with_challenge(world.create(&forged.v1(), &launch("forged")).await, "v1");
    }
    let reply = world.launch(&victim, "mine").await.must(201);
    assert!(reply.charge().contains("remaining=4"), "{}", reply.brief());
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("29"));
    let free = Totals { free_slots: 1, launches: 1, ..Totals::default() };
    world.settles_at(free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_header_names_carry_both_versions() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let swapped_v2 = ("x-payment", encode_v2(&world.proof(&wallet).json_v2()).1);
    let reply = world.create(&swapped_v2, &launch("v2 in the old header")).await.must(201);
    assert!(reply.header("payment-response").is_some(), "{:?}", reply.headers);
    let swapped_v1 = ("payment-signature", encode_v1(&world.proof(&wallet).json_v1()).1);
    let reply = world.create(&swapped_v1, &launch("v1 in the new header")).await.must(201);
    assert!(reply.header("x-payment-response").is_some(), "{:?}", reply.headers);
    let paid = Totals { settlements: 2, transactions: 2, launches: 2, ..Totals::default() };
    world.settles_at(paid).await;
}
