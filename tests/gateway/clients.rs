//! The published clients of agents pay a launch, each in its own language and with its own code.

mod cards;
mod discovery;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::proof_shapes::one_paid;
use crate::support::world::launch;
use crate::support::{Call, Setup, Wallet, World};

pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Runs a client's script against `POST /launches`; the line of JSON that it prints.
async fn pay(program: &Path, script: &Path, needs: &Path, world: &World, wallet: &Wallet) -> Value {
    let mut command = Command::new(program);
    command
        .arg(script)
        .arg(format!("http://{}/launches", world.gateway.address))
        .arg(launch("by a published client").to_string())
        .env("AGENT_PRIVATE_KEY", wallet.key_hex());
    let printed = printed(command, needs).await;
    serde_json::from_str(printed.trim())
        .unwrap_or_else(|error| panic!("{error}; it printed {printed:?}"))
}

/// What a client prints; it fails when the client does.
pub async fn printed(mut command: Command, needs: &Path) -> String {
    assert!(
        needs.exists(),
        "{} is missing: run tests/run once, it installs the clients",
        needs.display()
    );
    // Nothing that stands in the environment or in somebody's home changes what a client does.
    let home = tempfile::tempdir().unwrap();
    let run = command
        .env("HOME", home.path())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(400), run).await;
    let output = output.expect("the client takes too long").unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}; it printed {printed:?} and said:\n{complaint}",
        output.status
    );
    printed
}

async fn pays(program: &Path, script: &Path, needs: &Path, network: &str) {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    // The 402 that it pays offers a card too.
    let unpaid = Call::new("POST", "/launches").send(world.gateway.address).await.must(402);
    assert!(
        unpaid.header("www-authenticate").is_some_and(|value| value.starts_with("Payment ")),
        "{}",
        unpaid.brief()
    );
    let line = pay(program, script, needs, &world, &wallet).await;
    assert_eq!(line["status"], 201, "{line}");
    assert!(line["body"]["data"]["id"].is_string(), "{line}");
    let receipt = &line["receipt"];
    assert_eq!(receipt["success"], true, "{line}");
    assert_eq!(receipt["network"], network, "{line}");
    let payer = receipt["payer"].as_str().unwrap_or_default();
    assert!(payer.eq_ignore_ascii_case(&wallet.address_lower()), "{line}");
    let settlements = world.gateway.audit().view("settlements").await;
    let hash = crate::support::audit::text(&settlements[0], "tx_hash");
    let named = receipt["transaction"].as_str().unwrap_or_default();
    assert!(named.eq_ignore_ascii_case(&hash), "{line}");
    assert!(line["charge"].as_str().unwrap().starts_with("0.55 USDC; payment="), "{line}");
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_x402_fetch_2_pays_with_version_2() {
    let node = folder("node");
    let (script, needs) =
        (node.join("pay-x402-fetch-v2.mjs"), node.join("node_modules/@x402/fetch"));
    pays(Path::new("node"), &script, &needs, "eip155:84532").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_x402_fetch_1_pays_with_version_1() {
    let node = folder("node-v1");
    let (script, needs) =
        (node.join("pay-x402-fetch-v1.mjs"), node.join("node_modules/x402-fetch"));
    pays(Path::new("node"), &script, &needs, "base-sepolia").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pypi_x402_pays_with_version_2() {
    let python = folder("python");
    let program = python.join(".venv/bin/python");
    pays(&program, &python.join("pay.py"), &program, "eip155:84532").await;
}

/// A client of both protocols, told to use its wallet.
#[tokio::test(flavor = "multi_thread")]
async fn npm_mppx_pays_in_usdc() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let mut command = cards::mppx();
    command.arg(format!("http://{}/launches", world.gateway.address)).args([
        "--protocol",
        "x402",
        "-i",
        "-J",
    ]);
    command
        .arg(launch("by a published client").to_string())
        .env("MPPX_PRIVATE_KEY", wallet.key_hex());
    let said = printed(command, &folder("mpp").join("node_modules/mppx")).await;
    assert!(
        said.contains("HTTP/1.1 201") && said.contains("x-charge: 0.55 USDC; payment="),
        "{said}"
    );
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_client_gets_its_free_launches() {
    let world = Setup::new().embedded().start().await;
    let wallet = world.agent().await;
    let node = folder("node");
    let (script, needs) =
        (node.join("pay-x402-fetch-v2.mjs"), node.join("node_modules/@x402/fetch"));
    let line = pay(Path::new("node"), &script, &needs, &world, &wallet).await;
    assert_eq!(line["status"], 201, "{line}");
    assert_eq!(line["charge"], "none; reason=free_tier; remaining=4", "{line}");
    assert_eq!(world.totals().await.transactions, 0);
}

/// The extension's published helper names the payment; a second signature under the same name pays
/// nothing.
#[tokio::test(flavor = "multi_thread")]
async fn r027_npm_x402_extensions_names_its_payment() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let node = folder("node");
    let (script, needs) =
        (node.join("pay-with-identifier.mjs"), node.join("node_modules/@x402/extensions"));
    let line = pay(Path::new("node"), &script, &needs, &world, &wallet).await;
    assert_eq!(line["ids"], serde_json::json!([line["id"], line["id"]]), "{line}");
    assert_ne!(line["nonces"][0], line["nonces"][1], "signed anew: {line}");
    let (first, second) = (&line["answers"][0], &line["answers"][1]);
    assert_eq!((&first["status"], &first["replayed"]), (&201.into(), &Value::Null), "{line}");
    assert_eq!((&second["status"], &second["replayed"]), (&201.into(), &"true".into()), "{line}");
    assert_eq!(first["body"], second["body"]);
    world.settles_at(one_paid()).await;
}
