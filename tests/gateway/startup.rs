//! The settings with which the gateway never starts, told by the real program: exit code 2, every
//! mistake at once, no secret repeated.

use crate::support::gateway::{Gateway, Settings};
use crate::support::moment::random_bytes;
use crate::support::one_store::left_out;
use crate::support::{Setup, World};

pub fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn live() -> Settings {
    let key = hex::encode(random_bytes::<32>());
    settings(&[
        ("x402.mode", "chain"),
        ("x402.chain_id", "8453"),
        ("x402.rpc_url", "http://127.0.0.1:1/key-of-a-provider"),
        ("x402.signer_key", &key),
        ("x402.pay_to", "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"),
        ("store.seal_key", &key),
        ("stripe.mode", "off"),
        ("upstream.url", "http://127.0.0.1:1"),
        ("upstream.signing_secret", &key),
    ])
}

/// What the program says when it refuses to start; fails when it starts or ends in another way.
pub async fn refusal(settings: Settings) -> String {
    refused_gateway(Gateway::prepare(settings)).await
}

/// The same of a gateway with files of its own.
pub async fn refused_gateway(mut gateway: Gateway) -> String {
    gateway.spawn();
    let status = gateway.wait_end().await;
    let said = gateway.logs();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(gateway.audit().is_empty().await, "it made books before it refused: {said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_rail_stands_alone_and_has_its_keys() {
    for (key, value, says) in [
        ("stripe.mode", "sandbox", "stripe.mode = \"sandbox\""),
        ("upstream.url", "embedded:", "upstream.url = \"embedded:\""),
        ("test.clock_file", "clock", "test.clock_file"),
        ("store.seal_key", "", "store.seal_key"),
        ("x402.signer_key", "", "x402.signer_key"),
        ("x402.pay_to", "", "x402.pay_to"),
        ("x402.rpc_url", "", "x402.rpc_url"),
        ("upstream.signing_secret", "", "upstream.signing_secret"),
        ("x402.mode", "sandbox", "x402.chain_id"),
        ("stripe.secret_key", "sk_live_1", "stripe.secret_key"),
    ] {
        let mut changed = live();
        changed.insert(key.to_owned(), value.to_owned());
        let said = refusal(changed).await;
        assert!(said.contains(says), "{key} = {value:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_is_named_at_once_and_no_secret_is_repeated() {
    let said = refusal(settings(&[
        ("x402.signer_key", "hunter2"),
        ("operator.token", "hunter3"),
        ("store.url", "mysql://user:hunter4@db/books"),
        ("x402.rpc_url", "ws://node.example/hunter5"),
        ("limits.agents_per_minute", "5"),
        ("limits.agent_burst", "many"),
        ("server.operator_listen", "0.0.0.0:0"),
        ("pricing.launch_usdc", "0.5555555"),
        ("colour.wall", "hunter6"),
    ]))
    .await;
    for place in [
        "x402.signer_key",
        "operator.token",
        "store.url",
        "x402.rpc_url",
        "limits.agents_per_minute",
        "limits.agent_burst",
        "pricing.launch_usdc",
        "colour",
    ] {
        assert!(said.contains(place), "{place} is not named: {said}");
    }
    assert!(said.contains("TURNPIKE_X402__SIGNER_KEY"), "it is not said who set it: {said}");
    assert!(!said.contains("hunter"), "a secret was repeated: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_in_the_file_is_refused() {
    let mut gateway = Gateway::prepare(Settings::new());
    std::fs::write(
        gateway.path("turnpike.toml"),
        "[server]\nlisten_on = \"127.0.0.1:1\"\n[sevrer]\nlisten = \"x\"\n",
    )
    .unwrap();
    gateway.spawn();
    let status = gateway.wait_end().await;
    let said = gateway.logs();
    assert_eq!(status.code(), Some(2), "{said}");
    for part in ["server.listen_on", "sevrer", "turnpike.toml"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_not_the_configured_one_is_refused() {
    let world = World::start().await;
    let url = world.chain.url();
    for (key, value, says) in [
        ("x402.domain_name", "Dollar", "EIP-712 domain"),
        ("x402.domain_version", "1", "EIP-712 domain"),
        ("x402.chain_id", "11155111", "chain id"),
        ("x402.asset", "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc", "the token does not answer"),
    ] {
        let key_of_signer = hex::encode(random_bytes::<32>());
        let mut changed = settings(&[
            ("x402.mode", "chain"),
            ("x402.rpc_url", &url),
            ("x402.domain_name", "USDC"),
            ("x402.asset", crate::support::anvil::ASSET),
            ("x402.pay_to", "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"),
            ("x402.signer_key", &key_of_signer),
        ]);
        changed.insert(key.to_owned(), value.to_owned());
        let said = refusal(changed).await;
        assert!(said.contains(says), "{key} = {value:?}: {said}");
        assert!(!said.contains(&key_of_signer), "the key was printed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_the_configuration_has_stars_for_secrets() {
    let world =
        Setup::new().set("operator.token", "0123456789abcdef0123456789abcdef").start().await;
    let output = world.gateway.run(&["config"]).await;
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("signer_key = \"****\"") && said.contains("token = \"****\""), "{said}");
    assert_eq!(world.secrets.found_in(said.as_bytes()), None);
    assert!(!said.contains("0123456789abcdef"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_one_file_is_refused_and_the_first_one_goes_on() {
    if left_out() {
        return;
    }
    let world = World::start().await;
    let elsewhere =
        ["server.listen=127.0.0.1:0", "server.operator_listen=127.0.0.1:0", "stripe.mode=off"];
    let arguments =
        ["serve"].into_iter().chain(elsewhere.into_iter().flat_map(|setting| ["--set", setting]));
    let second = world.gateway.run(&arguments.collect::<Vec<_>>()).await;
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another process"));
    let wallet = world.agent().await;
    world.launch(&wallet, "still here").await.must(201);
}
