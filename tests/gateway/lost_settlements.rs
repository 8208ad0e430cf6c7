//! A settlement that a reorganisation took, for a while or for good: the books say that its money
//! is gone, and its wallet gets nothing more.

use std::time::Duration;

use serde_json::Value;

use crate::faults_reorg::until_lost;
use crate::proof_shapes::one_paid;
use crate::rotation::rotate;
use crate::support::audit::{number, text};
use crate::support::card::unchallenged;
use crate::support::rpc_proxy::Fault;
use crate::support::token;
use crate::support::world::{PRICE, Totals, creation, launch};
use crate::support::{Call, Reply, Setup, Wallet, World};

/// A wallet that held the price and paid it, with what it sent and the payment's id.
struct Paid {
    world: World,
    wallet: Wallet,
    call: Call,
    id: String,
}

async fn paid() -> Paid {
    let setup = Setup::paid().own_chain().proxied().set("x402.fee_bump_after_s", "600");
    let world = setup.start().await;
    let wallet = world.agent_with(PRICE).await;
    let call = creation(&world.proof(&wallet).v2(), &launch("reorganised"));
    world.chain.mine(2).await;
    let id = world.send(call.clone()).await.must(201).payment_id().unwrap();
    Paid { world, wallet, call, id }
}

/// What stands on these accounts in USDC: what we hold, and what is lost.
async fn held_and_lost(world: &World) -> (i128, i128) {
    let journal = world.gateway.audit().view("journal").await;
    let on = |account: &str| {
        let lines = journal
            .iter()
            .filter(|line| text(line, "account") == account && text(line, "currency") == "USDC");
        lines.map(|line| number(line, "amount")).sum::<i128>()
    };
    (on("asset:usdc_hot"), on("exp:loss"))
}

#[track_caller]
fn refused_as_lost(reply: Reply, id: &str) {
    let reply = reply.refused(402, "PAYMENT_001");
    assert_eq!(reply.json()["reason"], "settlement_lost", "{}", reply.brief());
    assert_eq!(reply.payment_id().as_deref(), Some(id), "{}", reply.brief());
    unchallenged(&reply);
}

/// The quote's word for what a launch would cost this wallet.
async fn quoted(world: &World, wallet: &Wallet) -> Value {
    world.ask(wallet, "GET", "/quote").await.must(200).json()["data"]["now"]["reason"].clone()
}

/// Nothing that costs us, free or paid, by any process, and before and after a restart.
async fn gets_nothing(world: &World, wallet: &Wallet, id: &str, made: &str) {
    for title in ["one", "another", "a third"] {
        refused_as_lost(world.launch(wallet, title).await, id);
    }
    refused_as_lost(world.ask(wallet, "PATCH", made).await, id);
    assert_eq!(quoted(world, wallet).await, "settlement_lost");
    // It may read what it has.
    world.ask(wallet, "GET", "/launches").await.must(200);
    world.ask(wallet, "GET", &format!("/payments/{id}")).await.must(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn r200_a_settlement_that_is_lost_for_good_is_booked_as_lost_and_its_wallet_gets_nothing() {
    let Paid { mut world, wallet, call, id } = paid().await;
    let price = i128::from(PRICE);
    assert_eq!(held_and_lost(&world).await, (price, 0));
    let made = format!("/launches/{}", world.send(call.clone()).await.must(201).launch_id());
    // The coins are elsewhere before the transaction can be mined again.
    world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(1_000));
    world.chain.set_automine(false).await;
    world.chain.reorg(1, &[]).await;
    world.chain.send_first(wallet.address, token::transfer(Wallet::random().address, PRICE)).await;
    world.chain.mine(1).await;
    world.chain.set_automine(true).await;
    until_lost(&world, &[(id.clone(), true)]).await;
    assert_eq!(held_and_lost(&world).await, (0, price));
    // The node goes on refusing: with the coins back the transaction would settle after all.
    world.chain.mint(wallet.address, 10 * PRICE).await;
    gets_nothing(&world, &wallet, &id, &made).await;
    rotate(&mut world, &[("pricing.free_launches_per_month", "5")]).await;
    gets_nothing(&world, &wallet, &id, &made).await;
    assert!(world.send(call).await.must(201).replayed(), "the answer that it has");
    world.launch(&world.agent().await, "somebody else's").await.must(201);
    assert_eq!(world.core().launch_count(), 2);
    let close = ["findings", "close", "settlement_lost", &id, "--reason", "written off"];
    let closed = world.gateway.run(&close).await;
    assert!(closed.status.success(), "{}", String::from_utf8_lossy(&closed.stderr));
    world.launch(&wallet, "served again").await.must(201);
    assert_eq!(held_and_lost(&world).await, (0, price), "a written-off loss stays one");
    assert_eq!(world.gateway.audit().view("free_slots").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn r200_a_settlement_that_comes_back_is_booked_back_each_time() {
    let Paid { world, wallet, call, id } = paid().await;
    let price = i128::from(PRICE);
    world.chain.mint(wallet.address, PRICE).await;
    for _ in 0..2 {
        world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(1_000));
        // The mint stands before the settlement's block or is made anew.
        let depth = blocks_since_settlement(&world).await;
        world.chain.reorg(depth, &[]).await;
        until_lost(&world, &[(id.clone(), true)]).await;
        assert_eq!(held_and_lost(&world).await, (0, price));
        refused_as_lost(world.launch(&wallet, "meanwhile").await, &id);
        world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(0));
        until_lost(&world, &[(id.clone(), false)]).await;
        assert_eq!(held_and_lost(&world).await, (price, 0));
    }
    assert!(world.send(call).await.must(201).replayed());
    assert_eq!(quoted(&world, &wallet).await, "price");
    world.settles_at(one_paid()).await;
    world.chain.mint(wallet.address, PRICE).await;
    world.launch(&wallet, "served again").await.must(201);
    world
        .settles_at(Totals { settlements: 2, transactions: 2, launches: 2, ..Totals::default() })
        .await;
}

/// How many blocks have to go for the settlement to go.
async fn blocks_since_settlement(world: &World) -> u64 {
    let quantity = |value: &Value| {
        u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    };
    let settlements = world.gateway.audit().view("settlements").await;
    let receipt = world
        .chain
        .rpc("eth_getTransactionReceipt", serde_json::json!([settlements[0]["tx_hash"]]))
        .await;
    let newest = world.chain.rpc("eth_blockNumber", serde_json::json!([])).await;
    quantity(&newest) - quantity(&receipt["blockNumber"]) + 1
}

/// The reconciler's sums follow: what a reorganisation took is not missed at the address.
#[tokio::test(flavor = "multi_thread")]
async fn r200_the_balance_agrees_while_a_settlement_is_lost() {
    let Paid { world, id, .. } = paid().await;
    world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(1_000));
    world.chain.reorg(1, &[]).await;
    until_lost(&world, &[(id, true)]).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let output = world.gateway.run(&["reconcile", "--json"]).await;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let kinds: Vec<String> = world
        .gateway
        .audit()
        .view("findings")
        .await
        .iter()
        .map(|finding| text(finding, "kind"))
        .collect();
    assert_eq!(kinds, ["settlement_lost"], "{said}");
}
