//! Rules about the rails: what each needs, and what no rail may be.

use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;
use payments::{
    money::UsdCents,
    rail::{RailPrice, RailsHere},
};

use super::{
    super::{Config, StripeMode, X402Mode},
    short,
};

/// What is left of an authorization's time before it is too late to settle it.
const SETTLE_MARGIN_S: u64 = 6;

pub(super) fn chain_needs(config: &Config, missing: bool) -> Option<String> {
    (config.x402.mode == X402Mode::Chain && missing)
        .then(|| "is required with x402.mode = \"chain\"".to_owned())
}

pub(super) fn rpc_url_scheme(config: &Config) -> Option<String> {
    let url = &config.x402.rpc_url;
    (!url.is_empty() && !matches!(url.scheme(), "http" | "https"))
        .then(|| "expected http://... or https://...".to_owned())
}

pub(super) fn misshapen(key: &str) -> Option<String> {
    let digits = key.strip_prefix("0x").unwrap_or(key);
    let hex = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let nonzero = digits.bytes().any(|byte| byte != b'0');
    let usable = hex && nonzero;
    (!key.is_empty() && !usable).then(|| "expected 32 bytes in hex".to_owned())
}

/// A settling signer's nonces are not held up by refunds, and what comes in is not what goes out.
pub(super) fn refund_wallet_not_its_own(config: &Config) -> Option<String> {
    let wallet = account(config.refunds.signer_key.expose())?;
    let x402 = &config.x402;
    let mut signers = x402.other_signer_keys.iter().chain([&x402.signer_key]);
    if signers.any(|key| account(key.expose()) == Some(wallet)) {
        return Some(
            "is the key of a signer that settles: refunds need a wallet of their own".to_owned(),
        );
    }
    (x402.pay_to.0 == Some(wallet))
        .then(|| "is the key of x402.pay_to: refunds need a wallet of their own".to_owned())
}

/// The address of a key; none for what is no key.
fn account(key: &str) -> Option<Address> {
    let bytes = alloy_primitives::hex::decode(key).ok()?;
    PrivateKeySigner::from_slice(&bytes).ok().map(|signer| signer.address())
}

pub(super) fn pay_to_nobody(config: &Config) -> Option<String> {
    let pay_to = config.x402.pay_to.0?;
    (pay_to.is_zero() || Some(pay_to) == config.x402.asset.0)
        .then(|| "is the zero address or the token itself: the money would be lost".to_owned())
}

pub(super) fn known_relayer_empty(config: &Config) -> Option<String> {
    config
        .x402
        .known_relayers
        .iter()
        .any(|relayer| relayer.0.is_none())
        .then(|| "expected addresses, got an empty text".to_owned())
}

pub(super) fn sandbox_chain_id(config: &Config) -> Option<String> {
    let sandbox = config.x402.mode == X402Mode::Sandbox;
    (sandbox && config.x402.chain_id != super::super::chain::BASE_SEPOLIA)
        .then(|| "a sandbox answers as Base Sepolia (84532) only: what is signed for it must be worth nothing elsewhere".to_owned())
}

pub(super) fn sandbox_not_linked(config: &Config) -> Option<String> {
    (config.x402.mode == X402Mode::Sandbox && !cfg!(feature = "sandbox"))
        .then(|| "this build has no sandbox".to_owned())
}

pub(super) fn domain_version_empty(config: &Config) -> Option<String> {
    config.x402.domain_version.is_empty().then(|| "is empty".to_owned())
}

pub(super) fn time_window(config: &Config) -> Option<String> {
    let x402 = &config.x402;
    if x402.max_timeout_s <= SETTLE_MARGIN_S {
        return Some(format!("x402.max_timeout_s must be above {SETTLE_MARGIN_S}"));
    }
    (x402.max_window_s < x402.max_timeout_s)
        .then(|| "is shorter than x402.max_timeout_s: no client could pay".to_owned())
}

pub(super) fn facilitator_not_built(config: &Config) -> Option<String> {
    (config.x402.mode == X402Mode::Facilitator)
        .then(|| "\"facilitator\" is not built in; expected \"sandbox\" or \"chain\"".to_owned())
}

pub(super) fn facilitator_url_unread(config: &Config) -> Option<String> {
    (!config.x402.facilitator_url.is_empty())
        .then(|| "nothing reads it: this build settles by itself; leave it out".to_owned())
}

pub(super) fn stripe_needs(config: &Config, missing: bool) -> Option<String> {
    let own = matches!(config.stripe.mode, StripeMode::Test | StripeMode::Live);
    (own && missing).then(|| "is required with stripe.mode = \"test\" or \"live\"".to_owned())
}

pub(super) fn short_card_keys(config: &Config) -> Option<String> {
    let mpp = &config.mpp;
    let mut keys = mpp.secret_keys.iter().chain(&mpp.token_keys).chain([&mpp.account_key]);
    keys.find_map(|key| short(key.expose()))
}

pub(super) fn stripe_sandbox_not_linked(config: &Config) -> Option<String> {
    (config.stripe.mode == StripeMode::Sandbox && !cfg!(feature = "sandbox"))
        .then(|| "this build has no sandbox".to_owned())
}

/// A pack that no card can pay for would be on sale in vain.
pub(super) fn pack_below_minimum(config: &Config) -> Option<String> {
    let price = UsdCents::new(config.pricing.pack_20_usd.minor());
    let price = RailPrice::MppStripe(price).check(RailsHere { cards: true });
    price
        .err()
        .filter(|_| config.stripe.mode != StripeMode::Off && config.pricing.pack_20_usd.minor() > 0)
        .map(|why| why.to_string())
}
