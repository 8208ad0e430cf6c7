//! How the chain begins: which id it answers with, where the token stands and who holds what.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use revm::bytecode::Bytecode;
use revm::state::AccountInfo;
use serde::{Deserialize, Serialize};

use super::evm::State;
use super::{ChainConfig, ChainError};

/// The deployed code of `contracts/usdc/TestUsdc.sol`, as hex text.
const TOKEN_CODE_HEX: &str = include_str!("../../../contracts/usdc/TestUsdc.bin");
/// Storage slot of the token's `mapping(address => uint256) balanceOf`.
const BALANCES_SLOT: U256 = U256::ZERO;
/// Storage slot of the token's `totalSupply`.
const TOTAL_SUPPLY_SLOT: U256 = U256::ONE;
/// Chains on which the test token's signatures would move real money.
const REAL_MONEY_CHAIN_IDS: [u64; 2] = [1, 8453];

/// Everything that the first block depends on. It is the first record of the log; the token's code
/// is part of it, so that a newer build with another token code goes on with the history that it
/// finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Genesis {
    pub chain_id: u64,
    pub token: Address,
    pub token_code: Bytes,
    pub timestamp_unix_s: u64,
    /// In wei.
    pub eth_accounts: BTreeMap<Address, U256>,
    /// In units of the token (millionths of a dollar).
    pub usdc_accounts: BTreeMap<Address, u64>,
}

/// The deployed code of the test token, for a node that lets one place code (`anvil_setCode`).
///
/// Its storage may be empty: name, version and decimals are constants.
///
/// # Errors
/// [`ChainError::TokenCode`] if the file that was built in is not hex.
pub fn test_usdc_code() -> Result<Bytes, ChainError> {
    TOKEN_CODE_HEX.trim().parse().map_err(|_| ChainError::TokenCode)
}

impl Genesis {
    /// Refuses the chain ids on which a signature made here could be worth money.
    pub(super) fn new(config: &ChainConfig, timestamp_unix_s: u64) -> Result<Self, ChainError> {
        let chain_id = config.chain_id;
        if REAL_MONEY_CHAIN_IDS.contains(&chain_id) {
            return Err(ChainError::RealMoneyChain { chain_id });
        }
        Ok(Self {
            chain_id,
            token: config.token,
            token_code: test_usdc_code()?,
            timestamp_unix_s,
            eth_accounts: summed(&config.eth_accounts, U256::checked_add)?,
            usdc_accounts: summed(&config.usdc_accounts, u64::checked_add)?,
        })
    }

    /// The stored beginning must be the one that is asked for now; when it began and the token's
    /// code may differ.
    pub(super) fn check_matches(&self, wanted: &Self) -> Result<(), ChainError> {
        let differing = if self.chain_id != wanted.chain_id {
            "the chain id"
        } else if self.token != wanted.token {
            "the token address"
        } else if self.eth_accounts != wanted.eth_accounts {
            "the accounts funded with ETH"
        } else if self.usdc_accounts != wanted.usdc_accounts {
            "the accounts funded with test USDC"
        } else {
            return Ok(());
        };
        Err(ChainError::GenesisDiffers { differing })
    }

    /// The state before the first transaction.
    pub(super) fn state(&self) -> State {
        let mut state = State::default();
        for (address, wei) in &self.eth_accounts {
            state.insert_account_info(*address, AccountInfo::from_balance(*wei));
        }
        let code = Bytecode::new_raw(self.token_code.clone());
        let mut token = AccountInfo::from_bytecode(code);
        token.nonce = 1;
        token.balance = self.eth_accounts.get(&self.token).copied().unwrap_or_default();
        state.insert_account_info(self.token, token);
        let storage = &mut state.cache.accounts.entry(self.token).or_default().storage;
        let mut supply = U256::ZERO;
        for (holder, units) in &self.usdc_accounts {
            storage.insert(balance_slot(*holder), U256::from(*units));
            supply += U256::from(*units);
        }
        storage.insert(TOTAL_SUPPLY_SLOT, supply);
        state
    }

    /// Stands in for the state root of block 0.
    pub(super) fn digest(&self) -> Result<B256, ChainError> {
        Ok(keccak256(self.encode()?))
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, ChainError> {
        serde_json::to_vec(self).map_err(|error| ChainError::Genesis(error.to_string()))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ChainError> {
        serde_json::from_slice(bytes).map_err(|error| ChainError::Genesis(error.to_string()))
    }
}

/// Where the token keeps the balance of `holder` (Solidity's layout of a mapping).
fn balance_slot(holder: Address) -> U256 {
    let mut key = [0_u8; 64];
    key[12..32].copy_from_slice(holder.as_slice());
    key[32..].copy_from_slice(&BALANCES_SLOT.to_be_bytes::<32>());
    keccak256(key).into()
}

/// An account that is named twice gets both amounts.
fn summed<T: Copy>(
    accounts: &[(Address, T)],
    add: fn(T, T) -> Option<T>,
) -> Result<BTreeMap<Address, T>, ChainError> {
    let mut sums = BTreeMap::new();
    for (address, amount) in accounts {
        let sum = match sums.get(address) {
            Some(before) => add(*before, *amount),
            None => Some(*amount),
        };
        let overflow = || ChainError::Genesis(format!("the funds of {address} overflow"));
        sums.insert(*address, sum.ok_or_else(overflow)?);
    }
    Ok(sums)
}
