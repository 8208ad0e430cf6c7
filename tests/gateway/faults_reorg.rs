//! A settlement that was counted, in a chain that changes its mind: it is looked at until the chain
//! calls its block final.

use std::time::Duration;

use serde_json::{Value, json};

use crate::proof_shapes::one_paid;
use crate::support::audit::{number, text};
use crate::support::rpc_proxy::Fault;
use crate::support::world::launch;
use crate::support::{Header, Setup, World};

/// The node calls a block final when 64 others are on it.
const FINAL_BLOCKS: u64 = 70;
const SOON: Duration = Duration::from_secs(30);

/// A paid launch on a node of its own, with the proof that paid.
pub async fn paid() -> (World, Header) {
    let world =
        Setup::paid().own_chain().proxied().set("x402.fee_bump_after_s", "600").start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    world.chain.mine(2).await;
    world.create(&header, &launch("reorganised")).await.must(201);
    (world, header)
}

/// `ledger show` of the only payment.
async fn shown(world: &World) -> Value {
    let intents = world.gateway.audit().view("intents").await;
    let output = world.gateway.run(&["ledger", "show", &text(&intents[0], "id"), "--json"]).await;
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the chain says of the only settlement: block hash, block number, index of the transfer's
/// log.
async fn on_chain(world: &World) -> (Value, u64, u64) {
    let settlements = world.gateway.audit().view("settlements").await;
    let receipt =
        world.chain.rpc("eth_getTransactionReceipt", json!([settlements[0]["tx_hash"]])).await;
    let number = |value: &Value| {
        u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    };
    (
        receipt["blockHash"].clone(),
        number(&receipt["blockNumber"]),
        number(&receipt["logs"][1]["logIndex"]),
    )
}

/// Waits until the booked settlement is the one on the chain.
async fn until_booked_where_it_is(world: &World) {
    let same = async || {
        let (hash, number, log) = on_chain(world).await;
        let booked = shown(world).await["settlement"].clone();
        let agrees = booked["block_hash"] == hash
            && booked["block_number"] == json!(number)
            && booked["log_index"] == json!(log);
        if agrees { Ok(()) } else { Err(format!("{booked} instead of {hash} {number} {log}")) }
    };
    world.gateway.until("the settlement is booked where it is", SOON, same).await;
}

async fn final_flag(world: &World) -> i128 {
    number(&world.gateway.audit().view("settlements").await[0], "final")
}

async fn until_final(world: &World) {
    world.chain.mine(FINAL_BLOCKS).await;
    let settled =
        async || if final_flag(world).await == 1 { Ok(()) } else { Err(String::from("not final")) };
    world.gateway.until("the settlement is final", SOON, settled).await;
}

/// Open and closed findings about lost settlements, each with its key.
async fn lost(world: &World) -> Vec<(String, bool)> {
    let findings = world.gateway.audit().view("findings").await;
    let lost = findings.iter().filter(|finding| text(finding, "kind") == "settlement_lost");
    lost.map(|finding| (text(finding, "key"), text(finding, "closed_at").is_empty())).collect()
}

pub async fn until_lost(world: &World, expected: &[(String, bool)]) {
    let found = async || match lost(world).await {
        found if found == expected => Ok(()),
        found => Err(format!("{found:?}")),
    };
    world.gateway.until("the finding about the settlement", SOON, found).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r043_a_reorganisation_that_keeps_the_transaction_is_noted_and_changes_nothing_else() {
    let (world, header) = paid().await;
    let first = world.create(&header, &launch("reorganised")).await.must(201);
    world.chain.mine(1).await;
    until_booked_where_it_is(&world).await;
    let raw = world.proxy().broadcasts()[0].clone();
    let before = on_chain(&world).await.0;
    world.chain.reorg(2, &[raw]).await;
    assert_ne!(on_chain(&world).await.0, before, "the transaction is in the old block");
    until_booked_where_it_is(&world).await;
    assert_eq!(final_flag(&world).await, 0, "a few blocks are not final");
    let again = world.create(&header, &launch("reorganised")).await.must(201);
    assert!(again.replayed());
    assert_eq!(again.body, first.body);
    until_final(&world).await;
    assert_eq!(world.proxy().calls("eth_sendRawTransaction"), 1);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r043_a_settlement_that_is_reorganised_away_is_noticed_and_sent_again() {
    let (world, header) = paid().await;
    let id = text(&world.gateway.audit().view("intents").await[0], "id");
    world.chain.set_automine(false).await;
    world.chain.reorg(1, &[]).await;
    assert_eq!(
        world.chain.tx_count(world.signer.address).await,
        0,
        "the transaction is still there"
    );
    until_lost(&world, &[(id.clone(), true)]).await;
    let finding = shown(&world).await["findings"][0].clone();
    assert!(
        finding["detail"].as_str().is_some_and(|detail| detail.contains("sent again")),
        "{finding}"
    );
    world.chain.set_automine(true).await;
    world.chain.mine(1).await;
    until_lost(&world, &[(id, false)]).await;
    until_booked_where_it_is(&world).await;
    let sent = world.proxy().broadcasts();
    assert!(
        sent.len() > 1 && sent.iter().all(|raw| *raw == sent[0]),
        "other bytes than those that were saved"
    );
    assert!(world.create(&header, &launch("reorganised")).await.must(201).replayed());
    until_final(&world).await;
    world.settles_at(one_paid()).await;
}

/// The node takes nothing until the authorization is over: the loss stays in the open, and no gap
/// in the signer's nonces holds up what comes next.
#[tokio::test(flavor = "multi_thread")]
async fn r043_a_settlement_that_cannot_come_back_stays_an_open_finding() {
    let (world, _) = paid().await;
    let id = text(&world.gateway.audit().view("intents").await[0], "id");
    world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(1_000));
    world.chain.reorg(1, &[]).await;
    until_lost(&world, &[(id.clone(), true)]).await;
    world.chain.pass_s(400).await;
    let given_up = async || {
        let finding = shown(&world).await["findings"][0].clone();
        if finding["detail"].as_str().is_some_and(|detail| detail.contains("by hand")) {
            Ok(())
        } else {
            Err(finding.to_string())
        }
    };
    world.gateway.until("the finding says that nothing can be done", SOON, given_up).await;
    world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(0));
    let filled = async || match world.chain.tx_count(world.signer.address).await {
        1 => Ok(()),
        count => Err(format!("{count} transactions")),
    };
    world.gateway.until("the nonce that came back is used", SOON, filled).await;
    assert_eq!(lost(&world).await, [(id, true)]);
    assert_eq!(
        (world.gateway.audit().view("settlements").await.len(), final_flag(&world).await),
        (1, 0)
    );
}
