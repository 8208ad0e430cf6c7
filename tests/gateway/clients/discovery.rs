//! What agents' developers find: the published judges accept our documents and our 402, and nobody
//! is charged for reading.

use sandbox::stripe::SECRET_KEY;
use serde_json::Value;

use super::cards::{Sandbox, mppx};
use super::{folder, printed};
use crate::support::{Call, Reply};

/// Crawlers read no more.
const MAX_BYTES: usize = 64 * 1024;

async fn read(sandbox: &Sandbox, path: &str) -> Reply {
    // What an agent sends with every request is none of this document's business.
    let call = Call::get(path).header("authorization", "Bearer of-somebody-else");
    call.send(sandbox.gateway.address).await.must(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn anyone_reads_the_documents_with_and_without_v1() {
    let sandbox = Sandbox::start().await;
    for (path, kind) in
        [("/openapi.json", "application/json"), ("/llms.txt", "text/plain; charset=utf-8")]
    {
        let reply = read(&sandbox, path).await;
        assert_eq!(reply.header("content-type"), Some(kind));
        assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(reply.charge(), "none; reason=open_route");
        assert!(
            !reply.body.is_empty() && reply.body.len() < MAX_BYTES,
            "{path} has {} bytes",
            reply.body.len()
        );
        assert_eq!(read(&sandbox, &format!("/v1{path}")).await.body, reply.body);
    }
}

/// The prices of the document are those of the 402s, whatever the operator set.
#[tokio::test(flavor = "multi_thread")]
async fn the_document_offers_what_the_402_asks() {
    let sandbox =
        Sandbox::start_with(&[("pricing.launch_usdc", "0.71"), ("pricing.launch_usd", "0.93")])
            .await;
    let document = read(&sandbox, "/openapi.json").await.json();
    let info = &document["paths"]["/launches"]["post"]["x-payment-info"];
    let unpaid =
        Call::new("POST", "/launches").send(sandbox.gateway.address).await.must(402).json();
    assert_eq!(unpaid["accepts"][0]["maxAmountRequired"], "710000", "{unpaid}");
    assert_eq!(info["price"]["amount"], "0.71");
    assert_eq!(unpaid["mpp"]["amount_cents"], 93, "{unpaid}");
    assert_eq!(info["offers"][0]["amount"], "93");
    let text = String::from_utf8(read(&sandbox, "/llms.txt").await.body.to_vec()).unwrap();
    assert!(text.contains("0.71 USDC (x402) or 0.93 USD by card"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_mppx_finds_no_fault_with_the_document() {
    let sandbox = Sandbox::start().await;
    let mut command = mppx();
    command
        .args(["discover", "validate"])
        .arg(sandbox.url("/openapi.json"))
        .args(["--format", "json"]);
    let said = printed(command, &folder("mpp").join("node_modules/mppx")).await;
    let verdict: Value =
        serde_json::from_str(said.trim()).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(verdict["valid"], true, "{said}");
    assert_eq!(
        (&verdict["errorCount"], &verdict["warningCount"]),
        (&0.into(), &0.into()),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_mppx_finds_no_fault_with_the_server() {
    let sandbox = Sandbox::start().await;
    let mut command = mppx();
    // With a test key it also pays what it finds.
    command.arg("validate").arg(sandbox.url("")).arg("-j");
    command.env("MPPX_STRIPE_SECRET_KEY", SECRET_KEY).env("MPPX_STRIPE_SPT_URL", sandbox.mint());
    let said = printed(command, &folder("mpp").join("node_modules/mppx")).await;
    let verdict: Value =
        serde_json::from_str(said.trim()).unwrap_or_else(|error| panic!("{error}: {said}"));
    let summary = &verdict["summary"];
    for kind in ["failed", "warnings", "suggested", "skipped"] {
        assert_eq!(summary[kind], 0, "{said}");
    }
    assert!(summary["passed"].as_u64().unwrap() >= 25, "{said}");
    for endpoint in verdict["endpoints"].as_array().unwrap() {
        assert!(
            endpoint["payment"].as_array().unwrap().iter().all(|check| check["severity"] == "pass"),
            "{endpoint}"
        );
    }
    // The pack comes first; the launch is then paid by a credit of it.
    assert_eq!(sandbox.charged().await, [1200]);
}
