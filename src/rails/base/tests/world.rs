//! A payer, a receiver, a stranger and a rail on one chain.

use std::{
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use alloy_primitives::{B256, U64, U256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall, SolValue, sol};
use payments::{
    agent::Wallet,
    ids::PaymentId,
    ports::{ChainReader, ChainView, Settler},
    settlement::{Attempt, ChainHash, TransferTerms},
    time::UnixMs,
    x402::{offer::Token, verify::LiveTransfer},
};
use serde_json::json;

use super::{
    super::{BaseConfig, BaseRail, calls, wire::Block},
    TestChain,
    rpc::{Rpc, TestSealer},
    transfers::{live_transfer, raw_call},
};

pub(super) const GWEI: u128 = 1_000_000_000;
pub(super) const PRICE: u64 = 550_000;
pub(super) const VALID_FOR_S: u64 = 300;
pub(super) const BUMP_AFTER_S: u32 = 15;

sol! {
    function mint(address to, uint256 amount);
    function transfer(address to, uint256 value);
    function blacklist(address account);
    function pause();
    function unpause();
    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s);
}

/// Everything is fresh for each case, so that cases share a chain and nothing else.
pub(super) struct World<'a> {
    pub chain: &'a dyn TestChain,
    pub rpc: Rpc,
    pub rail: BaseRail,
    pub token: Token,
    pub payer: PrivateKeySigner,
    pub pay_to: Wallet,
    stranger: PrivateKeySigner,
    pub signer_key: [u8; 32],
}

/// A claim that is ready to be sent.
pub(super) struct Claim {
    pub transfer: LiveTransfer,
    pub view: ChainView,
    pub terms: TransferTerms,
    pub attempt: Attempt,
}

pub(super) fn fresh_key() -> [u8; 32] {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    keccak256(NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes()).0
}

pub(super) fn key(bytes: &[u8; 32]) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::from(*bytes)).unwrap()
}

pub(super) fn config(url: String, token: Token, signer_key: [u8; 32]) -> BaseConfig {
    BaseConfig {
        rpc_url: url,
        rpc_timeout_ms: 5_000,
        token,
        signer_key,
        other_signer_keys: Vec::new(),
        known_relayers: Vec::new(),
        refund_key: None,
        max_fee_per_gas_wei: 100 * GWEI,
        max_gas_wei: u128::MAX,
        confirmations: 1,
        fee_bump_after_s: BUMP_AFTER_S,
    }
}

pub(super) fn payment_id() -> PaymentId {
    "pay_00000000000000000000000000000001".parse().unwrap()
}

/// The moment when a case's attempts are saved.
pub(super) const SAVED_AT: UnixMs = UnixMs::from_s(1_000_000);

impl<'a> World<'a> {
    /// A payer with exactly the price, and a signer with gas.
    pub(super) async fn new(chain: &'a dyn TestChain) -> Self {
        let signer_key = fresh_key();
        let token = chain.token();
        let world = Self {
            chain,
            rpc: Rpc::new(&chain.url()),
            rail: BaseRail::new(
                config(chain.url(), token.clone(), signer_key),
                Arc::new(TestSealer),
            )
            .unwrap(),
            token,
            payer: key(&fresh_key()),
            pay_to: Wallet::new(key(&fresh_key()).address().into_array()),
            stranger: key(&fresh_key()),
            signer_key,
        };
        chain.give_gas(world.stranger.address()).await;
        chain.give_gas(key(&signer_key).address()).await;
        let mint = mintCall { to: world.payer.address(), amount: U256::from(PRICE) };
        world.by_stranger(mint.abi_encode()).await;
        world
    }

    /// The same rail with other settings.
    pub(super) fn rail_with(&self, change: impl FnOnce(&mut BaseConfig)) -> BaseRail {
        let mut config = config(self.chain.url(), self.token.clone(), self.signer_key);
        change(&mut config);
        BaseRail::new(config, Arc::new(TestSealer)).unwrap()
    }

    /// View, terms and the saved attempt of a new authorization.
    pub(super) async fn claim(&self) -> Claim {
        let transfer = self.authorize(B256::from(fresh_key())).await;
        let view = self.rail.view(&transfer).await.unwrap();
        let terms = self.rail.terms(&transfer, &view);
        let attempt = self
            .rail
            .preparer(&transfer, &view, u128::MAX)
            .prepare(payment_id(), view.signer_next_nonce, SAVED_AT)
            .unwrap();
        Claim { transfer, view, terms, attempt }
    }

    /// What a client's header makes.
    pub(super) async fn authorize(&self, nonce: B256) -> LiveTransfer {
        let now = self.now().await;
        live_transfer(&self.payer, &self.token, self.pay_to, now, nonce)
    }

    /// The payer cancels an authorization, in a transaction of the stranger's.
    pub(super) async fn cancel(&self, nonce: &[u8; 32]) {
        let type_hash = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
        let hash = keccak256((type_hash, self.payer.address(), B256::from(*nonce)).abi_encode());
        let digest = keccak256(
            [&[0x19, 0x01], self.token.domain_separator().as_slice(), hash.as_slice()].concat(),
        );
        let signature = self.payer.sign_hash_sync(&digest).unwrap();
        let (v, r, s) = (27 + u8::from(signature.v()), signature.r().into(), signature.s().into());
        let call = cancelAuthorizationCall {
            authorizer: self.payer.address(),
            nonce: B256::from(*nonce),
            v,
            r,
            s,
        };
        self.by_stranger(call.abi_encode()).await;
    }

    /// A stranger settles the transfer.
    pub(super) async fn settle_by_stranger(&self, transfer: &LiveTransfer) -> ChainHash {
        self.by_stranger(calls::settle(transfer).to_vec()).await
    }

    /// The token bars the payer.
    pub(super) async fn bar_payer(&self) {
        self.by_stranger(blacklistCall { account: self.payer.address() }.abi_encode()).await;
    }

    /// The token stops all transfers, or takes them again.
    pub(super) async fn pause_token(&self, on: bool) {
        self.by_stranger(if on { pauseCall {}.abi_encode() } else { unpauseCall {}.abi_encode() })
            .await;
    }

    /// The payer sends his whole balance away.
    pub(super) async fn empty_payer(&self) {
        self.chain.give_gas(self.payer.address()).await;
        let call = transferCall { to: self.stranger.address(), value: U256::from(PRICE) };
        self.send(&self.payer, call.abi_encode()).await;
    }

    /// What an account holds of the token.
    pub(super) async fn balance(&self, account: &Wallet) -> u64 {
        let call = json!([{"to": calls::address(self.token.address()), "data": calls::balance_of(account)}, "latest"]);
        let answer: U256 = serde_json::from_value(self.rpc.call("eth_call", call).await).unwrap();
        answer.to()
    }

    async fn now(&self) -> u64 {
        let block = self.rpc.call("eth_getBlockByNumber", json!(["latest", false])).await;
        serde_json::from_value::<Block>(block).unwrap().unix_s()
    }

    async fn by_stranger(&self, input: Vec<u8>) -> ChainHash {
        self.send(&self.stranger, input).await
    }

    /// A call of the token that must succeed.
    async fn send(&self, from: &PrivateKeySigner, input: Vec<u8>) -> ChainHash {
        let nonce =
            self.rpc.call("eth_getTransactionCount", json!([from.address(), "latest"])).await;
        let nonce: U64 = serde_json::from_value(nonce).unwrap();
        let raw = raw_call(
            from,
            self.token.chain_id(),
            calls::address(self.token.address()),
            nonce.to(),
            input,
        );
        let hash = self.rpc.call("eth_sendRawTransaction", json!([raw])).await;
        for _ in 0..100 {
            let receipt = self.rpc.call("eth_getTransactionReceipt", json!([hash])).await;
            if !receipt.is_null() {
                assert_eq!(receipt["status"], "0x1", "a call of the token reverted");
                return ChainHash::parse(hash.as_str().unwrap()).unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{hash} is not mined");
    }
}
