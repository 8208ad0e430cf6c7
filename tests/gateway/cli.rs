//! The commands beside `serve`: the real binary, its output as a script sees it, and its exit
//! codes.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::Wallet;
use crate::support::gateway::{Gateway, Settings};
use crate::support::moment::random_bytes;
use crate::support::wallet::DEVELOPMENT_KEY;
use crate::support::world::launch;

/// Runs `turnpike` in a directory, with nothing of our environment that could configure it.
async fn turnpike(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_turnpike"));
    command.args(arguments).current_dir(dir).stdin(std::process::Stdio::null()).kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TURNPIKE_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.output().await.unwrap()
}

/// Fails with everything that was said unless the command ended with this code.
#[track_caller]
fn ended(output: &Output, code: i32) -> Value {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    serde_json::from_str(&out).unwrap_or(Value::Null)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A gateway, and a place to run commands beside it.
struct Beside {
    gateway: Gateway,
    dir: TempDir,
}

impl Beside {
    async fn start(settings: Settings) -> Self {
        Self { gateway: Gateway::start(settings).await, dir: TempDir::new().unwrap() }
    }

    async fn pay(&self, path: &str, more: &[&str]) -> Output {
        let url = format!("http://{}{path}", self.gateway.address);
        turnpike(self.dir.path(), &[&["pay", &url], more].concat()).await
    }

    async fn ledger(&self, arguments: &[&str]) -> Output {
        let store = format!("store.url={}", self.gateway.database.url());
        turnpike(self.dir.path(), &[&["--set", &store, "ledger"], arguments].concat()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_with_books_that_agree_with_the_chain() {
    let dir = TempDir::new().unwrap();
    let place = dir.path().join("kept");
    let place = place.to_str().unwrap();
    let demo = ended(&turnpike(dir.path(), &["demo", "--json", "--dir", place]).await, 0);
    for (name, expected) in [
        ("ok", json!(true)),
        ("launches", json!(6)),
        ("free_slots", json!(5)),
        ("settlements", json!(1)),
        ("settled_units", json!(550_000)),
        ("chain_balance_units", json!(550_000)),
        ("usdc_hot_units", json!(550_000)),
        ("card_launches", json!(3)),
        ("card_charges", json!(2)),
        ("charged_cents", json!(1_260)),
        ("processor_cents", json!(1_260)),
        ("credits_spent", json!(3)),
        ("credits_left", json!(17)),
        ("journal_sums", json!({"CREDIT": 0, "USD": 0, "USDC": 0})),
    ] {
        assert_eq!(demo[name], expected, "{name} of {demo}");
    }
    assert!(demo["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{demo}");
    // What it kept is what it told.
    let store = format!("store.url=sqlite://{place}/turnpike.db");
    let id = demo["payment_id"].as_str().unwrap();
    let shown = ended(&turnpike(dir.path(), &["--set", &store, "ledger", "show", id]).await, 0);
    assert_eq!(shown["settlement"]["tx_hash"], demo["transaction"]);
    let again = turnpike(dir.path(), &["demo", "--json", "--dir", place]).await;
    ended(&again, 2);
    assert!(said(&again).contains("not empty"), "{}", said(&again));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_tells_the_protocol_and_leaves_nothing_behind() {
    let dir = TempDir::new().unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_turnpike"));
    let output = command
        .arg("demo")
        .current_dir(dir.path())
        .env("TMPDIR", dir.path())
        .output()
        .await
        .unwrap();
    ended(&output, 0);
    let told = String::from_utf8(output.stdout).unwrap();
    for part in [
        "< 402 Payment Required",
        "\"amount\": \"550000\"",
        "remaining=0",
        "< idempotent-replayed: true",
        "rev:launch",
        "  ok ",
    ] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
    for part in [
        "0.60 USD; payment=",
        "\"new_balance\": 20",
        "reason=credit",
        "reason=refused",
        "insufficient_funds",
        "\"balance\": 17",
    ] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
    assert!(!told.contains("spt_"), "the demo shows a payment token");
    assert!(!told.contains("FAILED"), "{told}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the demo left something");
}

#[tokio::test(flavor = "multi_thread")]
async fn pay_asks_first_pays_within_its_limit_and_its_exit_code_says_how_it_went() {
    let beside = Beside::start(Settings::from([(
        "pricing.free_launches_per_month".to_owned(),
        "0".to_owned(),
    )]))
    .await;
    let body = launch("from the command line").to_string();
    let dry = ended(&beside.pay("/launches", &["--body", &body, "--dry-run"]).await, 10);
    assert_eq!(dry["would_pay"]["amount_units"], 550_000);
    let capped = beside.pay("/launches", &["--body", &body, "--max-usdc", "0.549999"]).await;
    ended(&capped, 4);
    assert!(said(&capped).contains("0.55 USDC"), "{}", said(&capped));
    // Another chain than the one that the agent was told: nothing is signed.
    let key = beside.dir.path().join("key");
    std::fs::write(&key, DEVELOPMENT_KEY).unwrap();
    let key = key.to_str().unwrap();
    let abroad =
        beside.pay("/launches", &["--body", &body, "--chain", "8453", "--key-file", key]).await;
    ended(&abroad, 4);
    assert!(said(&abroad).contains("eip155:84532"), "{}", said(&abroad));
    assert_eq!(
        beside.gateway.audit().view("intents").await.len(),
        0,
        "a refused price left a trace"
    );

    let paid = ended(&beside.pay("/launches", &["--body", &body]).await, 0);
    assert_eq!(paid["status"], 201);
    assert_eq!(paid["receipt"]["success"], true);
    assert!(paid["charge"].as_str().unwrap().starts_with("0.55 USDC; payment=pay_"), "{paid}");
    let v1 =
        ended(&beside.pay("/v1/launches", &["--body", &body, "--v1", "--wallet", "1"]).await, 0);
    assert_eq!(
        (v1["status"].clone(), v1["signed"]["x402_version"].clone()),
        (json!(201), json!(1))
    );
    assert_eq!(beside.gateway.audit().view("settlements").await.len(), 2);

    let payment = format!("/payments/{}", paid["payment_id"].as_str().unwrap());
    let own = ended(&beside.pay(&payment, &[]).await, 0);
    assert_eq!(own["body"]["data"]["transaction"], paid["receipt"]["transaction"]);
    ended(&beside.pay(&payment, &["--wallet", "3"]).await, 5);
    ended(&beside.pay("/nowhere", &[]).await, 5);
    ended(&beside.pay("/launches", &["--body", "{}"]).await, 1);
    ended(&beside.pay("/launches", &["--body", "{title"]).await, 2);
    // A wallet without a coin.
    std::fs::write(key, Wallet::random().key_hex()).unwrap();
    ended(&beside.pay("/launches", &["--body", &body, "--key-file", key]).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn pay_by_card_mints_within_its_limit_and_its_agent_token_spends_credits() {
    let stripe = format!("127.0.0.1:{}", crate::support::child::free_port());
    let beside =
        Beside::start(Settings::from([("sandbox.stripe_listen".to_owned(), stripe.clone())])).await;
    let mint = format!("http://{stripe}/v1/test_helpers/shared_payment/granted_tokens");
    let body = launch("by card").to_string();
    let by_card = ["--card", "pm_card_visa", "--customer", "ann", "--mint-url", &mint];
    let dry = ended(
        &beside.pay("/launches", &[&by_card[..], &["--body", &body, "--dry-run"]].concat()).await,
        10,
    );
    assert_eq!(
        (
            dry["prices"]["mpp"]["amount_cents"].clone(),
            dry["prices"]["x402"]["amount_units"].clone()
        ),
        (json!(60), json!(550_000))
    );
    assert_eq!(dry["would_pay"]["amount_cents"], 60);
    let capped = beside
        .pay("/launches", &[&by_card[..], &["--body", &body, "--max-usd", "0.59"]].concat())
        .await;
    ended(&capped, 4);
    assert!(
        said(&capped).contains("0.60 USD") && said(&capped).contains("--max-usd"),
        "{}",
        said(&capped)
    );
    assert_eq!(
        beside.gateway.audit().view("intents").await.len(),
        0,
        "a refused price left a trace"
    );

    let paid =
        ended(&beside.pay("/launches", &[&by_card[..], &["--body", &body]].concat()).await, 0);
    assert!(paid["charge"].as_str().unwrap().starts_with("0.60 USD; payment=pay_"), "{paid}");
    assert!(paid["receipt"]["reference"].as_str().unwrap().starts_with("pi_"), "{paid}");
    let token = paid["agent_token"].as_str().unwrap().to_owned();
    // The account has no credit yet: an agent token brings nothing that could be charged.
    let broke = beside.pay("/launches", &["--body", &body, "--agent-token", &token]).await;
    ended(&broke, 4);
    assert!(said(&broke).contains("--card"), "{}", said(&broke));
    ended(&beside.pay("/credits/purchase", &[&by_card[..], &["--body", "{}"]].concat()).await, 4);
    ended(
        &beside
            .pay(
                "/credits/purchase",
                &[&by_card[..], &["--body", "{}", "--max-usd", "12"]].concat(),
            )
            .await,
        0,
    );
    let file = beside.dir.path().join("token");
    std::fs::write(&file, &token).unwrap();
    let at_file = format!("@{}", file.display());
    let credited =
        ended(&beside.pay("/launches", &["--body", &body, "--agent-token", &at_file]).await, 0);
    assert!(credited["charge"].as_str().unwrap().starts_with("none; reason=credit"), "{credited}");
    assert_eq!(
        ended(&beside.pay("/credits", &["--agent-token", &token]).await, 0)["body"]["data"]["balance"],
        19
    );

    let declined = ["--card", "pm_card_chargeDeclined", "--mint-url", &mint, "--body", &body];
    assert_eq!(
        ended(&beside.pay("/launches", &declined).await, 4)["body"]["error"]["code"],
        "PAYMENT_003"
    );
    let unused = format!("http://127.0.0.1:{}/x", crate::support::child::free_port());
    let silent = beside.pay("/launches", &["--card", "--mint-url", &unused, "--body", &body]).await;
    ended(&silent, 3);
    assert!(said(&silent).contains("--mint-url"), "{}", said(&silent));
    let free = beside.pay("/launches", &["--card", "--mint-url", &mint]).await;
    ended(&free, 4);
    assert!(said(&free).contains("--agent-token"), "{}", said(&free));
    for wrong in [
        &["--card", "4242424242424242"][..],
        &["--agent-token", "abc"],
        &["--customer", "ann"],
        &["--card", "--wallet", "1"],
    ] {
        ended(&beside.pay("/launches", wrong).await, 2);
    }
    let balance = ended(&beside.ledger(&["balance"]).await, 0);
    assert_eq!(balance["sum_minor"], json!({"CREDIT": 0, "USD": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn pay_says_when_nobody_answers() {
    let dir = TempDir::new().unwrap();
    let unused = format!("http://127.0.0.1:{}/x", crate::support::child::free_port());
    ended(&turnpike(dir.path(), &["pay", &unused]).await, 3);
    ended(&turnpike(dir.path(), &["pay", "not-a-url"]).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_read_beside_a_running_gateway() {
    let beside = Beside::start(Settings::from([(
        "pricing.free_launches_per_month".to_owned(),
        "1".to_owned(),
    )]))
    .await;
    for title in ["free", "paid"] {
        ended(&beside.pay("/launches", &["--body", &launch(title).to_string()]).await, 0);
    }
    let all = ended(&beside.ledger(&["ls"]).await, 0);
    let fundings: Vec<_> =
        all.as_array().unwrap().iter().map(|row| row["funding"].as_str().unwrap()).collect();
    assert_eq!(fundings, ["x402", "free"], "newest first");
    let (newest, oldest) = (all[0]["id"].as_str().unwrap(), all[1]["id"].as_str().unwrap());
    let page = ended(&beside.ledger(&["ls", "--before", newest]).await, 0);
    assert_eq!(page.as_array().unwrap().len(), 1);
    assert_eq!(page[0]["id"], oldest);
    let payer = Wallet::from_hex(DEVELOPMENT_KEY).address.to_checksum(None);
    assert_eq!(
        ended(&beside.ledger(&["ls", "--payer", &payer, "--limit", "1"]).await, 0)
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(ended(&beside.ledger(&["ls", "--state", "rejected"]).await, 0), json!([]));

    let shown = ended(&beside.ledger(&["show", newest]).await, 0);
    assert_eq!(shown["settlement"]["tx_hash"], all[0]["reference"]);
    assert_eq!(shown["attempts"][0]["tx_hash"], all[0]["reference"]);
    assert_eq!(shown["dossier"]["payment"], all[0]);
    assert_eq!(shown["journal"].as_array().unwrap().len(), 4);
    assert_eq!(shown["timeline"].as_array().unwrap().last().unwrap()["state"], "created");
    assert_eq!(shown["obligation"], Value::Null);
    let balance = ended(&beside.ledger(&["balance"]).await, 0);
    assert_eq!(balance["sum_minor"], json!({"USDC": 0}));
    assert_eq!(balance["balanced"], true);

    ended(&beside.ledger(&["show", "pay_00000000000000000000000000000007"]).await, 5);
    ended(&beside.ledger(&["show", "7"]).await, 2);
    let missing = turnpike(beside.dir.path(), &["ledger", "ls"]).await;
    ended(&missing, 5);
    assert!(said(&missing).contains("turnpike.db"), "{}", said(&missing));
    assert!(!beside.dir.path().join("turnpike.db").exists(), "a look at the books made some");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_shown_with_its_secrets_as_stars() {
    let dir = TempDir::new().unwrap();
    let (key, seal) = (hex::encode(random_bytes::<32>()), hex::encode(random_bytes::<32>()));
    let (signer, store) = (format!("x402.signer_key={key}"), format!("store.seal_key={seal}"));
    let output = turnpike(dir.path(), &["config", "--set", &signer, "--set", &store]).await;
    ended(&output, 0);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains("signer_key = \"****\"") && shown.contains("seal_key = \"****\""),
        "{shown}"
    );
    assert!(!shown.contains(&key) && !shown.contains(&seal), "a secret is shown");
    let wrong = turnpike(dir.path(), &["config", "--set", "x402.nonsense=1"]).await;
    ended(&wrong, 2);
    assert!(said(&wrong).contains("x402.nonsense"), "{}", said(&wrong));
}
