//! The product from one command on a bare machine: no configuration, no chain, no core of anybody
//! else.

use serde_json::json;

use crate::support::anvil::quantity;
use crate::support::gateway::{Gateway, Settings};
use crate::support::moment::random_bytes;
use crate::support::token;
use crate::support::wallet::DEVELOPMENT_KEY;
use crate::support::world::{PRICE, creation, launch};
use crate::support::{Call, Reply, Terms, Wallet};

/// The terms that a 402 of the gateway names.
async fn terms(gateway: &Gateway) -> Terms {
    let unpaid = Call::new("POST", "/launches").json(&launch("what does it cost"));
    let reply = unpaid.send(gateway.address).await;
    let required = crate::proofs::challenge(&reply);
    let offer = &required["accepts"][0];
    assert_eq!(offer["network"], "eip155:84532", "a sandbox never looks like a mainnet");
    let payee = offer["payTo"].as_str().unwrap().parse().unwrap();
    Terms::base_sepolia(payee, PRICE)
}

async fn balance(gateway: &Gateway, account: alloy_primitives::Address) -> u64 {
    let asset = crate::support::anvil::ASSET;
    let call = json!([{"to": asset, "data": token::balance_of(account)}, "latest"]);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": call});
    let reply = Call::new("POST", "/").json(&body).send(gateway.chain_listen).await;
    quantity(&reply.json()["result"])
}

async fn create(gateway: &Gateway, wallet: &Wallet, terms: &Terms, title: &str) -> Reply {
    let proof = wallet.draft(terms).sign(wallet);
    creation(&proof.v2(), &launch(title)).send(gateway.address).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_key_launches_for_free_then_pays_and_kill_9_changes_nothing() {
    let mut gateway = Gateway::start(Settings::new()).await;
    let wallet = Wallet::from_hex(DEVELOPMENT_KEY);
    let terms = terms(&gateway).await;
    assert_eq!(balance(&gateway, wallet.address).await, 1_000_000_000);
    for left in (0..5).rev() {
        let reply = create(&gateway, &wallet, &terms, &format!("free {left}")).await.must(201);
        assert_eq!(reply.charge(), format!("none; reason=free_tier; remaining={left}"));
        assert_eq!(reply.header("x-turnpike-mode"), Some("sandbox"));
    }
    let proof = wallet.draft(&terms).sign(&wallet).v2();
    let sixth = creation(&proof, &launch("paid"));
    let paid = sixth.send(gateway.address).await.must(201);
    assert!(paid.charge().starts_with("0.55 USDC; payment="), "{}", paid.brief());
    assert_eq!(balance(&gateway, terms.pay_to).await, PRICE);
    gateway.kill9();
    gateway.restart().await;
    assert_eq!(balance(&gateway, terms.pay_to).await, PRICE, "the sandbox chain forgot");
    assert_eq!(balance(&gateway, wallet.address).await, 1_000_000_000 - PRICE);
    let again = sixth.send(gateway.address).await.must(201);
    assert!(again.replayed());
    assert_eq!(again.body, paid.body);
    let audit = gateway.audit();
    assert_eq!(audit.view("settlements").await.len(), 1);
    assert_eq!(audit.view("free_slots").await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandboxs_signer_and_payee_are_not_the_development_keys_and_are_kept() {
    let mut gateway = Gateway::start(Settings::new()).await;
    let before = terms(&gateway).await.pay_to;
    assert_ne!(before, Wallet::from_hex(DEVELOPMENT_KEY).address);
    gateway.kill9();
    gateway.restart().await;
    assert_eq!(terms(&gateway).await.pay_to, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_chain_refuses_to_start_beside_a_sandbox() {
    let mut settings = Settings::new();
    let mut set = |key: &str, value: &str| settings.insert(key.to_owned(), value.to_owned());
    set("x402.mode", "sandbox");
    set("x402.chain_id", "8453");
    set("x402.signer_key", &format!("0x{}", hex::encode(random_bytes::<32>())));
    let mut gateway = Gateway::prepare(settings);
    gateway.spawn();
    let status = gateway.wait_end().await;
    assert!(!status.success(), "it started: {}", gateway.logs());
    assert!(!gateway.logs().is_empty(), "it ended without a word");
}
