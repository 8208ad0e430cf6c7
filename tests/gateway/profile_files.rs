//! Configuration and profile files that the gateway refuses to start with: each mistake by file and key, with exit code 2.

use crate::startup::{refusal, refused_gateway, settings};
use crate::support::gateway::{Gateway, Settings};

const HEAD: &str = r#"
schema = 2
name = "any"
ownership = "upstream"
outcome = { refused = { status = [400, 422], has = "/error/code" } }
upstream = { base_url = "http://127.0.0.1:1" }
idempotency = { header = "Idempotency-Key" }
"#;
const ROUTE: &str = r#"
[[route]]
method = "POST"
path = "/things"
price = { x402 = "0.01" }
done = { status = [200] }
result_id = "/data/id"
"#;

/// What is said of a profile with this text beside its route.
async fn refused_profile(further: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any.toml");
    std::fs::write(&path, format!("{HEAD}{further}{ROUTE}")).unwrap();
    let secret = "a-secret-of-the-tests-that-is-long-enough";
    let file = path.to_str().unwrap();
    let named = [("upstream.url", "http://127.0.0.1:1"), ("upstream.profile", file), ("upstream.signing_secret", secret)];
    let said = refusal(settings(&named)).await;
    assert!(said.contains("any.toml"), "the file is not named: {said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn r180_a_variable_without_a_value_refuses_to_start() {
    let said = refused_profile("credential = { header = \"authorization\", value = \"Bearer ${KEY_OF_NOBODY}\" }\n").await;
    assert!(said.contains("credential.value: the variable KEY_OF_NOBODY is not set"), "{said}");
    let gateway = Gateway::prepare(Settings::new());
    let file = "[operator]\ntoken = \"${TOKEN_OF_NOBODY}\"\n[limits]\nagent_burst = \"${BURST_OF_NOBODY}\"\n";
    std::fs::write(gateway.path("turnpike.toml"), file).unwrap();
    let said = refused_gateway(gateway).await;
    for (key, name) in [("operator.token", "TOKEN_OF_NOBODY"), ("limits.agent_burst", "BURST_OF_NOBODY")] {
        assert!(said.contains(&format!("{key} (from turnpike.toml): the variable {name} is not set")), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r180_variables_with_values_are_read_wherever_they_stand() {
    let gateway = Gateway::prepare(settings(&[("BURST", "7"), ("LIMIT", "x")]));
    std::fs::write(gateway.path("turnpike.toml"), "[limits]\nagent_burst = \"${BURST}\"\nagent_per_minute = \"${LIMIT}\"\n").unwrap();
    let said = refused_gateway(gateway).await;
    assert!(said.contains("limits.agent_per_minute") && !said.contains("limits.agent_burst"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r187_a_key_that_nothing_reads_refuses_to_start() {
    for (further, key) in [
        ("envelope = { details = \"/details\" }\n", "envelope.details"),
        ("envelope = { request_id_header = \"x-id\" }\n", "envelope.request_id_header"),
        ("colour = \"red\"\n", "colour"),
    ] {
        let said = refused_profile(further).await;
        assert!(said.contains(&format!("{key}: unknown field")), "{key}: {said}");
    }
    let said = refusal(settings(&[("x402.facilitator_url", "https://facilitator.example")])).await;
    assert!(said.contains("x402.facilitator_url") && said.contains("nothing reads it"), "{said}");
}
