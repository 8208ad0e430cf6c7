//! Our own account on the chain: out of gas, outbid, and under a burst.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alloy_primitives::U256;
use futures::future::join_all;
use serde_json::json;

use crate::proof_shapes::one_paid;
use crate::support::audit::{number, text};
use crate::support::moment::Stopwatch;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Call, Setup, World};

async fn readiness(world: &World, expected: u16) {
    let operator = world.gateway.operator;
    let asked = async || {
        let reply = Call::get("/readyz").send(operator).await;
        if reply.status == expected { Ok(reply) } else { Err(reply.brief()) }
    };
    let reply =
        crate::support::moment::eventually("readiness", Duration::from_secs(30), asked).await;
    if expected == 503 {
        assert!(
            reply.json()["checks"]["chain"].as_str().is_some_and(|why| why.contains("out of gas")),
            "{}",
            reply.brief()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r040_a_signer_without_gas_claims_nothing_and_works_again_once_it_has_some() {
    let world = Setup::paid().proxied().start().await;
    let wallet = world.agent().await;
    world.chain.set_balance(world.signer.address, U256::ZERO).await;
    let header = world.proof(&wallet).v2();
    let reply = world.create(&header, &launch("no gas")).await.must(503);
    assert_eq!(reply.json()["reason"], "signer_out_of_gas", "{}", reply.brief());
    assert!(
        reply.header("retry-after").is_some() && reply.header("payment-required").is_none(),
        "{}",
        reply.brief()
    );
    readiness(&world, 503).await;
    assert!(world.gateway.audit().view("intents").await.is_empty(), "something was claimed");
    assert_eq!(world.proxy().calls("eth_sendRawTransaction"), 0);
    world.settles_at(Totals::default()).await;
    world.chain.set_balance(world.signer.address, U256::from(10).pow(U256::from(18))).await;
    readiness(&world, 200).await;
    world.create(&header, &launch("no gas")).await.must(201);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r041_a_fee_spike_is_answered_under_the_same_nonce() {
    let world = Setup::paid()
        .own_chain()
        .set("x402.fee_bump_after_s", "2")
        .set("x402.max_fee_gwei", "500")
        .start()
        .await;
    let (first, second) = (world.agent().await, world.agent().await);
    world.chain.set_automine(false).await;
    let request = world.begin(creation(&world.proof(&first).v2(), &launch("spike")));
    world.chain.until_pending(world.signer.address, 1).await;
    let latest = world.chain.rpc("eth_getBlockByNumber", json!(["latest", false])).await;
    let base_fee: U256 = latest["baseFeePerGas"].as_str().unwrap().parse().unwrap();
    world.chain.rpc("anvil_setNextBlockBaseFeePerGas", json!([base_fee * U256::from(50)])).await;
    world.chain.mine(1).await;
    assert_eq!(world.chain.tx_count(world.signer.address).await, 0, "mined below the base fee");
    world.chain.set_automine(true).await;
    request.await.unwrap().unwrap().must(201);
    let attempts = world.gateway.audit().view("attempts").await;
    let hashes: std::collections::BTreeSet<String> =
        attempts.iter().map(|attempt| text(attempt, "tx_hash")).collect();
    assert!(hashes.len() >= 2, "no replacement: {attempts:?}");
    assert!(attempts.iter().all(|attempt| number(attempt, "eoa_nonce") == 0), "{attempts:?}");
    world.settles_at(one_paid()).await;
    world.launch(&second, "next").await.must(201);
    let both = Totals { settlements: 2, transactions: 2, launches: 2, ..Totals::default() };
    world.settles_at(both).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r045_forty_payers_at_once_leave_no_gap_in_the_signers_nonces() {
    let world = Setup::paid().start().await;
    let mut calls = Vec::new();
    for at in 0..40 {
        let wallet = world.agent().await;
        calls.push(creation(&world.proof(&wallet).v2(), &launch(&format!("n{at}"))));
    }
    let watch = Stopwatch::start();
    for reply in join_all(calls.into_iter().map(|call| world.send(call))).await {
        reply.must(201);
    }
    assert!(watch.elapsed() < Duration::from_secs(45), "{:?}", watch.elapsed());
    let attempts = world.gateway.audit().view("attempts").await;
    // Each process signs for itself.
    let mut nonces: BTreeMap<String, BTreeSet<i128>> = BTreeMap::new();
    for attempt in &attempts {
        nonces.entry(text(attempt, "signer")).or_default().insert(number(attempt, "eoa_nonce"));
    }
    assert_eq!(nonces.len(), world.gateways().count());
    for of_one in nonces.into_values() {
        assert_eq!(of_one, (0..of_one.len() as i128).collect());
    }
    let all = Totals { settlements: 40, transactions: 40, launches: 40, ..Totals::default() };
    world.settles_at(all).await;
}
