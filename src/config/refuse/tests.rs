#![allow(clippy::unwrap_used)]

use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const PAY_TO: &str = "x402.pay_to=0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

/// The names of the rules that a configuration breaks. Overrides are separated by blanks.
fn broken(overrides: &str) -> Vec<&'static str> {
    let overrides: Vec<String> = overrides
        .split_whitespace()
        .map(|text| text.replace("KEY", KEY).replace("PAY_TO", PAY_TO))
        .collect();
    let mistakes = match Config::load(None, std::iter::empty(), &overrides) {
        Ok(_) => return Vec::new(),
        Err(errors) => errors.mistakes,
    };
    // Back from texts to rules: every mistake must be one.
    mistakes
        .iter()
        .map(|mistake| {
            let place = mistake.place.split(" (from").next().unwrap();
            RULES
                .iter()
                .find(|(_, of, rule)| *of == place && text_of(*rule, &overrides) == mistake.text)
                .unwrap_or_else(|| panic!("no rule says: {mistake}"))
                .0
        })
        .collect()
}

/// What a rule says of a configuration, read without the rules.
fn text_of(rule: fn(&Config) -> Option<String>, overrides: &[String]) -> String {
    let mut layers = super::super::layers::Layers::new();
    layers.flags(overrides);
    let mut config = Config {
        server: layers.read("server"),
        operator: layers.read("operator"),
        store: layers.read("store"),
        cache: layers.read("cache"),
        upstream: layers.read("upstream"),
        x402: layers.read("x402"),
        stripe: layers.read("stripe"),
        mpp: layers.read("mpp"),
        pricing: layers.read("pricing"),
        limits: layers.read("limits"),
        refunds: layers.read("refunds"),
        test: layers.read("test"),
        ..Config::default()
    };
    config.fill();
    rule(&config).unwrap_or_default()
}

/// A test network with our own signer.
const CHAIN: &str = "x402.mode=chain x402.rpc_url=http://127.0.0.1:8545 x402.signer_key=KEY PAY_TO";
/// Base with our own signer and an upstream of its own: everything real.
const LIVE: &str = "x402.mode=chain x402.chain_id=8453 x402.rpc_url=https://node.example x402.signer_key=KEY PAY_TO \
    store.seal_key=KEY stripe.mode=off upstream.url=https://core.example upstream.signing_secret=KEY";

/// Stripe with a test key, everything else a sandbox.
const CARDS: &str = "stripe.mode=test stripe.secret_key=sk_test_1 stripe.network_id=profile_test_1 stripe.webhook_secret=whsec_1 \
    mpp.secret_keys=KEY mpp.account_key=KEY mpp.token_keys=KEY";

#[test]
fn good_configurations_start() {
    for good in [
        "",
        CHAIN,
        LIVE,
        CARDS,
        "stripe.mode=off",
        "server.operator_listen=0.0.0.0:8403 operator.token=KEY",
        "operator.own_payers=0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266,card:7",
    ] {
        assert_eq!(broken(good), [""; 0], "{good}");
    }
}

/// The rule, a configuration that starts, and the change that the rule refuses.
const REFUSED: [(&str, &str, &str); 52] = [
    ("live_beside_sandbox", LIVE, "stripe.mode=sandbox"),
    ("live_beside_sandbox", LIVE, "upstream.url=embedded:"),
    (
        "live_beside_sandbox",
        LIVE,
        "x402.chain_id=1 x402.asset=0x833589fcd6edb6e08f4c7c32d4f71b54bda02913 x402.domain_name=U stripe.mode=sandbox",
    ),
    ("clock_file_beside_live", LIVE, "test.clock_file=clock"),
    ("live_without_seal_key", LIVE, "store.seal_key="),
    ("chain_without_rpc_url", CHAIN, "x402.rpc_url="),
    ("chain_without_signer_key", CHAIN, "x402.signer_key="),
    ("chain_without_pay_to", CHAIN, "x402.pay_to="),
    ("chain_without_asset", CHAIN, "x402.chain_id=31337"),
    (
        "chain_without_domain_name",
        CHAIN,
        "x402.chain_id=1337 x402.asset=0x833589fcd6edb6e08f4c7c32d4f71b54bda02913",
    ),
    ("rpc_url_scheme", CHAIN, "x402.rpc_url=ws://127.0.0.1:8545"),
    ("signer_key_shape", CHAIN, "x402.signer_key=0x01"),
    (
        "signer_key_shape",
        CHAIN,
        "x402.signer_key=0000000000000000000000000000000000000000000000000000000000000000",
    ),
    ("refund_key_shape", "", "refunds.signer_key=0x01"),
    ("refund_wallet_not_its_own", CHAIN, "refunds.signer_key=KEY"),
    ("other_signer_key_shape", CHAIN, "x402.other_signer_keys=KEY,0x01"),
    ("pay_to_nobody", CHAIN, "x402.pay_to=0x0000000000000000000000000000000000000000"),
    ("pay_to_nobody", CHAIN, "x402.pay_to=0x036cbd53842c5426634e7929541ec2318f3dcf7e"),
    ("sandbox_chain_id", "", "x402.chain_id=31337"),
    ("sandbox_chain_id", "", "x402.chain_id=8453"),
    ("domain_version_empty", "", "x402.domain_version="),
    ("time_window", "", "x402.max_window_s=299"),
    ("time_window", "", "x402.max_timeout_s=6"),
    ("open_operator", "", "server.operator_listen=0.0.0.0:8403"),
    ("open_operator", "", "server.operator_listen=[::]:8403"),
    ("short_token", "", "operator.token=abc"),
    ("own_payer_shape", "", "operator.own_payers=0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266,me"),
    ("short_seal_key", "", "store.seal_key=abc"),
    ("short_seal_key_before", "", "store.seal_keys_before=KEY,abc"),
    ("same_listener", "", "server.operator_listen=127.0.0.1:8402"),
    ("facilitator_not_built", "", "x402.mode=facilitator"),
    ("facilitator_url_unread", "", "x402.facilitator_url=https://facilitator.example"),
    ("stripe_without_secret_key", CARDS, "stripe.secret_key="),
    ("stripe_without_network_id", CARDS, "stripe.network_id="),
    ("stripe_without_webhook_secret", CARDS, "stripe.webhook_secret="),
    ("cards_without_challenge_keys", CARDS, "mpp.secret_keys="),
    ("cards_without_account_key", CARDS, "mpp.account_key="),
    ("cards_without_token_keys", CARDS, "mpp.token_keys="),
    ("short_card_keys", "", "mpp.account_key=short"),
    ("store_scheme", "", "store.url=mysql://u:p@db/books"),
    ("store_scheme", "", "store.url=books.db"),
    ("cache_url", "", "cache.url=rediss://127.0.0.1"),
    ("cache_url", "", "cache.url=disk:"),
    ("cache_url", "cache.url=redis://u:p@127.0.0.1:6379/2", "cache.url=redis://"),
    ("cache_prefix", "", "cache.prefix=\u{7f}"),
    ("price_of_zero", "", "pricing.launch_usdc=0"),
    ("price_of_zero", "", "pricing.pack_20_usd=0.00"),
    ("pack_below_minimum", "", "pricing.pack_20_usd=0.49"),
    ("zero", "", "limits.agent_per_minute=0"),
    ("zero", "", "server.drain_s=0 x402.confirmations=0"),
    ("short_lease", "", "store.lease_s=2"),
    ("short_unknown", "", "upstream.unknown_after_s=599"),
];

#[test]
fn each_rule_refuses_what_it_names() {
    for (rule, base, change) in REFUSED {
        assert_eq!(broken(&format!("{base} {change}")), [rule], "{change}");
    }
    // Two that never come alone.
    let key = "stripe.secret_key=sk_live_1 store.seal_key=KEY";
    let expected = ["live_beside_sandbox", "live_key_in_other_mode"];
    assert_eq!(broken(key), expected);
    assert_eq!(broken(&format!("{CARDS} {key} stripe.mode=live")), ["live_beside_sandbox"]);
    let tested = |name| REFUSED.iter().any(|(rule, ..)| *rule == name);
    let other = [
        "live_key_in_other_mode",
        "sandbox_not_linked",
        "stripe_sandbox_not_linked",
        "known_relayer_empty",
    ];
    for (name, ..) in RULES {
        assert!(tested(name) || other.contains(&name), "{name} has no test");
    }
}

/// A list that is given as text has no empty part; one in a file may.
#[test]
fn a_relayer_without_an_address_is_refused() {
    let mut config = Config::default();
    assert_eq!(known_relayer_empty(&config), None);
    config.x402.known_relayers.push(crate::config::EvmAddress(None));
    assert!(known_relayer_empty(&config).is_some());
}

/// The rule that depends on how the program was built says what this build is.
#[test]
fn a_build_without_sandbox_says_so() {
    let refused = sandbox_not_linked(&Config::default()).is_some();
    assert_eq!(refused, !cfg!(feature = "sandbox"));
}

#[test]
fn no_refusal_repeats_a_secret() {
    let overrides = [
        "store.url=mysql://u:hunter2@db",
        "x402.signer_key=hunter2",
        "operator.token=hunter2",
        "x402.rpc_url=ws://x/hunter2",
    ];
    let overrides: Vec<_> = overrides.map(str::to_owned).into();
    let errors = Config::load(None, std::iter::empty(), &overrides).unwrap_err();
    assert_eq!(errors.mistakes.len(), 4);
    assert!(!errors.to_string().contains("hunter2"), "{errors}");
}
