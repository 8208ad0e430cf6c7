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
pub async fn turnpike(dir: &Path, arguments: &[&str]) -> Output {
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
pub fn ended(output: &Output, code: i32) -> Value {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    serde_json::from_str(&out).unwrap_or(Value::Null)
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A gateway, and a place to run commands beside it.
pub struct Beside {
    pub gateway: Gateway,
    pub dir: TempDir,
}

impl Beside {
    pub async fn start(settings: Settings) -> Self {
        Self { gateway: Gateway::start(settings).await, dir: TempDir::new().unwrap() }
    }

    pub async fn pay(&self, path: &str, more: &[&str]) -> Output {
        let url = format!("http://{}{path}", self.gateway.address);
        turnpike(self.dir.path(), &[&["pay", &url], more].concat()).await
    }

    pub async fn ledger(&self, arguments: &[&str]) -> Output {
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
