#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use super::*;

fn load(
    file: Option<&str>,
    env: &[(&str, &str)],
    overrides: &[&str],
) -> Result<Config, ConfigErrors> {
    let folder = tempfile::tempdir().unwrap();
    let path: Option<PathBuf> = file.map(|text| {
        let path = folder.path().join("turnpike.toml");
        std::fs::write(&path, text).unwrap();
        path
    });
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let overrides: Vec<_> = overrides.iter().map(|text| (*text).to_owned()).collect();
    Config::load(path.as_deref(), env, &overrides)
}

fn places(errors: &ConfigErrors) -> Vec<&str> {
    let place = |mistake: &'_ Mistake| mistake.place.find(" (from").unwrap_or(mistake.place.len());
    errors.mistakes.iter().map(|mistake| &mistake.place[..place(mistake)]).collect()
}

#[test]
fn with_nothing_given_the_sandbox_runs() {
    let config = load(None, &[("PATH", "/bin"), ("TURNPIKE_LOG", "debug")], &[]).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8402");
    assert_eq!(config.server.public_url.as_str(), "http://127.0.0.1:8402");
    assert_eq!(config.mpp.realm, "127.0.0.1");
    assert_eq!(config.x402.mode, X402Mode::Sandbox);
    assert_eq!(config.x402.domain_name, "USDC");
    assert_eq!(
        config.x402.asset.0.unwrap().to_string(),
        "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
    );
    assert_eq!(config.upstream.url, UpstreamUrl::Embedded);
    assert!(config.live_rails().is_empty());
    assert_eq!(config.sandbox_parts().len(), 3);
}

#[test]
fn base_is_known_by_its_chain_id() {
    let mut x402 = X402 { chain_id: 8453, ..X402::default() };
    chain::fill(&mut x402);
    assert_eq!(x402.domain_name, "USD Coin");
    assert_eq!(x402.asset.0.unwrap().to_string(), "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913");
}

#[test]
fn later_layers_win() {
    let file = "[limits]\nagent_per_minute = 1\nagent_burst = 1\npeer_per_minute = 1\n[x402]\nrequire_balance_for_free = true\n";
    let env = [
        ("TURNPIKE_LIMITS__AGENT_BURST", "2"),
        ("TURNPIKE_LIMITS__PEER_PER_MINUTE", "2"),
        ("TURNPIKE_X402__REQUIRE_BALANCE_FOR_FREE", "false"),
        ("TURNPIKE_X402__MAX_WINDOW_S", "4_000"),
        ("TURNPIKE_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        (
            "TURNPIKE_MPP__SECRET_KEYS",
            "first-of-the-challenge-secrets-32b,second-of-the-challenge-secrets-32",
        ),
        ("TURNPIKE_PRICING__LAUNCH_USDC", "1"),
        ("TURNPIKE_PRICING__PACK_20_USD", "13"),
        ("TURNPIKE_UPSTREAM__PER_MINUTE", "7"),
    ];
    let config = load(
        Some(file),
        &env,
        &[
            "limits.peer_per_minute=2",
            "limits.peer_per_minute=3",
            "operator.token=12345678901234567890123456789012",
        ],
    )
    .unwrap();
    let limits = &config.limits;
    assert_eq!((limits.agent_per_minute, limits.agent_burst, limits.peer_per_minute), (1, 2, 3));
    assert!(!config.x402.require_balance_for_free);
    assert_eq!(config.x402.max_window_s, 4000);
    assert!(config.server.trusted_proxies.contain("::1".parse().unwrap()));
    assert_eq!(config.mpp.secret_keys[1].expose(), "second-of-the-challenge-secrets-32");
    assert_eq!(config.pricing.launch_usdc.unwrap().minor(), 1_000_000);
    assert_eq!(config.pricing.pack_20_usd.minor(), 1_300);
    assert_eq!(config.upstream.per_minute, Some(7));
    assert_eq!(config.operator.token.expose(), "12345678901234567890123456789012");
}

#[test]
fn every_mistake_is_named_with_its_layer() {
    let file = "top = 1\n[servr]\nlisten = \"x\"\n[server]\nlisten = 8402\ncolour = \"red\"\n[x402]\npay_to = \"0x036cbD53842c5426634e7929541eC2318f3dCF7e\"\nmode = \"magic\"\n[pricing]\nlaunch_usdc = 0.55\nlaunch_usd = \"0.605\"\n";
    let env = [
        ("TURNPIKE_LIMITS__AGENT_BURST", "many"),
        ("TURNPIKE_NOWHERE__KEY", "1"),
        ("TURNPIKE_STRIPE_SECRET_KEY", "sk_live_hunter2"),
        ("TURNPIKE_SERVER__OPERATOR_LISTEN", "0.0.0.0:1"),
    ];
    let errors = load(
        Some(file),
        &env,
        &["hunter2", "limits.=x", "store.url=mysql://u:hunter2@db", "limits.body_bytes=-1"],
    )
    .unwrap_err();
    let named = places(&errors);
    for place in [
        "top",
        "servr",
        "server.listen",
        "server.colour",
        "x402.pay_to",
        "x402.mode",
        "pricing.launch_usdc",
        "pricing.launch_usd",
        "limits.agent_burst",
        "nowhere",
        "TURNPIKE_STRIPE_SECRET_KEY",
        "operator.token",
        "--set",
        "limits.",
        "store.url",
        "limits.body_bytes",
    ] {
        assert!(named.contains(&place), "{place} is not named in:\n{errors}");
    }
    assert_eq!(named.len(), 16, "{errors}");
    let text = errors.to_string();
    assert!(!text.contains("hunter2"), "{text}");
    for part in [
        "(from TURNPIKE_LIMITS__AGENT_BURST)",
        "turnpike.toml)",
        "did you mean TURNPIKE_STRIPE__SECRET_KEY?",
        "limits.body_bytes (from --set)",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let missing = Config::load(Some(Path::new("/nowhere/turnpike.toml")), std::iter::empty(), &[])
        .unwrap_err();
    assert!(missing.to_string().contains("/nowhere/turnpike.toml: cannot be read"), "{missing}");
    let broken = load(Some("[store]\nseal_key = hunter2\n"), &[], &[]).unwrap_err().to_string();
    assert!(broken.contains("line 2") && !broken.contains("hunter2"), "{broken}");
}

#[test]
fn secrets_come_from_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let long = "0123456789abcdef0123456789abcdef";
    let (token, keys, empty) = (
        write("token", &format!("{long}\n")),
        write("keys", "first-of-the-challenge-secrets-32b\n\nsecond-of-the-challenge-secrets-32\n"),
        write("empty", "\n"),
    );
    let env = [
        ("TURNPIKE_OPERATOR__TOKEN_FILE", token.as_str()),
        ("TURNPIKE_MPP__SECRET_KEYS_FILE", &keys),
    ];
    let config = load(None, &env, &[]).unwrap();
    assert_eq!(config.operator.token.expose(), long);
    assert_eq!(config.mpp.secret_keys.len(), 2);
    // A later layer replaces the file, and the reverse.
    let other = "z".repeat(32);
    let config = load(None, &env, &[&format!("operator.token={other}")]).unwrap();
    assert_eq!(config.operator.token.expose(), other);
    let config = load(Some("[operator]\ntoken = \"short\"\n"), &env, &[]).unwrap();
    assert_eq!(config.operator.token.expose(), long);
    // What cannot be read, is empty, is given twice or is no secret.
    let overrides = [
        format!("store.seal_key_file={empty}"),
        "stripe.secret_key_file=/nowhere".to_owned(),
        format!("server.listen_file={token}"),
    ];
    let file = format!("[operator]\ntoken = \"{long}\"\ntoken_file = \"{token}\"\n");
    let overrides: Vec<_> = overrides.iter().map(String::as_str).collect();
    let errors = load(Some(&file), &[], &overrides).unwrap_err();
    let mut named = places(&errors);
    named.sort_unstable();
    assert_eq!(
        named,
        ["operator.token", "server.listen_file", "store.seal_key_file", "stripe.secret_key_file"],
        "{errors}"
    );
}

#[test]
fn the_effective_values_print_without_secrets() {
    let key = "hunter2".repeat(10);
    let secrets = [
        "operator.token",
        "store.seal_key",
        "store.seal_keys_before",
        "upstream.signing_secret",
        "mpp.secret_keys",
        "mpp.account_key",
        "stripe.secret_key",
        "stripe.webhook_secret",
    ];
    let mut overrides: Vec<_> = secrets.iter().map(|name| format!("{name}={key}")).collect();
    overrides.push(format!("x402.signer_key={}", "ab".repeat(32)));
    overrides.push("x402.rpc_url=https://node.example/v2/hunter2".to_owned());
    let overrides: Vec<_> = overrides.iter().map(String::as_str).collect();
    let config = load(None, &[], &overrides).unwrap();
    for shown in [config.printable(), format!("{config:?}")] {
        assert!(!shown.contains("hunter2") && !shown.contains("abab"), "{shown}");
    }
    let printed: toml::Table = config.printable().parse().unwrap();
    assert_eq!(printed.len(), 14);
    assert_eq!(printed["x402"]["signer_key"].as_str(), Some("****"));
    assert_eq!(
        printed["x402"]["asset"].as_str(),
        Some("0x036CbD53842c5426634e7929541eC2318f3dCF7e")
    );
    assert_eq!(printed["mpp"]["secret_keys"].as_array().unwrap().len(), 1);
    assert_eq!(printed["pricing"]["pack_20_usd"].as_str(), Some("12.00"));
    // What is printed of a configuration without secrets is a configuration again.
    let plain = load(None, &[], &[]).unwrap().printable();
    let again = load(Some(&plain), &[], &[]).unwrap().printable();
    assert_eq!(plain, again);
}
