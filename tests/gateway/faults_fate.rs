//! The payer or the token changes its mind between the claim and the block: nothing is taken,
//! nothing is given, and nobody is asked to pay again while his authorization can still be used.

use std::time::Duration;

use serde_json::{Value, json};

use crate::proof_shapes::one_paid;
use crate::proofs::refused_with_challenge;
use crate::support::audit::text;
use crate::support::moment::eventually;
use crate::support::rpc_proxy::Fault;
use crate::support::token;
use crate::support::world::{PRICE, Totals, creation, launch};
use crate::support::{Call, Header, Reply, Setup, Wallet, World};

/// One transaction of the signer that moved nothing.
fn gas_lost() -> Totals {
    Totals { transactions: 1, ..Totals::default() }
}

/// Proven failed, and still usable by whoever has seen it: no challenge.
#[track_caller]
fn failed_without_challenge(reply: &Reply, reason: &str) {
    assert_eq!(
        (reply.status.as_u16(), reply.code().as_str()),
        (402, "PAYMENT_002"),
        "{}",
        reply.brief()
    );
    assert_eq!(reply.json()["reason"], reason, "{}", reply.brief());
    assert_eq!(reply.json()["retry"], "wait", "{}", reply.brief());
    assert!(
        reply.header("payment-required").is_none(),
        "a challenge while the authorization lives: {}",
        reply.brief()
    );
    assert_eq!(reply.json().get("accepts"), None, "{}", reply.brief());
}

/// The same proof again: refused without a challenge, and with one when the chain's safe block is
/// past its end.
async fn challenged_only_after_expiry(world: &World, header: &Header, body: &Value, reason: &str) {
    failed_without_challenge(&world.create(header, body).await, reason);
    world.chain.pass_s(400).await;
    refused_with_challenge(world.create(header, body).await, reason);
}

/// A paid creation whose transaction waits for a block that nobody makes.
async fn waiting(
    world: &World,
    header: &Header,
    body: &Value,
) -> tokio::task::JoinHandle<Result<Reply, String>> {
    world.chain.set_automine(false).await;
    let request = world.begin(creation(header, body));
    world.chain.until_pending(world.signer.address, 1).await;
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn r032_money_that_is_moved_away_first_buys_nothing() {
    let world = Setup::paid().own_chain().start().await;
    let wallet = world.agent_with(PRICE).await;
    let (header, body) = (world.proof(&wallet).v2(), launch("moved away"));
    let request = waiting(&world, &header, &body).await;
    let away = token::transfer(Wallet::random().address, PRICE);
    world.chain.send_first(wallet.address, away).await;
    world.chain.mine(1).await;
    world.chain.set_automine(true).await;
    failed_without_challenge(&request.await.unwrap().unwrap(), "settlement_reverted");
    world.settles_at(gas_lost()).await;
    gas_is_kept(&world, "lost").await;
    challenged_only_after_expiry(&world, &header, &body, "settlement_reverted").await;
    world.settles_at(gas_lost()).await;
}

/// The operator sees what the chain took for the signer's only transaction: with the payment, and
/// in the total of what moved nothing.
async fn gas_is_kept(world: &World, part: &str) {
    let id = text(&world.gateway.audit().view("intents").await[0], "id");
    let run = async |arguments: &[&str]| {
        let output = world.gateway.run(arguments).await;
        serde_json::from_slice::<Value>(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    };
    let kept = async || {
        let shown = run(&["ledger", "show", &id, "--json"]).await;
        let attempts = shown["attempts"].as_array().unwrap().clone();
        attempts
            .into_iter()
            .find(|attempt| attempt["fee_wei"].is_string())
            .ok_or_else(|| shown["attempts"].to_string())
    };
    let attempt = eventually("the gas is kept", Duration::from_secs(20), kept).await;
    let receipt = world.chain.rpc("eth_getTransactionReceipt", json!([attempt["tx_hash"]])).await;
    let number = |name: &str| {
        u128::from_str_radix(receipt[name].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    };
    let fee_wei = (number("gasUsed") * number("effectiveGasPrice")).to_string();
    assert_eq!(attempt["fee_wei"], fee_wei.as_str());
    let balance = run(&["ledger", "balance", "--json"]).await;
    assert_eq!(balance["gas_wei"][part], fee_wei.as_str(), "{balance}");
    assert_eq!(balance["accounts"], json!([]), "gas is no currency of the journal");
}

#[tokio::test(flavor = "multi_thread")]
async fn r033_a_cancelled_authorization_buys_nothing() {
    let world = Setup::paid().own_chain().proxied().start().await;
    let wallet = world.agent().await;
    let proof = world.proof(&wallet);
    let (header, body) = (proof.v2(), launch("cancelled"));
    let mut hold = world.proxy().hold("eth_sendRawTransaction");
    let request = world.begin(creation(&header, &body));
    hold.reached().await;
    let signature = wallet.sign(proof.draft.cancel_digest());
    world.chain.send(token::cancel_authorization(&proof.draft, &signature)).await;
    hold.release();
    failed_without_challenge(&request.await.unwrap().unwrap(), "authorization_cancelled");
    challenged_only_after_expiry(&world, &header, &body, "authorization_cancelled").await;
    world.settles_at(gas_lost()).await;
    assert_eq!(world.chain.balance(wallet.address).await, 10_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn r034_an_authorization_that_expires_in_the_mempool_buys_nothing() {
    let world = Setup::paid().own_chain().set("server.answer_deadline_s", "1").start().await;
    let wallet = world.agent().await;
    let (header, body) = (world.proof(&wallet).v2(), launch("too late"));
    let request = waiting(&world, &header, &body).await;
    let pending = request.await.unwrap().unwrap().refused(503, "PAYMENT_005");
    assert!(pending.header("payment-required").is_none(), "{}", pending.brief());
    world.chain.pass_s(400).await;
    world.chain.set_automine(true).await;
    crate::unfinished::until_state(&world, "pay_failed").await;
    refused_with_challenge(world.create(&header, &body).await, "expired on the chain");
    world.settles_at(gas_lost()).await;
}

/// The node loses the transaction and the chain's time passes: the expiry is proven without a
/// receipt, and the signer's nonce is filled, so that the next payment is not held up by a gap.
#[tokio::test(flavor = "multi_thread")]
async fn r034_a_transaction_that_never_arrives_leaves_no_gap_behind_it() {
    let world =
        Setup::paid().own_chain().proxied().set("server.answer_deadline_s", "1").start().await;
    let wallet = world.agent().await;
    world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(1_000));
    let (header, body) = (world.proof(&wallet).v2(), launch("never sent"));
    world.create(&header, &body).await.refused(503, "PAYMENT_005");
    world.chain.pass_s(400).await;
    crate::unfinished::until_state(&world, "pay_failed").await;
    refused_with_challenge(world.create(&header, &body).await, "expired on the chain");
    assert_eq!(world.chain.tx_count(world.signer.address).await, 0);
    world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(0));
    // The empty transaction goes out 15 s after the transfer was saved.
    let limit = std::time::Duration::from_secs(40);
    let filled = async || match world.chain.tx_count(world.signer.address).await {
        1 => Ok(()),
        count => Err(format!("{count} transactions")),
    };
    world.gateway.until("the nonce is filled", limit, filled).await;
    let attempts = world.gateway.audit().view("attempts").await;
    assert!(attempts.iter().any(|attempt| text(attempt, "kind") == "void"), "{attempts:?}");
    gas_is_kept(&world, "void").await;
    world.settles_at(gas_lost()).await;
}

/// Waits until readiness has this status; what it says of the chain.
async fn chain_readiness(world: &World, status: u16) -> String {
    let operator = world.gateway.operator;
    let asked = async || {
        let reply = Call::get("/readyz").send(operator).await;
        if reply.status == status {
            Ok(reply.json()["checks"]["chain"].as_str().unwrap_or_default().to_owned())
        } else {
            Err(reply.brief())
        }
    };
    eventually("readiness", Duration::from_secs(20), asked).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r042_a_paused_token_takes_nothing_and_free_launches_go_on() {
    let world = Setup::new()
        .set("pricing.free_launches_per_month", "1")
        .own_chain()
        .proxied()
        .start()
        .await;
    let wallet = world.agent().await;
    world.chain.send(token::pause()).await;
    assert!(chain_readiness(&world, 503).await.contains("paused"));
    world.launch(&wallet, "free").await.must(201);
    let header = world.proof(&wallet).v2();
    for _ in 0..2 {
        let reply = world.create(&header, &launch("paused")).await.refused(503, "SERVER_001");
        assert_eq!(
            (reply.json()["reason"].as_str(), reply.json()["retry"].as_str()),
            (Some("token_paused"), Some("wait")),
            "{}",
            reply.brief()
        );
        assert!(
            reply.header("retry-after").is_some() && reply.header("payment-required").is_none(),
            "{}",
            reply.brief()
        );
    }
    assert_eq!(world.gateway.audit().view("intents").await.len(), 1, "something was claimed");
    assert_eq!(world.proxy().calls("eth_sendRawTransaction"), 0);
    let free = Totals { free_slots: 1, launches: 1, ..Totals::default() };
    world.settles_at(free).await;
    world.chain.send(token::unpause()).await;
    chain_readiness(&world, 200).await;
    // Nothing was claimed: the same proof pays now.
    world.create(&header, &launch("paused")).await.must(201);
    let both =
        Totals { settlements: 1, transactions: 1, free_slots: 1, launches: 2, ..Totals::default() };
    world.settles_at(both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r042_a_payer_that_the_token_bars_takes_nothing_from_others() {
    let world = Setup::paid().proxied().start().await;
    let (barred, other) = (world.agent().await, world.agent().await);
    world.chain.send(token::blacklist(barred.address)).await;
    for _ in 0..3 {
        let reply = world.launch(&barred, "barred").await;
        let body = reply.json();
        assert!(
            body["got"].as_str().is_some_and(|got| got.contains("account is blacklisted")),
            "{}",
            reply.brief()
        );
        refused_with_challenge(reply, "barred");
        chain_readiness(&world, 200).await;
    }
    assert_eq!(world.proxy().calls("eth_sendRawTransaction"), 0);
    world.launch(&other, "not barred").await.must(201);
    world.settles_at(one_paid()).await;
}
