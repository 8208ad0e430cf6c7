//! The sandbox chain beside the gateway, on its own listener, so that wallets and published clients
//! can use it too.

use std::{path::Path, sync::Arc, time::Duration};

use alloy_primitives::{Address, U256};
use payments::{agent::Wallet, x402::offer::Token};
use sandbox::{
    chain::{Chain, ChainConfig},
    wallet::DevWallet,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{error::AppError, tasks::joined};
use crate::clock::SystemClock;

/// What each development wallet holds: 1,000 test USDC.
const DEV_USDC_UNITS: u64 = 1_000_000_000;
/// What each account holds for gas: 1,000 ETH.
const GAS_ETH: u64 = 1_000;
/// An empty block after this long, so that time passes on the chain while nobody pays.
const BLOCK_AGE_S: u64 = 2;

/// Opens the chain in the sandbox's directory and serves it until the token is cancelled.
pub(super) fn start(
    dir: &Path,
    clock: &SystemClock,
    signer: &Wallet,
    token: &Token,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<JoinHandle<()>, AppError> {
    let wei = U256::from(GAS_ETH) * U256::from(1_000_000_000_000_000_000_u64);
    let wallets: Vec<Address> = DevWallet::all().map(|wallet| wallet.address()).collect();
    let eth_accounts = wallets
        .iter()
        .copied()
        .chain([Address::from(*signer.as_bytes())])
        .map(|account| (account, wei))
        .collect();
    let config = ChainConfig {
        dir: dir.join("chain"),
        chain_id: token.chain_id(),
        token: Address::from(*token.address().as_bytes()),
        eth_accounts,
        usdc_accounts: wallets.into_iter().map(|account| (account, DEV_USDC_UNITS)).collect(),
    };
    let now = clock.clone();
    let chain = Arc::new(Chain::open(
        config,
        Arc::new(move || u64::try_from(now.now_unix_s()).unwrap_or(0)),
    )?);
    Ok(tokio::spawn(async move {
        let ticking = tokio::spawn(tick(Arc::clone(&chain), stop.clone()));
        if let Err(error) = sandbox::chain::serve(chain, listener, stop.cancelled_owned()).await {
            tracing::error!(%error, "sandbox.chain_failed");
        }
        joined(ticking).await;
    }))
}

async fn tick(chain: Arc<Chain>, stop: CancellationToken) {
    while tokio::time::timeout(Duration::from_secs(BLOCK_AGE_S), stop.cancelled()).await.is_err() {
        let chain = Arc::clone(&chain);
        let ticked = tokio::task::spawn_blocking(move || chain.tick(BLOCK_AGE_S)).await;
        if let Ok(Err(error)) = ticked {
            tracing::warn!(%error, "sandbox.no_block");
        }
    }
}
