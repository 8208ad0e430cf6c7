//! Providers of nodes limit what one request may ask. A limit is no outage: what is refused as a
//! whole is asked in parts.

use std::time::Duration;

use serde_json::Value;

use crate::proof_shapes::one_paid;
use crate::rotation::doctor_says;
use crate::support::audit::{number, text};
use crate::support::metrics::Metrics;
use crate::support::moment::eventually;
use crate::support::node_limits::NodeLimits;
use crate::support::proof::Proof;
use crate::support::world::{PRICE, Totals, creation, launch};
use crate::support::{Call, Reply, Setup, Wallet, World, token};

/// Why these tests run one process: each process learns for itself.
const ONE: &str = "what a process has learned of its node is its own";
const SOON: Duration = Duration::from_secs(30);

fn said(world: &World, event: &str) -> usize {
    world.gateway.logs().matches(event).count()
}

async fn level(world: &World, check: &str) -> Value {
    let says = doctor_says(world, check).await;
    says.first().unwrap_or_else(|| panic!("doctor does not say {check}"))["level"].clone()
}

/// The metric has the value that is asked for.
async fn shows(world: &World, name: &str, limit: &str, right: fn(f64) -> bool) {
    let looked = async || {
        let value = Metrics::of(world).await.sum(name, &[("limit", limit)]);
        if right(value) { Ok(()) } else { Err(format!("{name} of {limit} is {value}")) }
    };
    eventually("the metric", SOON, looked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r122_a_node_with_small_batches_is_asked_in_parts() {
    for most in [100, 20, 3, 0] {
        let world = Setup::paid().alone(ONE).proxied().start().await;
        world.proxy().limit(NodeLimits { batch: Some(most), ..NodeLimits::default() });
        let (first, second) = (world.agent().await, world.agent().await);
        world.launch(&first, "one").await.must(201);
        world.launch(&second, "two").await.must(201);
        assert_eq!(level(&world, "gas").await, "ok", "{most}");
        if most < 10 {
            assert_eq!(
                said(&world, "node.batch_limited"),
                1,
                "learned once: {}",
                world.gateway.logs()
            );
            assert!(world.gateway.logs().contains("this plan takes"), "in the node's words");
            assert_eq!(level(&world, "node_limits").await, "warn");
            shows(&world, "gateway_node_limit", "batch", |calls| calls < 4.0).await;
            shows(&world, "gateway_node_refusals_total", "batch", |refused| refused >= 1.0).await;
        }
        world
            .settles_at(Totals {
                settlements: 2,
                transactions: 2,
                launches: 2,
                ..Totals::default()
            })
            .await;
    }
}

/// A stranger settles the authorization first: the payment is found by the token's logs alone.
async fn settled_first(
    world: &World,
    proof: &Proof,
) -> tokio::task::JoinHandle<Result<Reply, String>> {
    world.chain.mine(700).await;
    world.chain.set_automine(false).await;
    let request = world.begin(creation(&proof.v2(), &launch("settled by a stranger")));
    world.chain.until_pending(world.signer.address, 1).await;
    let data = token::transfer_with_authorization(&proof.draft, &proof.signature);
    world.chain.send_first(Wallet::random().address, data).await;
    world.chain.mine(30).await;
    world.chain.set_automine(true).await;
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn r123_logs_are_asked_in_windows_that_the_node_takes() {
    let blocks = |most| NodeLimits { log_blocks: Some(most), ..NodeLimits::default() };
    for limits in [
        blocks(10),
        blocks(5),
        blocks(500),
        NodeLimits { logs: Some(500), ..NodeLimits::default() },
    ] {
        let world = Setup::paid().alone(ONE).own_chain().proxied().start().await;
        let limited = limits.log_blocks.is_some();
        world.proxy().limit(limits);
        let wallet = world.agent_with(PRICE).await;
        settled_first(&world, &world.proof(&wallet)).await.await.unwrap().unwrap().must(201);
        assert_eq!(level(&world, "node_limits").await, if limited { "warn" } else { "ok" });
        let compared = world.gateway.run(&["reconcile", "--json"]).await;
        assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stderr));
        let open = world.gateway.audit().view("findings").await;
        let kinds: Vec<String> = open.iter().map(|found| text(found, "kind")).collect();
        assert_eq!(kinds, ["stranger_settled"], "the comparison came to its end");
        world.settles_at(one_paid()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r123_a_question_that_stays_refused_is_said_and_found() {
    let world = Setup::paid()
        .alone(ONE)
        .own_chain()
        .proxied()
        .set("server.answer_deadline_s", "3")
        .start()
        .await;
    let wallet = world.agent_with(PRICE).await;
    world.proxy().limit(NodeLimits { log_blocks: Some(0), ..NodeLimits::default() });
    let proof = world.proof(&wallet);
    let request = settled_first(&world, &proof).await;
    request.await.unwrap().unwrap().refused(503, "PAYMENT_005");
    let id = text(&world.gateway.audit().view("intents").await[0], "id");
    let found = async || {
        let findings = world.gateway.audit().view("findings").await;
        let this = findings
            .iter()
            .find(|found| text(found, "kind") == "question_refused" && text(found, "key") == id);
        this.map(|_| ()).ok_or_else(|| format!("{findings:?}"))
    };
    eventually("a finding", SOON, found).await;
    assert_eq!(said(&world, "payment.question_refused"), 1, "{}", world.gateway.logs());
    assert!(
        world.gateway.run(&["findings"]).await.stdout.windows(8).any(|words| words == b"0 block "),
        "in the node's words"
    );
    assert_eq!(level(&world, "node_limits").await, "FAIL");
    world.proxy().limit(NodeLimits::default());
    crate::settlement::until_created(&world, &proof.v2(), "settled by a stranger").await;
    assert!(world.gateway.run(&["reconcile"]).await.status.success());
    let open = world.gateway.audit().view("findings").await;
    let closed = open
        .iter()
        .filter(|found| text(found, "kind") == "question_refused")
        .all(|found| !text(found, "closed_at").is_empty());
    assert!(closed, "{open:?}");
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r124_a_node_that_knows_no_tip_is_asked_for_the_gas_price() {
    let world = Setup::paid().alone(ONE).proxied().start().await;
    let missing = vec!["eth_maxPriorityFeePerGas", "eth_feeHistory"];
    world.proxy().limit(NodeLimits { missing, ..NodeLimits::default() });
    let wallet = world.agent().await;
    world.launch(&wallet, "no tip").await.must(201);
    assert_eq!(level(&world, "gas").await, "ok");
    let asked = world.proxy().calls("eth_maxPriorityFeePerGas");
    world.launch(&wallet, "still none").await.must(201);
    // Doctor and other processes ask for themselves; this one asks for the gas price from then on.
    assert_eq!(
        (said(&world, "node.method_missing"), world.proxy().calls("eth_maxPriorityFeePerGas")),
        (1, asked)
    );
    let attempts = world.gateway.audit().view("attempts").await;
    assert_eq!(
        attempts.iter().filter(|attempt| number(attempt, "eoa_nonce") < 2).count(),
        2,
        "{attempts:?}"
    );
    world
        .settles_at(Totals { settlements: 2, transactions: 2, launches: 2, ..Totals::default() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r196_a_page_in_the_place_of_the_node_is_no_answer_and_is_named() {
    let world = Setup::paid().alone(ONE).proxied().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    for status in [200, 403, 502] {
        world.proxy().limit(NodeLimits { page: Some(status), ..NodeLimits::default() });
        let reply = world.create(&header, &launch("a page")).await;
        assert!(
            reply.status == 503 && reply.header("payment-required").is_none(),
            "{}",
            reply.brief()
        );
        assert_eq!(world.gateway.audit().view("intents").await.len(), 0, "nothing is claimed");
        let named = format!("HTTP status {status} with an HTML page");
        let ready = async || {
            let ready = Call::get("/readyz").send(world.gateway.operator).await;
            let body = String::from_utf8_lossy(&ready.body).into_owned();
            if ready.status == 503 && body.contains(&named) && body.contains("Access denied") {
                Ok(())
            } else {
                Err(body)
            }
        };
        eventually("readiness names the page", SOON, ready).await;
        let says = doctor_says(&world, "chain").await;
        assert!(
            says[0]["level"] == "FAIL"
                && says[0]["says"].as_str().is_some_and(|says| says.contains(&named)),
            "{says:?}"
        );
    }
    world.proxy().limit(NodeLimits::default());
    world.create(&header, &launch("a page")).await.must(201);
    world.settles_at(one_paid()).await;
}
