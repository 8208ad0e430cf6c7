//! The alert rules that are shipped: they say what they should on made-up figures, and speak of
//! figures that there are.

use std::collections::BTreeSet;

use crate::support::metrics::{Metrics, promtool};
use crate::support::{Setup, World};

const RULES: &str = "contracts/alerts/turnpike.yml";
const TESTS: &str = "contracts/alerts/turnpike.test.yml";

fn read(path: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The values of every `key: value` of this key.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let key = format!("{key}: ");
    let parts = text.split(key.as_str()).skip(1);
    parts.map(|rest| rest.split([',', '\n', '}']).next().unwrap().trim()).collect()
}

#[test]
fn every_alert_fires_and_stays_silent_as_its_test_says() {
    for arguments in [["check", "rules", RULES], ["test", "rules", TESTS]] {
        let output = promtool(&arguments, "");
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{said}");
    }
    let tests = read(TESTS);
    for alert in values(&read(RULES), "- alert") {
        let cases: Vec<&str> = tests
            .split("eval_time:")
            .filter(|case| values(case, "alertname").first() == Some(&alert))
            .collect();
        let silent = cases.iter().filter(|case| case.contains("exp_alerts: []")).count();
        assert!(silent > 0, "no test says when {alert} is silent");
        assert!(cases.len() > silent, "no test says when {alert} fires");
    }
}

#[test]
fn a_rule_that_says_something_else_fails_its_test() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for (right, wrong) in
        [("for: 10m", "for: 1m"), ("> 0.3", "> 0.6"), ("< 2e15", "< 5e14"), ("> 3600", "> 36000")]
    {
        let rules = read(RULES);
        assert!(rules.contains(right), "{right}");
        std::fs::write(path("turnpike.yml"), rules.replacen(right, wrong, 1)).unwrap();
        std::fs::write(path("turnpike.test.yml"), read(TESTS)).unwrap();
        let output = promtool(&["test", "rules", path("turnpike.test.yml").to_str().unwrap()], "");
        assert!(!output.status.success(), "{wrong} in the place of {right} is not noticed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_that_a_rule_or_the_readme_names_is_there_and_well_formed() {
    let world: World = Setup::new().cards().start().await;
    let wallet = world.agent().await;
    world.launch(&wallet, "one").await.must(201);
    // The tests' gateways compare nothing by themselves.
    world.gateway.run(&["reconcile"]).await;
    crate::support::moment::eventually(
        "every metric is there",
        std::time::Duration::from_secs(60),
        async || {
            let there: BTreeSet<String> = Metrics::of(&world).await.names().into_iter().collect();
            let missing: Vec<_> =
                named().into_iter().filter(|name| !there.contains(name)).collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} in {there:?}")) }
        },
    )
    .await;
    let metrics = Metrics::of(&world).await;
    let undocumented: Vec<_> =
        metrics.names().into_iter().filter(|name| !named().contains(name)).collect();
    assert!(undocumented.is_empty(), "the README does not name {undocumented:?}");
    let output = promtool(&["check", "metrics"], &metrics.text);
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

/// The metrics that the rules and the README's table name.
fn named() -> BTreeSet<String> {
    let telemetry = read("README.md");
    let telemetry = telemetry
        .split("## Telemetry")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .unwrap_or_default()
        .to_owned();
    let text = format!("{}\n{telemetry}", read(RULES));
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_metric = |word: &&str| word.starts_with("gateway_") || word.starts_with("http_server_");
    words.filter(is_metric).map(str::to_owned).collect()
}
