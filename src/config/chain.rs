//! What is known of chains: which are only tests, and Circle's USDC on the chains of the protocol.

use alloy_primitives::{Address, address};
use payments::settlement::TEST_CHAINS;

use super::{EvmAddress, X402};

/// The chain of the sandbox.
pub(super) const BASE_SEPOLIA: u64 = 84_532;
const BASE: u64 = 8_453;
const LOCAL_DEVELOPMENT: u64 = 31_337;

const USDC_BASE_SEPOLIA: Address = address!("036CbD53842c5426634e7929541eC2318f3dCF7e");
const USDC_BASE: Address = address!("833589fCD6eDb6E08f4c7C32D4f71b54bdA02913");

/// Whether a chain is only a test.
pub fn is_test(chain_id: u64) -> bool {
    TEST_CHAINS.contains(&chain_id)
}

/// Circle's USDC on a chain of the protocol, with the name of its signing domain; the domain's
/// version is 2 on each.
pub fn known_usdc(chain_id: u64) -> Option<(Address, &'static str)> {
    match chain_id {
        BASE_SEPOLIA => Some((USDC_BASE_SEPOLIA, "USDC")),
        BASE => Some((USDC_BASE, "USD Coin")),
        _ => None,
    }
}

/// Fills the token and its signing domain where the chain is known.
pub(super) fn fill(x402: &mut X402) {
    let (asset, domain_name) = match (known_usdc(x402.chain_id), x402.chain_id) {
        (Some((asset, domain_name)), _) => (Some(asset), domain_name),
        (None, LOCAL_DEVELOPMENT) => (None, "USDC"),
        (None, _) => (None, ""),
    };
    x402.asset = EvmAddress(x402.asset.0.or(asset));
    if x402.domain_name.is_empty() {
        domain_name.clone_into(&mut x402.domain_name);
    }
}
