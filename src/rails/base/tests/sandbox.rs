//! The same suite on the chain that a sandbox runs on: what holds on the one holds on the other.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ::sandbox::chain::{Chain, ChainConfig, serve};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, Bytes, TxKind, U64, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use async_trait::async_trait;
use payments::{agent::Wallet, x402::offer::Token};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{
    TestChain, rail_suite,
    rpc::Rpc,
    world::{GWEI, fresh_key, key},
};

const CHAIN_ID: u64 = 84_532;
const USDC: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
const BEGINS_UNIX_S: u64 = 1_700_000_000;
const ETHER_WEI: u64 = 10_u64.pow(18);

struct Sandbox {
    chain: Arc<Chain>,
    time_unix_s: Arc<AtomicU64>,
    faucet: PrivateKeySigner,
    rpc: Rpc,
    url: String,
    _dir: TempDir,
}

#[tokio::test]
async fn the_rail_keeps_its_promises_on_the_sandbox_chain() {
    rail_suite(&Sandbox::start().await).await;
}

impl Sandbox {
    async fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let faucet = key(&fresh_key());
        let config = ChainConfig {
            dir: dir.path().to_owned(),
            chain_id: CHAIN_ID,
            token: USDC.parse().unwrap(),
            eth_accounts: vec![(faucet.address(), U256::from(ETHER_WEI) * U256::from(1_000))],
            usdc_accounts: Vec::new(),
        };
        let time_unix_s = Arc::new(AtomicU64::new(BEGINS_UNIX_S));
        let clock = Arc::clone(&time_unix_s);
        let chain =
            Arc::new(Chain::open(config, Arc::new(move || clock.load(Ordering::Relaxed))).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(Arc::clone(&chain), listener, std::future::pending()));
        Self { chain, time_unix_s, faucet, rpc: Rpc::new(&url), url, _dir: dir }
    }
}

#[async_trait]
impl TestChain for Sandbox {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn token(&self) -> Token {
        Token::new(Wallet::parse(USDC).unwrap(), "USDC", "2", CHAIN_ID)
    }

    async fn give_gas(&self, account: Address) {
        let nonce = self
            .rpc
            .call("eth_getTransactionCount", json!([self.faucet.address(), "latest"]))
            .await;
        let nonce: U64 = serde_json::from_value(nonce).unwrap();
        let tx = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: nonce.to(),
            gas_limit: 21_000,
            max_fee_per_gas: 100 * GWEI,
            max_priority_fee_per_gas: GWEI,
            to: TxKind::Call(account),
            value: U256::from(ETHER_WEI),
            ..TxEip1559::default()
        };
        let signature = self.faucet.sign_hash_sync(&tx.signature_hash()).unwrap();
        let raw: Bytes = TxEnvelope::from(tx.into_signed(signature)).encoded_2718().into();
        self.rpc.call("eth_sendRawTransaction", json!([raw])).await;
    }

    async fn pass_s(&self, seconds: u64) {
        self.time_unix_s.fetch_add(seconds, Ordering::Relaxed);
        self.chain.tick(0).unwrap();
    }

    async fn hold(&self, on: bool) {
        self.chain.set_next_block_hold(on).unwrap();
    }
}
