//! A chain in a folder of its own, a clock that is moved by hand, and signed transactions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy_consensus::{SignableTransaction, Signed, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, address, keccak256};
use alloy_sol_types::{Eip712Domain, SolCall, SolStruct as _, eip712_domain, sol};
use sandbox::chain::{Chain, ChainConfig, ChainError};
use sandbox::wallet::{DevWallet, Signer};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const CHAIN_ID: u64 = 84532;
pub const TOKEN: Address = address!("036CbD53842c5426634e7929541eC2318f3dCF7e");
pub const NOW: u64 = 1_767_225_600;
pub const START_UNITS: u64 = 1_000_000_000;

sol! {
    #[derive(Debug)]
    struct TransferWithAuthorization {
        address from; address to; uint256 value; uint256 validAfter; uint256 validBefore; bytes32 nonce;
    }
    #[derive(Debug)]
    struct ReceiveWithAuthorization {
        address from; address to; uint256 value; uint256 validAfter; uint256 validBefore; bytes32 nonce;
    }
    #[derive(Debug)]
    struct CancelAuthorization { address authorizer; bytes32 nonce; }

    interface Usdc {
        function name() external view returns (string);
        function version() external view returns (string);
        function decimals() external view returns (uint8);
        function totalSupply() external view returns (uint256);
        function DOMAIN_SEPARATOR() external view returns (bytes32);
        function balanceOf(address) external view returns (uint256);
        function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);
        function mint(address to, uint256 amount) external returns (bool);
        function pause() external;
        function unpause() external;
        function blacklist(address account) external;
        function unBlacklist(address account) external;
        function transfer(address to, uint256 value) external returns (bool);
        function approve(address spender, uint256 value) external returns (bool);
        function transferFrom(address from, address to, uint256 value) external returns (bool);
    }
    interface SettleByParts {
        function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
        function receiveWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
        function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
    }
    interface SettleByBytes {
        function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature) external;
        function cancelAuthorization(address authorizer, bytes32 nonce, bytes signature) external;
    }
}

pub struct TestChain {
    pub chain: Chain,
    pub time: Arc<AtomicU64>,
    pub dir: TempDir,
}

impl TestChain {
    pub fn new() -> Self {
        let time = Arc::new(AtomicU64::new(NOW));
        let dir = tempfile::tempdir().unwrap();
        let chain = open(config(&dir), &time).unwrap();
        Self { chain, time, dir }
    }

    /// Drops the chain without closing anything and opens its folder again.
    pub fn reopen(self) -> Self {
        let Self { chain, time, dir } = self;
        drop(chain);
        let chain = open(config(&dir), &time).unwrap();
        Self { chain, time, dir }
    }

    pub fn answer(&self, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.chain.rpc(request)
    }

    pub fn ask(&self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        let result = answer.get("result").cloned();
        result.unwrap_or_else(|| panic!("{method}: {answer}"))
    }

    pub fn error(&self, method: &str, params: Value) -> (i64, String) {
        let answer = self.answer(method, params);
        let error = answer.get("error").unwrap_or_else(|| panic!("{answer}"));
        let text = error["message"].as_str().unwrap().to_owned();
        (error["code"].as_i64().unwrap(), text)
    }

    /// A read-only call of the token.
    pub fn view<C: SolCall>(&self, call: C) -> C::Return {
        let request = json!({"to": TOKEN, "data": Bytes::from(call.abi_encode())});
        let data: Bytes = parse(self.ask("eth_call", json!([request, "latest"])));
        C::abi_decode_returns(&data).unwrap()
    }

    pub fn units(&self, holder: Address) -> u64 {
        self.view(Usdc::balanceOfCall(holder)).to()
    }

    /// Whether the token counts the nonce as used or cancelled.
    pub fn used(&self, a: &TransferWithAuthorization) -> bool {
        let (authorizer, nonce) = (a.from, a.nonce);
        self.view(Usdc::authorizationStateCall { authorizer, nonce })
    }

    pub fn nonce(&self, of: Address) -> u64 {
        let nonce: U256 = parse(self.ask("eth_getTransactionCount", json!([of, "latest"])));
        nonce.to()
    }

    /// Sends a call of the token from a development wallet; its receipt.
    pub fn settle(&self, from: u32, call: &impl SolCall) -> Value {
        let wallet = dev(from);
        let tx = token_tx(self.nonce(wallet.address()), call.abi_encode());
        let hash = self.ask("eth_sendRawTransaction", json!([raw(tx, &wallet)]));
        self.ask("eth_getTransactionReceipt", json!([hash]))
    }

    /// What the token says to a call that it refuses, by `eth_call`; the mined one must fail too.
    pub fn refusal(&self, from: u32, call: &impl SolCall) -> String {
        let request = json!({"from": dev(from).address(), "to": TOKEN, "data": Bytes::from(call.abi_encode())});
        let (code, text) = self.error("eth_call", json!([request, "latest"]));
        assert_eq!(code, 3, "{text}");
        assert_eq!(self.error("eth_estimateGas", json!([request])).1, text);
        let before = self.nonce(dev(from).address());
        let receipt = self.settle(from, call);
        assert_eq!(receipt["status"], "0x0");
        assert_eq!(receipt["logs"], json!([]));
        assert_eq!(self.nonce(dev(from).address()), before + 1);
        let words = text.strip_prefix("execution reverted: ").unwrap();
        words.to_owned()
    }
}

pub fn config(dir: &TempDir) -> ChainConfig {
    let eth = U256::from(10).pow(U256::from(18));
    ChainConfig {
        dir: dir.path().join("chain"),
        chain_id: CHAIN_ID,
        token: TOKEN,
        eth_accounts: DevWallet::all().map(|w| (w.address(), eth)).collect(),
        usdc_accounts: DevWallet::all().map(|w| (w.address(), START_UNITS)).collect(),
    }
}

pub fn open(config: ChainConfig, time: &Arc<AtomicU64>) -> Result<Chain, ChainError> {
    let time = time.clone();
    Chain::open(config, Arc::new(move || time.load(Ordering::SeqCst)))
}

pub fn dev(n: u32) -> Signer {
    DevWallet::from_index(n).unwrap().signer().clone()
}

pub fn parse<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

pub fn token_tx(nonce: u64, input: Vec<u8>) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 3_000_000,
        max_priority_fee_per_gas: 1_000_000,
        to: TxKind::Call(TOKEN),
        input: input.into(),
        ..TxEip1559::default()
    }
}

/// Signed and encoded, as `eth_sendRawTransaction` takes it.
pub fn raw<T>(tx: T, signer: &Signer) -> Bytes
where
    T: SignableTransaction<Signature>,
    TxEnvelope: From<Signed<T>>,
{
    let bytes = signer.sign_digest(tx.signature_hash());
    let signature = Signature::from_raw_array(&bytes).unwrap();
    let tx = TxEnvelope::from(tx.into_signed(signature));
    tx.encoded_2718().into()
}

pub fn hash_of(raw: &Bytes) -> B256 {
    keccak256(raw)
}

pub fn domain() -> Eip712Domain {
    eip712_domain! { name: "USDC", version: "2", chain_id: CHAIN_ID, verifying_contract: TOKEN, }
}

/// 0.55 USDC from a development wallet to number 1, valid around [`NOW`].
pub fn authorization(from: Address, nonce: u8) -> TransferWithAuthorization {
    TransferWithAuthorization {
        from,
        to: dev(1).address(),
        value: U256::from(550_000),
        validAfter: U256::from(NOW - 600),
        validBefore: U256::from(NOW + 300),
        nonce: B256::repeat_byte(nonce),
    }
}

pub fn sign(authorization: &TransferWithAuthorization, signer: &Signer) -> [u8; 65] {
    signer.sign_digest(authorization.eip712_signing_hash(&domain()))
}

pub fn by_parts(
    a: &TransferWithAuthorization,
    signature: [u8; 65],
) -> SettleByParts::transferWithAuthorizationCall {
    SettleByParts::transferWithAuthorizationCall {
        from: a.from,
        to: a.to,
        value: a.value,
        validAfter: a.validAfter,
        validBefore: a.validBefore,
        nonce: a.nonce,
        v: signature[64],
        r: B256::from_slice(&signature[..32]),
        s: B256::from_slice(&signature[32..64]),
    }
}

pub fn by_bytes(
    a: &TransferWithAuthorization,
    signature: &[u8],
) -> SettleByBytes::transferWithAuthorizationCall {
    SettleByBytes::transferWithAuthorizationCall {
        from: a.from,
        to: a.to,
        value: a.value,
        validAfter: a.validAfter,
        validBefore: a.validBefore,
        nonce: a.nonce,
        signature: Bytes::copy_from_slice(signature),
    }
}
