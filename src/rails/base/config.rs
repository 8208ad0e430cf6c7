//! How the rail reaches its chain and what it may spend.

use payments::{agent::Wallet, x402::offer::Token};

use super::{rpc::RpcUrlError, signer::SignerKeyError};

/// How the rail reaches its chain and what it may spend.
pub struct BaseConfig {
    /// The node: `https://`, or `http://` on a trusted network. May hold credentials; never shown.
    pub rpc_url: String,
    /// How long one call to the node may take, in milliseconds.
    pub rpc_timeout_ms: u64,
    /// The token, with its chain and its EIP-712 domain.
    pub token: Token,
    /// The private key of the account that sends settlements and pays gas.
    pub signer_key: [u8; 32],
    /// The keys of other replicas' and of retired signers: they only finish what they began.
    pub other_signer_keys: Vec<[u8; 32]>,
    /// Accounts of others that may settle what is paid to us: no finding is made of it.
    pub known_relayers: Vec<Wallet>,
    /// The private key of the wallet that pays refunds in USDC, where there is one. It settles
    /// nothing.
    pub refund_key: Option<[u8; 32]>,
    /// The most that a settlement may pay per gas, in wei.
    pub max_fee_per_gas_wei: u128,
    /// The most that any payment may cost in gas, in wei, whatever its price.
    pub max_gas_wei: u128,
    /// Blocks that a fate must have, its own included; 0 counts as 1.
    pub confirmations: u64,
    /// How old an unmined transaction must be before its fee is raised, in seconds.
    pub fee_bump_after_s: u32,
}

/// The configuration cannot work with any chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseConfigError {
    /// The node's URL.
    #[error(transparent)]
    Url(#[from] RpcUrlError),
    /// The signer's key.
    #[error(transparent)]
    Key(#[from] SignerKeyError),
}
