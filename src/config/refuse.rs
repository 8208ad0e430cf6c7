//! The settings with which the gateway never starts: a flat list of rules, each with a test of its
//! own name.

mod rails;
#[cfg(test)]
mod tests;

use payments::agent::Payer;

use super::{Config, StripeMode};
use crate::strict_toml::Mistake;
use rails::{
    chain_needs, domain_version_empty, facilitator_not_built, facilitator_url_unread,
    known_relayer_empty, misshapen, pack_below_minimum, pay_to_nobody, refund_wallet_not_its_own,
    rpc_url_scheme, sandbox_chain_id, sandbox_not_linked, short_card_keys, stripe_needs,
    stripe_sandbox_not_linked, time_window,
};

/// A rule: its name, the setting that it speaks of, and what is wrong when it does not hold.
type Rule = (&'static str, &'static str, fn(&Config) -> Option<String>);

/// The shortest key or token that is accepted.
const MIN_KEY_CHARS: usize = 32;

const RULES: [Rule; 44] = [
    // A live rail stands alone.
    ("live_beside_sandbox", "sandbox", live_beside_sandbox),
    ("clock_file_beside_live", "test.clock_file", clock_file_beside_live),
    ("live_without_seal_key", "store.seal_key", live_without_seal_key),
    ("live_key_in_other_mode", "stripe.secret_key", live_key_in_other_mode),
    // What a rail needs.
    ("chain_without_rpc_url", "x402.rpc_url", |c| chain_needs(c, c.x402.rpc_url.is_empty())),
    ("chain_without_signer_key", "x402.signer_key", |c| {
        chain_needs(c, c.x402.signer_key.is_empty())
    }),
    ("chain_without_pay_to", "x402.pay_to", |c| chain_needs(c, c.x402.pay_to.0.is_none())),
    ("chain_without_asset", "x402.asset", |c| chain_needs(c, c.x402.asset.0.is_none())),
    ("chain_without_domain_name", "x402.domain_name", |c| {
        chain_needs(c, c.x402.domain_name.is_empty())
    }),
    ("rpc_url_scheme", "x402.rpc_url", rpc_url_scheme),
    ("signer_key_shape", "x402.signer_key", |c| misshapen(c.x402.signer_key.expose())),
    ("other_signer_key_shape", "x402.other_signer_keys", |c| {
        c.x402.other_signer_keys.iter().find_map(|key| misshapen(key.expose()))
    }),
    ("refund_key_shape", "refunds.signer_key", |c| misshapen(c.refunds.signer_key.expose())),
    ("refund_wallet_not_its_own", "refunds.signer_key", refund_wallet_not_its_own),
    ("known_relayer_empty", "x402.known_relayers", known_relayer_empty),
    ("pay_to_nobody", "x402.pay_to", pay_to_nobody),
    ("sandbox_chain_id", "x402.chain_id", sandbox_chain_id),
    ("sandbox_not_linked", "x402.mode", sandbox_not_linked),
    ("domain_version_empty", "x402.domain_version", domain_version_empty),
    ("time_window", "x402.max_window_s", time_window),
    ("stripe_without_secret_key", "stripe.secret_key", |c| {
        stripe_needs(c, c.stripe.secret_key.is_empty())
    }),
    ("stripe_without_network_id", "stripe.network_id", |c| {
        stripe_needs(c, c.stripe.network_id.is_empty())
    }),
    ("stripe_without_webhook_secret", "stripe.webhook_secret", |c| {
        stripe_needs(c, c.stripe.webhook_secret.is_empty())
    }),
    ("cards_without_challenge_keys", "mpp.secret_keys", |c| {
        stripe_needs(c, c.mpp.secret_keys.is_empty())
    }),
    ("cards_without_account_key", "mpp.account_key", |c| {
        stripe_needs(c, c.mpp.account_key.is_empty())
    }),
    ("cards_without_token_keys", "mpp.token_keys", |c| {
        stripe_needs(c, c.mpp.token_keys.is_empty())
    }),
    ("short_card_keys", "mpp", short_card_keys),
    ("stripe_sandbox_not_linked", "stripe.mode", stripe_sandbox_not_linked),
    // Who may reach the operator's side.
    ("open_operator", "operator.token", open_operator),
    ("short_token", "operator.token", |c| short(c.operator.token.expose())),
    ("own_payer_shape", "operator.own_payers", own_payer_shape),
    ("short_seal_key", "store.seal_key", |c| short(c.store.seal_key.expose())),
    ("short_seal_key_before", "store.seal_keys_before", |c| {
        c.store.seal_keys_before.iter().find_map(|key| short(key.expose()))
    }),
    ("same_listener", "server.operator_listen", same_listener),
    // What this build does not have.
    ("facilitator_not_built", "x402.mode", facilitator_not_built),
    ("facilitator_url_unread", "x402.facilitator_url", facilitator_url_unread),
    ("store_scheme", "store.url", store_scheme),
    // Values that make no sense.
    ("cache_url", "cache.url", cache_url),
    ("cache_prefix", "cache.prefix", cache_prefix),
    ("price_of_zero", "pricing", price_of_zero),
    ("pack_below_minimum", "pricing.pack_20_usd", pack_below_minimum),
    ("zero", "limits", zero),
    ("short_lease", "store.lease_s", short_lease),
    ("short_unknown", "upstream.unknown_after_s", short_unknown),
];

/// Every rule that the configuration breaks.
#[must_use]
pub fn check(config: &Config) -> Vec<Mistake> {
    RULES
        .iter()
        .filter_map(|(_, place, rule)| rule(config).map(|text| Mistake::new(*place, text)))
        .collect()
}

fn own_payer_shape(config: &Config) -> Option<String> {
    let wrong = config.operator.own_payers.iter().find(|name| Payer::read(name).is_none())?;
    Some(format!("{wrong:?} names no payer: give wallet:0x..., 0x... or card:..."))
}

fn live_beside_sandbox(config: &Config) -> Option<String> {
    let (live, sandbox) = (config.live_rails(), config.sandbox_parts());
    (!live.is_empty() && !sandbox.is_empty()).then(|| {
        format!(
            "{} moves real money and may not run beside {}",
            live.join(" and "),
            sandbox.join(", ")
        )
    })
}

fn clock_file_beside_live(config: &Config) -> Option<String> {
    let used = !config.test.clock_file.as_os_str().is_empty();
    (used && !config.live_rails().is_empty())
        .then(|| "a rail that moves real money needs the real time".to_owned())
}

fn live_without_seal_key(config: &Config) -> Option<String> {
    (config.store.seal_key.is_empty() && !config.live_rails().is_empty()).then(|| {
        "is required beside a rail that moves real money: signed transfers are kept sealed"
            .to_owned()
    })
}

fn live_key_in_other_mode(config: &Config) -> Option<String> {
    let live = config.stripe.mode == StripeMode::Live;
    (config.stripe.has_live_key() && !live)
        .then(|| "is a live key, but stripe.mode is not \"live\"".to_owned())
}

fn open_operator(config: &Config) -> Option<String> {
    let open = !config.server.operator_listen.ip().is_loopback();
    (open && config.operator.token.is_empty()).then(|| {
        "is required: server.operator_listen can be reached from other machines".to_owned()
    })
}

fn short(key: &str) -> Option<String> {
    (!key.is_empty() && key.chars().count() < MIN_KEY_CHARS)
        .then(|| format!("expected at least {MIN_KEY_CHARS} characters"))
}

fn same_listener(config: &Config) -> Option<String> {
    let server = &config.server;
    (server.listen == server.operator_listen && server.listen.port() != 0)
        .then(|| "is the same as server.listen".to_owned())
}

fn store_scheme(config: &Config) -> Option<String> {
    match config.store.url.scheme() {
        "sqlite" | "postgres" | "postgresql" => None,
        _ => Some("expected sqlite://file or postgres://user@host/database".to_owned()),
    }
}

fn cache_url(config: &Config) -> Option<String> {
    let url = config.cache.url.expose();
    let redis = url.strip_prefix("redis://").is_some_and(|rest| !rest.is_empty());
    (url != "memory:" && !redis)
        .then(|| "expected memory: or redis://[user:password@]host[:port][/db]".to_owned())
}

fn cache_prefix(config: &Config) -> Option<String> {
    let prefix = &config.cache.prefix;
    let plain = prefix.len() <= 64 && prefix.bytes().all(|byte| byte.is_ascii_graphic());
    (!plain).then(|| "expected at most 64 visible ASCII characters".to_owned())
}

fn price_of_zero(config: &Config) -> Option<String> {
    let pricing = &config.pricing;
    let prices = [
        pricing.launch_usdc.map(super::Usdc::minor),
        pricing.launch_usd.map(super::Usd::minor),
        Some(pricing.pack_20_usd.minor()),
    ];
    prices
        .contains(&Some(0))
        .then(|| "a price of zero is a mistake; what is free is said by the profile".to_owned())
}

fn zero(config: &Config) -> Option<String> {
    let (server, limits, x402) = (&config.server, &config.limits, &config.x402);
    let settings = [
        ("server.drain_s", server.drain_s),
        ("server.answer_deadline_s", server.answer_deadline_s),
        ("server.header_read_timeout_s", server.header_read_timeout_s),
        ("server.body_timeout_s", server.body_timeout_s),
        ("store.connections", config.store.connections.into()),
        ("limits.agent_per_minute", limits.agent_per_minute.into()),
        ("limits.agent_burst", limits.agent_burst.into()),
        ("limits.peer_per_minute", limits.peer_per_minute.into()),
        ("limits.refused_cards_per_minute", limits.refused_cards_per_minute.into()),
        ("limits.body_bytes", limits.body_bytes),
        ("limits.header_bytes", limits.header_bytes),
        ("upstream.timeout_s", config.upstream.timeout_s.unwrap_or(1)),
        ("upstream.core_deadline_s", config.upstream.core_deadline_s),
        ("upstream.per_minute", config.upstream.per_minute.unwrap_or(1).into()),
        ("upstream.concurrent", config.upstream.concurrent.unwrap_or(1).into()),
        ("x402.confirmations", x402.confirmations),
        ("x402.max_fee_gwei", x402.max_fee_gwei),
        ("x402.max_gas_gwei", x402.max_gas_gwei.unwrap_or(1)),
        ("x402.gas_coin_usd", x402.gas_coin_usd.map_or(1, super::Usd::minor)),
        ("x402.max_gas_percent", x402.max_gas_percent.into()),
        ("x402.reverts_per_hour", x402.reverts_per_hour.into()),
        ("x402.queue_max", x402.queue_max.into()),
        ("x402.max_gas_lost_gwei_per_hour", x402.max_gas_lost_gwei_per_hour),
        ("x402.fee_bump_after_s", x402.fee_bump_after_s),
        ("x402.rpc_timeout_ms", x402.rpc_timeout_ms),
        ("mpp.challenge_ttl_s", config.mpp.challenge_ttl_s),
        ("stripe.timeout_ms", config.stripe.timeout_ms),
        ("cache.timeout_ms", config.cache.timeout_ms),
        ("pricing.entitlement_hours", config.pricing.entitlement_hours),
        ("refunds.stuck_after_hours", config.refunds.stuck_after_hours.into()),
        ("refunds.usdc_per_day", config.refunds.usdc_per_day.minor()),
    ];
    let zeros: Vec<_> = settings
        .into_iter()
        .filter_map(|(setting, value)| (value == 0).then_some(setting))
        .collect();
    (!zeros.is_empty()).then(|| format!("must be above 0: {}", zeros.join(", ")))
}

/// A driver that lives renews its lease three times while it lasts, and a moment of silence must
/// not cost it.
fn short_lease(config: &Config) -> Option<String> {
    (config.store.lease_s < 3).then(|| "expected at least 3 seconds".to_owned())
}

/// Until its deadline a creation is asked for again: nothing is unknown yet.
fn short_unknown(config: &Config) -> Option<String> {
    let upstream = &config.upstream;
    let short =
        upstream.unknown_after_s != 0 && upstream.unknown_after_s < upstream.core_deadline_s;
    short.then(|| {
        format!("expected 0, or at least upstream.core_deadline_s ({})", upstream.core_deadline_s)
    })
}
