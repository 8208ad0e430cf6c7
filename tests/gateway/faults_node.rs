//! Nodes that lag, lie, answer for another chain, or change their mind about a block.

use std::time::Duration;

use serde_json::{Value, json};

use crate::proof_shapes::one_paid;
use crate::support::anvil::{ASSET, CHAIN_ID};
use crate::support::gateway::{Gateway, Settings};
use crate::support::moment::eventually;
use crate::support::rpc_proxy::RpcProxy;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Call, Setup, Wallet, World};

/// Where two confirmations are asked for, a payment in a block that goes away is no payment until
/// it is in another one.
#[tokio::test(flavor = "multi_thread")]
async fn r043_a_payment_waits_for_its_confirmations_through_a_reorganisation() {
    let world = Setup::paid().own_chain().proxied().set("x402.confirmations", "2").start().await;
    let wallet = world.agent().await;
    let request = world.begin(creation(&world.proof(&wallet).v2(), &launch("two blocks")));
    let mined = async || match world.chain.tx_count(world.signer.address).await {
        1 => Ok(()),
        _ => Err("not mined".to_owned()),
    };
    eventually("the transaction is mined", Duration::from_secs(20), mined).await;
    world.chain.set_automine(false).await;
    world.chain.reorg(1, &[]).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(world.core().launch_count(), 0, "created for a payment in no block");
    world.chain.set_automine(true).await;
    // The same bytes go out again; one block more than theirs is needed.
    eventually("the transaction is mined again", Duration::from_secs(20), mined).await;
    assert_eq!(world.core().launch_count(), 0, "created with one confirmation");
    world.chain.mine(1).await;
    request.await.unwrap().unwrap().must(201);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r044_a_node_that_lags_is_waited_for() {
    let world = Setup::paid().proxied().set("server.answer_deadline_s", "2").start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    world.proxy().lie("eth_getTransactionReceipt", |_| Value::Null);
    for _ in 0..3 {
        let pending = world.create(&header, &launch("lagging")).await.refused(503, "PAYMENT_005");
        assert!(pending.header("payment-required").is_none(), "{}", pending.brief());
    }
    assert_eq!(world.core().launch_count(), 0);
    world.proxy().tell_the_truth();
    crate::settlement::until_created(&world, &header, "lagging").await;
    world.settles_at(one_paid()).await;
}

/// Successful receipts that prove nothing: without the token's logs, of another payee, of another
/// transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_proves_nothing_pays_for_nothing() {
    let lies: [fn(Value) -> Value; 3] = [
        |mut receipt| {
            receipt["logs"] = json!([]);
            receipt
        },
        |mut receipt| {
            receipt["logs"][1]["topics"][2] = json!(Wallet::random().address.into_word());
            receipt
        },
        |mut receipt| {
            receipt["transactionHash"] = json!(format!("0x{}", "ab".repeat(32)));
            receipt
        },
    ];
    for lie in lies {
        let world = Setup::paid().proxied().set("server.answer_deadline_s", "1").start().await;
        let wallet = world.agent().await;
        let header = world.proof(&wallet).v2();
        world.proxy().lie("eth_getTransactionReceipt", move |receipt| {
            if receipt.is_null() { receipt } else { lie(receipt) }
        });
        let reply = world.create(&header, &launch("lied about")).await;
        assert_ne!(reply.status, 201, "{}", reply.brief());
        assert_eq!(world.core().launch_count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r047_a_node_of_another_chain_is_noticed_and_nobody_is_asked_to_pay() {
    let world = Setup::paid().proxied().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    world.proxy().lie("eth_chainId", |_| json!("0x2105"));
    let unpaid = || world.send(Call::new("POST", "/launches").json(&launch("t")));
    let withdrawn = async || {
        let reply = unpaid().await;
        if reply.status == 503 { Ok(reply) } else { Err(reply.brief()) }
    };
    // Nobody pays and nobody asks for readiness: it is noticed all the same.
    let reply = eventually("no challenge", Duration::from_secs(20), withdrawn).await;
    assert!(
        reply.header("payment-required").is_none() && reply.json().get("accepts").is_none(),
        "{}",
        reply.brief()
    );
    assert!(reply.header("retry-after").is_some());
    let ready = Call::get("/readyz").send(world.gateway.operator).await.must(503);
    assert!(
        ready.json()["checks"]["chain"].as_str().is_some_and(|why| why.contains("chain id")),
        "{}",
        ready.brief()
    );
    world.create(&header, &launch("t")).await.must(503);
    assert_eq!(world.proxy().calls("eth_sendRawTransaction"), 0);
    world.settles_at(Totals::default()).await;
    world.proxy().tell_the_truth();
    let back = async || {
        let reply = unpaid().await;
        if reply.status == 402 { Ok(()) } else { Err(reply.brief()) }
    };
    eventually("challenges again", Duration::from_secs(20), back).await;
    world.create(&header, &launch("t")).await.must(201);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r047_a_gateway_does_not_start_on_another_chain() {
    let world = World::start().await;
    let swapped = RpcProxy::start(world.chain.address).await;
    swapped.lie("eth_chainId", |_| json!("0x2105"));
    let settings = Settings::from([
        ("x402.mode".to_owned(), "chain".to_owned()),
        ("x402.chain_id".to_owned(), CHAIN_ID.to_string()),
        ("x402.rpc_url".to_owned(), swapped.server.url()),
        ("x402.asset".to_owned(), ASSET.to_owned()),
        ("x402.pay_to".to_owned(), Wallet::random().address.to_checksum(None)),
        ("x402.signer_key".to_owned(), Wallet::random().key_hex()),
        ("store.seal_key".to_owned(), hex::encode([7; 32])),
        ("upstream.signing_secret".to_owned(), hex::encode([9; 32])),
        ("upstream.url".to_owned(), world.core().server.url()),
    ]);
    let mut gateway = Gateway::prepare(settings);
    gateway.spawn();
    let status = gateway.wait_end().await;
    assert!(!status.success());
    assert!(gateway.logs().contains("chain id"), "{}", gateway.logs());
}
