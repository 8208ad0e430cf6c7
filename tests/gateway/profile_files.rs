//! Configuration and profile files that the gateway refuses to start with: each mistake by file and
//! key, with exit code 2.

use std::path::Path;
use std::process::Output;

use crate::access::{paying, post};
use crate::startup::{refusal, refused_gateway, settings};
use crate::support::Call;
use crate::support::any_api::AnyApi;
use crate::support::gateway::{self, Gateway, Settings};

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
    let named = [
        ("upstream.url", "http://127.0.0.1:1"),
        ("upstream.profile", file),
        ("upstream.signing_secret", secret),
    ];
    let said = refusal(settings(&named)).await;
    assert!(said.contains("any.toml"), "the file is not named: {said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn r180_a_variable_without_a_value_refuses_to_start() {
    let said = refused_profile(
        "credential = { header = \"authorization\", value = \"Bearer ${KEY_OF_NOBODY}\" }\n",
    )
    .await;
    assert!(said.contains("credential.value: the variable KEY_OF_NOBODY is not set"), "{said}");
    let gateway = Gateway::prepare(Settings::new());
    let file = "[operator]\ntoken = \"${TOKEN_OF_NOBODY}\"\n[limits]\nagent_burst = \"${BURST_OF_NOBODY}\"\n";
    std::fs::write(gateway.path("turnpike.toml"), file).unwrap();
    let said = refused_gateway(gateway).await;
    for (key, name) in
        [("operator.token", "TOKEN_OF_NOBODY"), ("limits.agent_burst", "BURST_OF_NOBODY")]
    {
        assert!(
            said.contains(&format!("{key} (from turnpike.toml): the variable {name} is not set")),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r180_variables_with_values_are_read_wherever_they_stand() {
    let gateway = Gateway::prepare(settings(&[("BURST", "7"), ("LIMIT", "x")]));
    std::fs::write(
        gateway.path("turnpike.toml"),
        "[limits]\nagent_burst = \"${BURST}\"\nagent_per_minute = \"${LIMIT}\"\n",
    )
    .unwrap();
    let said = refused_gateway(gateway).await;
    assert!(
        said.contains("limits.agent_per_minute") && !said.contains("limits.agent_burst"),
        "{said}"
    );
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

/// A profile as operators have it from schema 1, with a key that comes from the environment.
const SCHEMA_1: &str = r#"# Things by the piece.
schema = 1
name = "any"
ownership = "core" # it filters by agent
upstream = { base_url = "http://127.0.0.1:1" }
credential = { header = "x-key", value = "${THINGS_KEY}" }
idempotency = { header = "Idempotency-Key" }

# What costs.
[[route]]
method = "POST"
path = "/launches"
price = { x402 = "0.01" }
free_tier = { rail = "x402", count = 1, window = "month" } # to try it
billable = { status = [200] }
resource_id = "/data/id"
"#;

/// `turnpike profile upgrade` in this folder, with nothing in its environment.
fn upgrade(folder: &Path, arguments: &[&str]) -> Output {
    let arguments = [&["profile", "upgrade"][..], arguments].concat();
    gateway::command(&Settings::new(), folder, &arguments).env_clear().output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_of_schema_1_is_refused_and_serves_once_it_is_upgraded() {
    let (api, folder) = (AnyApi::start("").await, tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("old.toml"), SCHEMA_1).unwrap();
    let mut named = api.settings();
    named.insert("upstream.profile".to_owned(), path("old.toml").display().to_string());
    let refused = refusal(named).await;
    assert!(
        refused.contains(
            "schema: expected 2; `turnpike profile upgrade FILE` writes it from schema 1"
        ),
        "{refused}"
    );
    assert_eq!(refused.matches("\n  ").count(), 1, "more than one mistake: {refused}");
    // It would refuse every command that reads a configuration.
    std::fs::write(path("turnpike.toml"), "colour = \"red\"\n").unwrap();
    let done = upgrade(folder.path(), &["old.toml", "--output", "new.toml"]);
    assert!(
        done.status.success() && done.stdout.is_empty() && said(&done).contains("[api_keys]"),
        "{done:?}"
    );
    let text = std::fs::read_to_string(path("new.toml")).unwrap();
    for kept in [
        "# Things by the piece.\n",
        "\"${THINGS_KEY}\"",
        "# it filters by agent\n",
        "# What costs.\n",
        "# to try it\n",
    ] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
    let world = api
        .setup()
        .set("upstream.profile", path("new.toml").to_str().unwrap())
        .set("THINGS_KEY", "k1")
        .set("stripe.mode", "off")
        .start()
        .await;
    let wallet = world.agent().await;
    for charge in ["none; reason=free_tier", "0.01 USDC"] {
        let reply = world.send(post("/launches", &paying(&world, &wallet, 10_000))).await.must(200);
        assert!(reply.charge().starts_with(charge), "{charge}: {}", reply.brief());
    }
    api.refuse(1);
    let owed = world.send(post("/launches", &paying(&world, &wallet, 10_000))).await.must(422);
    assert_eq!(owed.json()["owed"], "0.01 USDC", "{}", owed.brief());
    assert!(api.seen().iter().all(|seen| seen.values("x-key") == ["k1"]));
}

#[test]
fn an_upgrade_changes_nothing_but_schema_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, text) in [
        ("old.toml", SCHEMA_1),
        ("odd.toml", "schema = 3\n"),
        ("broken.toml", "schema = \n"),
        ("there.toml", "mine"),
    ] {
        std::fs::write(path(name), text).unwrap();
    }
    let printed = upgrade(folder.path(), &["old.toml"]);
    assert!(printed.status.success(), "{printed:?}");
    std::fs::write(path("new.toml"), &printed.stdout).unwrap();
    let again = upgrade(folder.path(), &["new.toml"]);
    assert!(
        again.status.success()
            && again.stdout == printed.stdout
            && said(&again).contains("schema 2 already"),
        "{again:?}"
    );
    for (arguments, says) in [
        (&["odd.toml"][..], "schema: expected 1 or 2"),
        (&["broken.toml"], "file: line 1"),
        (&["nowhere.toml"], "nowhere.toml"),
        (&["old.toml", "--output", "there.toml"], "there.toml"),
        (&["odd.toml", "--output", "odd-2.toml"], "schema: expected 1 or 2"),
    ] {
        let refused = upgrade(folder.path(), arguments);
        assert!(
            refused.status.code() == Some(2)
                && refused.stdout.is_empty()
                && said(&refused).contains(says),
            "{arguments:?}: {refused:?}"
        );
    }
    assert_eq!(std::fs::read_to_string(path("old.toml")).unwrap(), SCHEMA_1);
    assert_eq!(std::fs::read_to_string(path("there.toml")).unwrap(), "mine");
    assert!(!path("odd-2.toml").exists());
}

/// An API that takes a call and never answers it.
#[tokio::test(flavor = "multi_thread")]
async fn the_timeout_of_a_profile_is_how_long_an_answer_may_take() {
    let api = AnyApi::start(
        "[[route]]\nmethod = \"GET\"\npath = \"/things\"\nprice = \"free\"\nidentity = \"none\"\n",
    )
    .await;
    let file = api.settings()["upstream.profile"].clone();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replace("http://127.0.0.1:1\"", "http://127.0.0.1:1\", timeout = \"1s\""),
    )
    .unwrap();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let world = api.setup().set("upstream.url", &url).start().await;
    let answered =
        tokio::time::timeout(std::time::Duration::from_secs(20), world.send(Call::get("/things")));
    let reply = answered.await.unwrap();
    assert!(reply.status.is_server_error(), "{}", reply.brief());
    drop(silent);
}
