//! The chain against the books: money that nobody asked for, and settlements that the chain does
//! not have.

use alloy_primitives::{Address, B256};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};

use crate::reconcile::{agrees, finds, open, reconcile, verified};
use crate::support::anvil::{CHAIN_ID, quantity};
use crate::support::audit::{Line, number, text};
use crate::support::one_store::left_out;
use crate::support::proof::Proof;
use crate::support::world::PRICE;
use crate::support::{Setup, Wallet, World, token};

/// The key of the finding about the only transfer that this account made to the gateway.
async fn key_of(world: &World, from: Address) -> String {
    let word = |address: Address| address.into_word();
    let topics = json!([token::TRANSFER, word(from), word(world.terms.pay_to)]);
    let filter =
        json!([{"address": crate::support::anvil::ASSET, "fromBlock": "0x0", "topics": topics}]);
    let logs = world.chain.rpc("eth_getLogs", filter).await;
    let log = &logs[0];
    format!(
        "{CHAIN_ID}:{}:{}",
        log["transactionHash"].as_str().unwrap(),
        quantity(&log["logIndex"])
    )
}

/// What the journal holds on an account.
async fn held(world: &World, account: &str) -> i128 {
    let journal = world.gateway.audit().view("journal").await;
    journal
        .iter()
        .filter(|line| text(line, "account") == account)
        .map(|line| number(line, "amount"))
        .sum()
}

async fn owed(world: &World) -> Vec<Line> {
    world.gateway.audit().view("obligations").await
}

fn payer(wallet: &Wallet) -> String {
    format!("wallet:{:#x}", wallet.address)
}

/// A stranger mines somebody's authorization.
async fn cashed(world: &World, proof: &Proof) {
    world.chain.send(token::transfer_with_authorization(&proof.draft, &proof.signature)).await;
}

/// It is a debt of the whole amount, booked once, whatever runs follow.
async fn is_owed_once(world: &World, wallet: &Wallet) {
    let key = key_of(world, wallet.address).await;
    for arguments in [&[][..], &[], &["--full"]] {
        finds(world, arguments, &[("unearned_receipt", &key)]).await;
    }
    assert_eq!(open(world).await, [(String::from("unearned_receipt"), key)]);
    let owed = owed(world).await;
    let [debt] = owed.as_slice() else { panic!("{owed:?}") };
    assert_eq!(
        (text(debt, "payer"), number(debt, "amount_minor"), text(debt, "state")),
        (payer(wallet), i128::from(PRICE), "refund_due".into())
    );
    assert_eq!(
        held(world, &format!("liab:refund_due:{}", payer(wallet))).await,
        -i128::from(PRICE)
    );
    assert_eq!(held(world, "asset:usdc_hot").await, i128::from(PRICE));
    verified(world).await;
    let listed = world.gateway.run(&["refund", "ls"]).await;
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(
        listed[0]["next"],
        "pay it back by hand and book the transfer; until then it is a liability",
        "{listed}"
    );
    let approved = world
        .gateway
        .run(&["refund", "approve", &text(debt, "intent_id"), "--reason", "theirs"])
        .await;
    assert_eq!(approved.status.code(), Some(4), "{}", String::from_utf8_lossy(&approved.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn r061_a_proof_of_a_free_read_that_a_stranger_cashes_is_owed_back() {
    let world = Setup::new().start().await;
    agrees(&world, &[]).await;
    let wallet = world.agent().await;
    // A proof for the price says who asks as well as one for nothing.
    let proof = world.proof(&wallet);
    let (name, value) = proof.v2();
    let read = crate::support::Call::get("/launches").header(name, &value);
    world.send(read).await.must(200);
    let claimed = async || match world
        .gateway
        .audit()
        .rows("SELECT nonce FROM auths WHERE purpose = 'identity'")
        .await
        .len()
    {
        1 => Ok(()),
        count => Err(format!("{count} claims")),
    };
    world
        .gateway
        .until("the claim is in the books", std::time::Duration::from_secs(10), claimed)
        .await;
    cashed(&world, &proof).await;
    is_owed_once(&world, &wallet).await;
    assert_eq!(world.core().launch_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn r061_a_proof_of_a_free_launch_that_a_stranger_cashes_is_owed_back_and_the_launch_stays_free()
 {
    let world = Setup::new().start().await;
    agrees(&world, &[]).await;
    let wallet = world.agent().await;
    let proof = world.proof(&wallet);
    let body = crate::support::world::launch("free");
    world.create(&proof.v2(), &body).await.must(201);
    cashed(&world, &proof).await;
    is_owed_once(&world, &wallet).await;
    let audit = world.gateway.audit();
    assert_eq!((audit.view("free_slots").await.len(), world.core().launch_count()), (1, 1));
    assert!(world.create(&proof.v2(), &body).await.must(201).replayed());
    assert_eq!(
        audit.view("settlements").await.len(),
        0,
        "a proof that only says who asks settles nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_transfer_is_in_suspense_until_somebody_looks() {
    let world = Setup::paid().start().await;
    agrees(&world, &[]).await;
    let stranger = world.agent().await;
    // By an authorization that was never shown to the gateway.
    cashed(&world, &world.proof(&stranger)).await;
    let key = key_of(&world, stranger.address).await;
    let dry = reconcile(&world, &["--dry-run"]).await;
    assert_eq!(
        (dry.1, dry.0["differences"][0]["key"].as_str()),
        (1, Some(key.as_str())),
        "{}",
        dry.0
    );
    assert_eq!(
        (open(&world).await, held(&world, "suspense:unmatched").await),
        (Vec::new(), 0),
        "a dry run changes nothing"
    );
    for _ in 0..2 {
        finds(&world, &[], &[("unmatched_receipt", &key)]).await;
    }
    assert_eq!(held(&world, "suspense:unmatched").await, -i128::from(PRICE));
    assert_eq!(owed(&world).await, []);
    verified(&world).await;
    let close = ["findings", "close", "unmatched_receipt", &key, "--reason", "a gift"];
    assert_eq!(world.gateway.run(&close).await.status.code(), Some(0));
    reconcile(&world, &["--full"]).await;
    assert_eq!(open(&world).await, []);
    assert_eq!(held(&world, "suspense:unmatched").await, -i128::from(PRICE), "booked once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_a_reorganisation_takes_away_is_taken_back() {
    let world = Setup::paid().own_chain().start().await;
    world.chain.mine(3).await;
    agrees(&world, &[]).await;
    let stranger = world.agent().await;
    cashed(&world, &world.proof(&stranger)).await;
    let key = key_of(&world, stranger.address).await;
    finds(&world, &[], &[("unmatched_receipt", &key)]).await;
    world.chain.reorg(1, &[]).await;
    agrees(&world, &[]).await;
    assert_eq!(
        (
            open(&world).await,
            held(&world, "suspense:unmatched").await,
            held(&world, "asset:usdc_hot").await
        ),
        (Vec::new(), 0, 0)
    );
    verified(&world).await;
}

/// Changes a copy of the books behind the program's back; the setting that names it.
async fn rewritten(world: &World, name: &str, change: &str) -> String {
    let path = world.gateway.path(name);
    let mut original = SqliteConnectOptions::new()
        .filename(world.gateway.path("turnpike.db"))
        .connect()
        .await
        .unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("VACUUM INTO '{}'", path.display())))
        .execute(&mut original)
        .await
        .unwrap();
    let mut writer =
        SqliteConnectOptions::new().filename(&path).foreign_keys(false).connect().await.unwrap();
    let changed =
        sqlx::raw_sql(AssertSqlSafe(change.to_owned())).execute(&mut writer).await.unwrap();
    assert!(changed.rows_affected() > 0, "nothing was changed by {change}");
    format!("store.url=sqlite://{}", path.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_that_the_chain_does_not_have_is_found() {
    if left_out() {
        return;
    }
    let world = Setup::paid().start().await;
    agrees(&world, &[]).await;
    world.launch(&world.agent().await, "paid").await.must(201);
    let id = text(&world.gateway.audit().view("intents").await[0], "id");
    // The chain has the money, and it is no settlement's any more.
    let from: Address =
        text(&world.gateway.audit().view("settlements").await[0], "from_addr").parse().unwrap();
    let receipt = key_of(&world, from).await;
    let set = rewritten(
        &world,
        "phantom.db",
        "UPDATE settlements SET tx_hash = '0x' || substr(tx_hash, 5) || '00', final_at_ms = 1",
    )
    .await;
    let (report, code) = reconcile(&world, &["--set", &set]).await;
    let found: Vec<_> = report["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["kind"].clone(), it["key"].clone()))
        .collect();
    assert!(code == 1 && found.contains(&(json!("phantom_settlement"), json!(id))), "{report}");
    assert!(!found.iter().any(|(_, key)| *key == receipt), "its payer is known: {report}");
    agrees(&world, &["--full"]).await;
}

/// The node says another amount than it did, then the truth again.
#[tokio::test(flavor = "multi_thread")]
async fn an_amount_that_differs_is_found_and_closes_with_the_truth() {
    let world = Setup::paid().proxied().start().await;
    agrees(&world, &[]).await;
    world.launch(&world.agent().await, "paid").await.must(201);
    let id = text(&world.gateway.audit().view("intents").await[0], "id");
    world.proxy().lie("eth_getLogs", |logs| {
        let each = |mut log: Value| {
            log["data"] = json!(B256::with_last_byte(7).to_string());
            log
        };
        logs.as_array().unwrap().iter().cloned().map(each).collect()
    });
    finds(&world, &[], &[("amount_mismatch", &id)]).await;
    world.proxy().tell_the_truth();
    agrees(&world, &[]).await;
    assert_eq!(open(&world).await, []);
}

/// What leaves the address by another way is a difference until it comes back, or an operator
/// accepts it.
#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_moves_otherwise_than_the_journal_is_found() {
    let world = Setup::paid().proxied().start().await;
    agrees(&world, &[]).await;
    world.launch(&world.agent().await, "paid").await.must(201);
    agrees(&world, &[]).await;
    // The only read of a contract in a comparison is the balance.
    world.proxy().lie("eth_call", |_| json!(B256::with_last_byte(0).to_string()));
    let (report, code) = reconcile(&world, &[]).await;
    let key = report["differences"][0]["key"].as_str().unwrap().to_owned();
    assert!(
        code == 1 && key.starts_with(&format!("balance:{:#x}:", world.terms.pay_to)),
        "{report}"
    );
    assert!(
        report["differences"][0]["detail"].as_str().unwrap().contains("0.55 USDC less"),
        "{report}"
    );
    let close = ["findings", "close", "amount_mismatch", &key, "--reason", "sent to the treasury"];
    assert_eq!(world.gateway.run(&close).await.status.code(), Some(0));
    agrees(&world, &[]).await;
    world.proxy().tell_the_truth();
    let (report, code) = reconcile(&world, &[]).await;
    assert!(
        code == 1
            && report["differences"][0]["detail"].as_str().unwrap().contains("0.55 USDC more"),
        "{report}"
    );
}
