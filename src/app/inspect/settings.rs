//! Settings that start, and that somebody should know about.

use super::finding::Finding;
use crate::config::Config;

/// Everything worth a line; one `ok` when nothing is.
pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let server = &config.server;
    let live = config.live_rails();
    let public = server.public_url.as_str();
    let public_is_loopback = ["127.", "localhost", "[::1]"]
        .iter()
        .any(|host| server.public_url.host().starts_with(host));
    let rpc_over_http = config.x402.rpc_url.scheme() == "http"
        && !config.x402.rpc_url.expose().contains("//127.0.0.1");
    let mixes = [
        (
            !server.listen.ip().is_loopback() && public_is_loopback,
            format!("server.listen is open to other machines, but challenges name {public}"),
            "set server.public_url to the address that agents use",
        ),
        (
            !server.listen.ip().is_loopback() && !config.sandbox_parts().is_empty(),
            format!("a sandbox is open to other machines: {}", config.sandbox_parts().join(", ")),
            "listen on loopback, or configure real parts",
        ),
        (
            !live.is_empty() && public.starts_with("http://"),
            format!("{} moves real money, and {public} is not https", live.join(" and ")),
            "put TLS in front and set server.public_url to https://...",
        ),
        (
            !live.is_empty() && rpc_over_http,
            String::from("x402.rpc_url is http: whoever is between can lie about payments"),
            "use https, or a node on this machine",
        ),
        (
            !live.is_empty() && config.x402.confirmations < 2,
            String::from("a payment counts after one block"),
            "raise x402.confirmations if the chain reorganises",
        ),
        (
            !live.is_empty() && config.operator.token.is_empty(),
            String::from(
                "the operator's side has no token; every process on this machine can use it",
            ),
            "set operator.token",
        ),
        (
            !config.test.clock_file.as_os_str().is_empty(),
            String::from("the time comes from test.clock_file"),
            "remove it outside tests",
        ),
        (
            !config.x402.require_balance_for_free
                && config.pricing.free_launches_per_month != Some(0),
            String::from("empty wallets get free launches: anybody can make thousands"),
            "set x402.require_balance_for_free",
        ),
    ];
    let found: Vec<Finding> = mixes
        .into_iter()
        .filter(|(holds, ..)| *holds)
        .map(|(_, says, todo)| Finding::warn("config", says, todo))
        .collect();
    if found.is_empty() {
        vec![Finding::ok(
            "config",
            format!(
                "usable; rails with real money: {}",
                if live.is_empty() { "none".into() } else { live.join(", ") }
            ),
        )]
    } else {
        found
    }
}
