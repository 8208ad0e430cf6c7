//! The signer's own sequence of nonces: what another program with its key, a mempool and a
//! reorganisation do to it heals by itself.

use std::time::Duration;

use alloy_primitives::{Address, U256};
use serde_json::{Value, json};

use crate::proof_shapes::one_paid;
use crate::rotation::doctor_says;
use crate::support::anvil::{Anvil, quantity};
use crate::support::audit::{number, text};
use crate::support::moment::eventually;
use crate::support::token;
use crate::support::world::{PRICE, Totals, creation, launch};
use crate::support::{Call, Reply, Setup, Wallet, World};

/// Why these tests run one process: each process has a signer of its own.
const ONE_SIGNER: &str = "what is looked at is the sequence of one signer";
const SOON: Duration = Duration::from_secs(60);
const GWEI: u64 = 1_000_000_000;

/// Another program that has the signer's key sends an empty transaction under this nonce; its hash.
async fn foreign(chain: &Anvil, signer: Address, nonce: u64, fee_gwei: u64) -> Value {
    chain.rpc("anvil_impersonateAccount", json!([signer])).await;
    let fee = U256::from(fee_gwei * GWEI);
    let call = json!([{
        "from": signer, "to": signer, "nonce": format!("{nonce:#x}"), "gas": "0x5208", "maxFeePerGas": fee, "maxPriorityFeePerGas": fee,
    }]);
    let hash = chain.rpc("eth_sendTransaction", call).await;
    chain.rpc("anvil_stopImpersonatingAccount", json!([signer])).await;
    hash
}

/// Waits until readiness answers with this status, and gives the answer.
async fn readiness(world: &World, expected: u16) -> Reply {
    let operator = world.gateway.operator;
    let asked = async || {
        let reply = Call::get("/readyz").send(operator).await;
        if reply.status == expected { Ok(reply) } else { Err(reply.brief()) }
    };
    eventually("readiness", SOON, asked).await
}

/// Every nonce that the books know is used.
async fn until_nothing_is_open(world: &World) {
    let closed = async || {
        let open = world
            .gateway
            .audit()
            .rows("select signer, eoa_nonce from attempts where nonce_closed = 0")
            .await;
        if open.is_empty() { Ok(()) } else { Err(format!("{open:?}")) }
    };
    world.gateway.until("every nonce is used", SOON, closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r117_a_hole_in_the_signers_nonces_is_named_and_filled() {
    let world = Setup::paid().alone(ONE_SIGNER).own_chain().start().await;
    let (first, second) = (world.agent().await, world.agent().await);
    world.chain.set_automine(false).await;
    let hash = foreign(&world.chain, world.signer.address, 0, 10).await;
    let request = world.begin(creation(&world.proof(&first).v2(), &launch("behind a hole")));
    world.chain.until_pending(world.signer.address, 2).await;
    world.chain.rpc("anvil_dropTransaction", json!([hash])).await;
    let said = readiness(&world, 503).await;
    let why = said.json()["checks"]["signer"].as_str().unwrap_or_default().to_owned();
    assert!(why.contains("hole at 0"), "{}", said.brief());
    let says = doctor_says(&world, "signer").await;
    assert!(says[0]["says"].as_str().is_some_and(|says| says.contains("hole at 0")), "{says:?}");
    world.chain.set_automine(true).await;
    request.await.unwrap().unwrap().must(201);
    readiness(&world, 200).await;
    world.launch(&second, "after it").await.must(201);
    // The empty transaction that filled the hole, and the two payments.
    world
        .settles_at(Totals { settlements: 2, transactions: 3, launches: 2, ..Totals::default() })
        .await;
    let balance = world.gateway.run(&["ledger", "balance", "--json"]).await;
    let balance: Value = serde_json::from_slice(&balance.stdout).unwrap();
    assert_ne!(balance["gas_wei"]["void"], "0", "what it cost is not in the books: {balance}");
}

/// The state of each signer, in every place where an operator looks.
#[tokio::test(flavor = "multi_thread")]
async fn r117_each_signers_state_is_in_readiness_doctor_and_page() {
    let world = Setup::paid().alone(ONE_SIGNER).own_chain().start().await;
    let (first, second) = (world.agent().await, world.agent().await);
    world.launch(&first, "mined").await.must(201);
    world.chain.set_automine(false).await;
    let _request = world.begin(creation(&world.proof(&second).v2(), &launch("waits")));
    world.chain.until_pending(world.signer.address, 2).await;
    let shown = async || {
        let ready = Call::get("/readyz").send(world.gateway.operator).await.json();
        let signer = ready["signers"][0].clone();
        let expected = json!([world.signer.address_lower(), 1, 2, 1, null]);
        let got = json!([
            signer["address"],
            signer["chain_nonce"],
            signer["next_nonce"],
            signer["open"],
            signer["hole"]
        ]);
        if got == expected && signer["oldest_open_s"].is_u64() {
            Ok(())
        } else {
            Err(ready.to_string())
        }
    };
    eventually("readiness names the signer", SOON, shown).await;
    let says = doctor_says(&world, "signer").await;
    let words = "chain nonce 1, next nonce 2, 1 open";
    assert!(says[0]["says"].as_str().is_some_and(|says| says.contains(words)), "{says:?}");
    let page = Call::get("/operator").send(world.gateway.operator).await;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    assert!(page.contains(words), "{page}");
    let metered = async || {
        let metrics = Call::get("/metrics").send(world.gateway.operator).await;
        let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
        let names = ["chain_nonce", "next_nonce", "open_nonces", "oldest_open_seconds", "holes"];
        match names.into_iter().find(|name| !metrics.contains(&format!("gateway_signer_{name}{{")))
        {
            None => Ok(()),
            Some(missing) => Err(format!("no {missing} in {metrics}")),
        }
    };
    eventually("the signer's metrics are there", SOON, metered).await;
    world.chain.set_automine(true).await;
    world.chain.mine(1).await;
    world
        .settles_at(Totals { settlements: 2, transactions: 2, launches: 2, ..Totals::default() })
        .await;
}

/// A transfer that reverted, in a block that is taken back: its nonce is unused again, and the next
/// payment must not wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn r118_a_reverted_transaction_that_is_reorganised_away_leaves_no_hole() {
    let world = Setup::paid().alone(ONE_SIGNER).own_chain().start().await;
    let (poor, second) = (world.agent_with(PRICE).await, world.agent().await);
    world.chain.mine(2).await;
    world.chain.set_automine(false).await;
    let request = world.begin(creation(&world.proof(&poor).v2(), &launch("moved away")));
    world.chain.until_pending(world.signer.address, 1).await;
    world.chain.send_first(poor.address, token::transfer(Wallet::random().address, PRICE)).await;
    world.chain.mine(1).await;
    assert_eq!(request.await.unwrap().unwrap().status, 402);
    until_nothing_is_open(&world).await;
    world.chain.reorg(1, &[]).await;
    world.chain.rpc("anvil_dropAllTransactions", json!([])).await;
    assert_eq!(
        world.chain.tx_count(world.signer.address).await,
        0,
        "the transaction is still there"
    );
    world.chain.set_automine(true).await;
    world.launch(&second, "after it").await.must(201);
    world
        .settles_at(Totals { settlements: 1, transactions: 2, launches: 1, ..Totals::default() })
        .await;
    assert_eq!(
        world.chain.balance(poor.address).await,
        PRICE,
        "what was proven failed was sent again"
    );
}

/// Another program with the signer's key is first under our nonce: the payment gets a new one, and
/// an operator hears of it.
#[tokio::test(flavor = "multi_thread")]
async fn r128_a_foreign_transaction_under_our_nonce_costs_a_new_nonce_and_no_endless_raising() {
    let world = Setup::paid()
        .alone(ONE_SIGNER)
        .own_chain()
        .set("x402.fee_bump_after_s", "2")
        .set("x402.max_fee_gwei", "500")
        .start()
        .await;
    let (first, second) = (world.agent().await, world.agent().await);
    world.chain.set_automine(false).await;
    let request = world.begin(creation(&world.proof(&first).v2(), &launch("outrun")));
    world.chain.until_pending(world.signer.address, 1).await;
    foreign(&world.chain, world.signer.address, 0, 300).await;
    world.chain.mine(1).await;
    let used =
        world.chain.rpc("eth_getTransactionCount", json!([world.signer.address, "latest"])).await;
    assert_eq!(quantity(&used), 1, "the foreign transaction was not mined");
    world.chain.set_automine(true).await;
    request.await.unwrap().unwrap().must(201);
    let attempts = world.gateway.audit().view("attempts").await;
    let under = |nonce: i128| {
        attempts.iter().filter(|attempt| number(attempt, "eoa_nonce") == nonce).count()
    };
    assert!(under(0) <= 3 && under(1) == 1, "{attempts:?}");
    let findings = world.gateway.audit().view("findings").await;
    let id = text(&world.gateway.audit().view("intents").await[0], "id");
    assert!(
        findings
            .iter()
            .any(|found| text(found, "kind") == "foreign_transaction" && text(found, "key") == id),
        "{findings:?}"
    );
    assert!(
        world.gateway.logs().contains("signer.foreign_transaction"),
        "{}",
        world.gateway.logs()
    );
    world.launch(&second, "next").await.must(201);
    world
        .settles_at(Totals { settlements: 2, transactions: 3, launches: 2, ..Totals::default() })
        .await;
    until_nothing_is_open(&world).await;
}

/// A fee that outgrows what the payment may cost in gas: it waits, says so, and settles once the
/// fee is down.
#[tokio::test(flavor = "multi_thread")]
async fn r131_a_payment_costs_no_more_gas_than_its_bound() {
    let bound_gwei: u64 = 900_000;
    let setup = Setup::paid()
        .alone(ONE_SIGNER)
        .own_chain()
        .set("x402.fee_bump_after_s", "1")
        .set("x402.max_fee_gwei", "500");
    let world = setup.set("x402.max_gas_gwei", &bound_gwei.to_string()).start().await;
    let wallet = world.agent().await;
    world.chain.set_automine(false).await;
    let request = world.begin(creation(&world.proof(&wallet).v2(), &launch("dear")));
    world.chain.until_pending(world.signer.address, 1).await;
    world.chain.rpc("anvil_setNextBlockBaseFeePerGas", json!([U256::from(50 * GWEI)])).await;
    world.chain.mine(1).await;
    let waits = async || {
        if world.gateway.logs().contains("payment.gas_bound_reached") {
            Ok(())
        } else {
            Err(world.gateway.logs())
        }
    };
    eventually("it says that it waits", SOON, waits).await;
    let fees = world.gateway.audit().rows("select max_fee_per_gas_wei from attempts").await;
    for line in &fees {
        let fee: u64 = text(line, "max_fee_per_gas_wei").parse().unwrap();
        assert!(fee * 150_000 <= bound_gwei * GWEI, "{fees:?}");
    }
    world.chain.rpc("anvil_setNextBlockBaseFeePerGas", json!([U256::from(GWEI)])).await;
    world.chain.mine(1).await;
    world.chain.set_automine(true).await;
    request.await.unwrap().unwrap().must(201);
    world.settles_at(one_paid()).await;
}
