//! What a payer can make the gateway pay gas for: nothing that a simulation refuses, and not again
//! and again.

use std::time::Duration;

use alloy_primitives::{Address, keccak256};
use serde_json::{Value, json};

use crate::proof_shapes::one_paid;
use crate::support::anvil::quantity;
use crate::support::moment::{Stopwatch, now_unix_s};
use crate::support::token;
use crate::support::world::{PRICE, Totals, creation, launch};
use crate::support::{Header, Setup, Wallet, World};

const ONE_SIGNER: &str = "what is looked at is the gas of one signer";
/// The limit of the wait for the next block, with room for a busy machine.
const BLOCK_WAIT: Duration = Duration::from_secs(12);

/// The token bars an account.
async fn bar(world: &World, account: Address) {
    let selector = &keccak256("blacklist(address)")[..4];
    world
        .chain
        .send(format!("0x{}{}", hex::encode(selector), hex::encode(account.into_word())))
        .await;
}

/// A proof that begins with the newest block, whose time is in the past: on that block the token
/// refuses every such authorization.
async fn begins_with_the_newest_block(world: &World, wallet: &Wallet) -> Header {
    let latest = world.chain.rpc("eth_getBlockByNumber", json!(["latest", false])).await;
    let mut draft = wallet.draft(&world.terms);
    draft.valid_after = quantity(&latest["timestamp"]);
    while now_unix_s() <= draft.valid_after {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    draft.sign(wallet).v2()
}

#[tokio::test(flavor = "multi_thread")]
async fn r197_a_payer_does_not_switch_the_simulation_off() {
    let world = Setup::paid().alone(ONE_SIGNER).own_chain().proxied().start().await;
    let (barred, honest) = (world.agent().await, world.agent().await);
    bar(&world, barred.address).await;
    let header = begins_with_the_newest_block(&world, &barred).await;
    let reply = world.create(&header, &launch("barred")).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["reason"]),
        (402, &json!("invalid_exact_evm_transaction_simulation_failed")),
        "{}",
        reply.brief()
    );
    assert_eq!(world.proxy().calls("eth_sendRawTransaction"), 0);
    let header = begins_with_the_newest_block(&world, &honest).await;
    world.create(&header, &launch("honest")).await.must(201);
    world.settles_at(one_paid()).await;
}

/// A node that knows no block overrides: the claim waits for the next block, and is refused if none
/// comes.
#[tokio::test(flavor = "multi_thread")]
async fn r197_without_overrides_the_next_block_is_waited_for() {
    let world = Setup::paid().alone(ONE_SIGNER).own_chain().proxied().start().await;
    world
        .proxy()
        .refuse("eth_call", |params| params.as_array().is_some_and(|params| params.len() > 2));
    let (barred, honest) = (world.agent().await, world.agent().await);
    bar(&world, barred.address).await;
    let header = begins_with_the_newest_block(&world, &honest).await;
    let watch = Stopwatch::start();
    let reply = world.create(&header, &launch("no block")).await.must(503);
    assert!(watch.elapsed() < BLOCK_WAIT, "{:?}", watch.elapsed());
    assert!(
        reply.header("retry-after").is_some() && reply.header("payment-required").is_none(),
        "{}",
        reply.brief()
    );
    assert!(world.gateway.audit().view("intents").await.is_empty(), "something was claimed");
    world.chain.rpc("evm_setIntervalMining", json!([1])).await;
    world.create(&header, &launch("no block")).await.must(201);
    let header = begins_with_the_newest_block(&world, &barred).await;
    let reply = world.create(&header, &launch("barred")).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["reason"]),
        (402, &json!("invalid_exact_evm_transaction_simulation_failed")),
        "{}",
        reply.brief()
    );
    world.settles_at(one_paid()).await;
}

/// A payer that can pay when it is looked at and cannot when the block is made.
async fn reverts(world: &World, payer: &Wallet, title: &str) -> Value {
    world.chain.mint(payer.address, PRICE - world.chain.balance(payer.address).await).await;
    world.chain.set_automine(false).await;
    let before = world.chain.tx_count(world.signer.address).await;
    let request = world.begin(creation(&world.proof(payer).v2(), &launch(title)));
    tokio::time::timeout(Duration::from_secs(5), async {
        while world.chain.pending_count(world.signer.address).await == before
            && !request.is_finished()
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .ok();
    if !request.is_finished() {
        world
            .chain
            .send_first(payer.address, token::transfer(Wallet::random().address, PRICE))
            .await;
    }
    world.chain.mine(1).await;
    world.chain.set_automine(true).await;
    let reply = request.await.unwrap().unwrap();
    json!([reply.status.as_u16(), reply.json()["reason"]])
}

#[tokio::test(flavor = "multi_thread")]
async fn r198_a_payer_whose_payments_revert_is_refused_from_the_third_on() {
    let world = Setup::paid().alone(ONE_SIGNER).own_chain().start().await;
    let (payer, other) = (world.agent_with(PRICE).await, world.agent().await);
    for at in 0..3 {
        assert_eq!(
            reverts(&world, &payer, &format!("revert {at}")).await,
            json!([402, "settlement_reverted"])
        );
    }
    for at in 3..5 {
        assert_eq!(
            reverts(&world, &payer, &format!("revert {at}")).await,
            json!([429, "too_many_reverts"])
        );
    }
    world.launch(&other, "somebody else").await.must(201);
    world
        .settles_at(Totals { settlements: 1, transactions: 4, launches: 1, ..Totals::default() })
        .await;
}

/// Many payers, each below its own limit: what all of them cost is bounded too.
#[tokio::test(flavor = "multi_thread")]
async fn r198_the_gas_that_all_reverts_cost_is_bounded() {
    let world = Setup::paid()
        .alone(ONE_SIGNER)
        .own_chain()
        .set("x402.max_gas_lost_gwei_per_hour", "1")
        .start()
        .await;
    let (first, second) = (world.agent_with(PRICE).await, world.agent().await);
    assert_eq!(reverts(&world, &first, "first").await, json!([402, "settlement_reverted"]));
    let lost = async || {
        let rows = world
            .gateway
            .audit()
            .rows("select fee_wei from attempts where fee_wei is not null")
            .await;
        if rows.len() == 1 { Ok(()) } else { Err(format!("{rows:?}")) }
    };
    world.gateway.until("the gas is kept", Duration::from_secs(30), lost).await;
    let header = world.proof(&second).v2();
    let reply = world.create(&header, &launch("second")).await.must(503);
    assert_eq!(reply.json()["reason"], "gas_budget_spent", "{}", reply.brief());
    assert!(
        reply.header("retry-after").is_some() && reply.header("payment-required").is_none(),
        "{}",
        reply.brief()
    );
    assert_eq!(world.chain.tx_count(world.signer.address).await, 1);
    world.settles_at(Totals { transactions: 1, ..Totals::default() }).await;
}
