//! How much is taken on from whom, as configured.

use std::num::NonZeroU32;

use payments::{
    funding::RevertBounds,
    gas::{GasBound, GasShare},
    ports::Rate,
    settlement::AttemptKind,
};

use crate::{
    config::Config,
    gateway::{LimitSettings, LoadLimits},
    operator::CoinPrice,
};

const WEI_PER_GWEI: u128 = 1_000_000_000;
/// Millionths of a dollar of one cent.
const MICROS_PER_CENT: u64 = 10_000;

/// What one proven agent may ask.
pub(super) fn agents(config: &Config) -> Rate {
    Rate {
        per_minute: at_least_one(config.limits.agent_per_minute),
        burst: at_least_one(config.limits.agent_burst),
    }
}

/// What agents and peers may ask.
pub(super) fn settings(config: &Config) -> LimitSettings {
    LimitSettings {
        agent: agents(config),
        peer_per_minute: at_least_one(config.limits.peer_per_minute),
    }
}

/// What one of the chain's coins costs, where that is configured.
pub fn coin_price(config: &Config) -> Option<CoinPrice> {
    config.x402.gas_coin_usd.map(|price| CoinPrice(price.minor().saturating_mul(MICROS_PER_CENT)))
}

/// What one payment may cost in gas: a share of its price where the coin has one, and never more
/// than the plain bound.
pub(super) fn gas(config: &Config) -> GasBound {
    let x402 = &config.x402;
    let a_settlement = x402.max_fee_gwei.saturating_mul(AttemptKind::Transfer.gas_limit());
    let coin_usd_micros = coin_price(config).map(|CoinPrice(micros)| micros);
    GasBound {
        plain_wei: wei(x402.max_gas_gwei.unwrap_or(a_settlement)),
        share: coin_usd_micros
            .map(|coin_usd_micros| GasShare { percent: x402.max_gas_percent, coin_usd_micros }),
    }
}

/// What reverted payments may cost.
pub(super) fn reverts(config: &Config) -> RevertBounds {
    let x402 = &config.x402;
    RevertBounds {
        per_payer_and_hour: x402.reverts_per_hour,
        gas_wei_per_hour: wei(x402.max_gas_lost_gwei_per_hour),
    }
}

fn wei(gwei: u64) -> u128 {
    u128::from(gwei).saturating_mul(WEI_PER_GWEI)
}

/// What is open at the same time.
pub(super) fn load(config: &Config) -> LoadLimits {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    LoadLimits {
        requests: size(u64::from(config.limits.open_requests)),
        intents: size(u64::from(config.limits.open_intents)),
        // One body of the largest size must always fit.
        body_bytes: size(config.limits.open_body_bytes.max(config.limits.body_bytes)),
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}
