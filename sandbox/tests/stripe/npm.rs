//! Stripe's published client for Node drives the emulator with its own code.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use sandbox::stripe::{SECRET_KEY, WEBHOOK_SECRET};
use serde_json::Value;
use tokio::process::Command;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn npm_stripe_lives_through_the_whole_story() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients/stripe");
    let needs = folder.join("node_modules/stripe");
    assert!(
        needs.exists(),
        "{} is missing: run tests/run once, it installs the clients",
        needs.display()
    );
    let (world, target) = (World::new().await, Target::new().await);
    world.emulator.set_webhook(Some(&target.url)).unwrap();
    let run = Command::new("node")
        .arg(folder.join("drive.mjs"))
        .env("STRIPE_BASE", world.emulator.base_url())
        .env("STRIPE_KEY", SECRET_KEY)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(120), run)
        .await
        .expect("the client takes too long")
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaint}");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["version"], "23.1.0");
    assert_eq!(line["checks"], 29, "{line}");

    let received = target.received.lock().unwrap().clone();
    let run = Command::new("node")
        .arg(folder.join("receive.mjs"))
        .env("WEBHOOK_SECRET", WEBHOOK_SECRET)
        .env("SIGNATURE", &received[0].0)
        .env("BODY", String::from_utf8(received[0].1.to_vec()).unwrap())
        .env("NOW", NOW.to_string())
        .output();
    let output = run.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "payment_intent.succeeded");
}
