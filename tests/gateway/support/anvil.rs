//! A real EVM node: the binary of npm `@foundry-rs/anvil`, with our test token at the address of
//! Base Sepolia's USDC.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::child::{Tethered, free_port};
use super::client::Call;
use super::moment::eventually;
use super::token;

/// Base Sepolia, the only chain a test may look like.
pub const CHAIN_ID: u64 = 84_532;
/// Base Sepolia's USDC.
pub const ASSET: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
/// The node's first development account: pays the gas of everything that is not the gateway's.
pub const STRANGER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

/// The node that tests share while any of them runs. Held weakly: a static is never dropped, a node
/// must be.
static SHARED: LazyLock<tokio::sync::Mutex<Weak<Anvil>>> =
    LazyLock::new(|| tokio::sync::Mutex::new(Weak::new()));

/// A running node.
pub struct Anvil {
    pub address: SocketAddr,
    /// The node counts the stranger's nonces itself, and counts wrongly when two calls come at
    /// once.
    stranger: tokio::sync::Mutex<()>,
    _process: Tethered,
    _dir: TempDir,
}

impl Anvil {
    /// The shared node; tests on it use wallets, signers and payees of their own and never touch
    /// time or mining.
    pub async fn shared() -> Arc<Self> {
        let mut slot = SHARED.lock().await;
        if let Some(node) = slot.upgrade() {
            return node;
        }
        let node = Arc::new(Self::start().await);
        *slot = Arc::downgrade(&node);
        node
    }

    /// A node of one's own.
    pub async fn start() -> Self {
        Self::start_with(CHAIN_ID, &[]).await
    }

    /// The same for another chain.
    pub async fn on(chain_id: u64) -> Self {
        Self::start_with(chain_id, &[]).await
    }

    /// A node of one's own whose first block has this time, in seconds since 1970.
    pub async fn start_at(unix_s: u64) -> Self {
        Self::start_with(CHAIN_ID, &["--timestamp", &unix_s.to_string()]).await
    }

    async fn start_with(chain_id: u64, arguments: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let port = free_port();
        let mut command = Command::new(binary());
        command.args(["--chain-id", &chain_id.to_string(), "--silent"]).args(arguments);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        let process = Tethered::start(command, &dir.path().join("anvil.log"));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let node =
            Self { address, stranger: tokio::sync::Mutex::default(), _process: process, _dir: dir };
        eventually("anvil answers", Duration::from_secs(30), async || {
            node.try_rpc("eth_chainId", json!([])).await.map(|_| ())
        })
        .await;
        node.rpc("anvil_setCode", json!([ASSET, token::runtime_code()])).await;
        node
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One JSON-RPC call that must succeed.
    pub async fn rpc(&self, method: &str, params: Value) -> Value {
        match self.try_rpc(method, params).await {
            Ok(result) => result,
            Err(error) => panic!("{method}: {error}"),
        }
    }

    /// One JSON-RPC call; the node's refusal is the error.
    pub async fn try_rpc(&self, method: &str, params: Value) -> Result<Value, String> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let reply = Call::new("POST", "/").json(&body).try_send(self.address).await?;
        let answer = reply.json();
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(answer["error"].to_string()),
        }
    }

    // Money and accounts.

    pub async fn set_balance(&self, account: Address, wei: U256) {
        self.rpc("anvil_setBalance", json!([account, wei])).await;
    }

    /// Makes `amount` units of the token out of nothing.
    pub async fn mint(&self, to: Address, amount: u64) {
        self.send(token::mint(to, amount)).await;
    }

    /// Sends a call to the token from an account that has nothing to do with the gateway; its
    /// receipt.
    pub async fn send(&self, data: String) -> Value {
        let transaction = json!([{"from": STRANGER, "to": ASSET, "data": data, "gas": "0x7a120"}]);
        let turn = self.stranger.lock().await;
        let hash = self.rpc("eth_sendTransaction", transaction).await;
        drop(turn);
        let receipt = eventually("a receipt", Duration::from_secs(10), async || {
            match self.rpc("eth_getTransactionReceipt", json!([hash])).await {
                Value::Null => Err(format!("{hash} is not mined")),
                receipt => Ok(receipt),
            }
        })
        .await;
        assert_eq!(receipt["status"], "0x1", "a call to the token reverted");
        receipt
    }

    /// What the account holds of the token.
    pub async fn balance(&self, account: Address) -> u64 {
        let call = json!([{"to": ASSET, "data": token::balance_of(account)}, "latest"]);
        quantity(&self.rpc("eth_call", call).await)
    }

    /// How many transactions of the account are in blocks.
    pub async fn tx_count(&self, account: Address) -> u64 {
        quantity(&self.rpc("eth_getTransactionCount", json!([account, "latest"])).await)
    }

    // What happened.

    /// All `Transfer` logs of the token towards `payee`, as (from, value, transaction hash).
    pub async fn transfers_to(&self, payee: Address) -> Vec<(Address, u64, B256)> {
        let topics = json!([token::TRANSFER, null, payee.into_word()]);
        self.logs(topics)
            .await
            .iter()
            .map(|log| {
                let from: B256 = log["topics"][1].as_str().unwrap().parse().unwrap();
                let hash = log["transactionHash"].as_str().unwrap().parse().unwrap();
                (Address::from_word(from), quantity(&log["data"]), hash)
            })
            .collect()
    }

    /// The hashes of the transactions in which this authorization was used.
    pub async fn authorization_used(&self, from: Address, nonce: B256) -> Vec<String> {
        let topics = json!([token::AUTHORIZATION_USED, from.into_word(), nonce]);
        let logs = self.logs(topics).await;
        let hash = |log: &Value| log["transactionHash"].as_str().unwrap().to_lowercase();
        logs.iter().map(hash).collect()
    }

    /// Every use of an authorization, as (payer, nonce, transaction hash).
    pub async fn authorizations_used(&self) -> BTreeSet<(Address, B256, B256)> {
        let logs = self.logs(json!([token::AUTHORIZATION_USED])).await;
        let word = |value: &Value| value.as_str().unwrap().parse::<B256>().unwrap();
        let entry = |log: &Value| {
            (
                Address::from_word(word(&log["topics"][1])),
                word(&log["topics"][2]),
                word(&log["transactionHash"]),
            )
        };
        logs.iter().map(entry).collect()
    }

    async fn logs(&self, topics: Value) -> Vec<Value> {
        let filter = json!([{"address": ASSET, "fromBlock": "0x0", "topics": topics}]);
        let logs = self.rpc("eth_getLogs", filter).await;
        logs.as_array().unwrap().clone()
    }

    // Time and blocks: only on a node of one's own.

    pub async fn set_automine(&self, on: bool) {
        self.rpc("evm_setAutomine", json!([on])).await;
    }

    pub async fn mine(&self, blocks: u64) {
        self.rpc("anvil_mine", json!([format!("{blocks:#x}")])).await;
    }

    /// Moves the chain's time and mines until that moment is safe.
    pub async fn pass_s(&self, seconds: u64) {
        self.rpc("evm_increaseTime", json!([seconds])).await;
        // The node calls a block safe when 32 others are on it.
        self.mine(40).await;
    }

    /// How many transactions of the account are in blocks or wait for one.
    pub async fn pending_count(&self, account: Address) -> u64 {
        quantity(&self.rpc("eth_getTransactionCount", json!([account, "pending"])).await)
    }

    /// Waits until so many transactions of the account are in blocks or wait for one.
    pub async fn until_pending(&self, account: Address, count: u64) {
        let there = async || match self.pending_count(account).await {
            found if found >= count => Ok(()),
            found => Err(format!("{found} transactions")),
        };
        eventually("a transaction waits for its block", Duration::from_secs(20), there).await;
    }

    /// Hands the node a call to the token in the account's name that goes before all others into
    /// the next block.
    pub async fn send_first(&self, from: Address, data: String) {
        self.set_balance(from, U256::from(10).pow(U256::from(18))).await;
        self.rpc("anvil_impersonateAccount", json!([from])).await;
        let tip = U256::from(50_000_000_000_u64);
        let call = json!([{
            "from": from, "to": ASSET, "data": data, "gas": "0x7a120", "maxFeePerGas": tip * U256::from(4), "maxPriorityFeePerGas": tip,
        }]);
        self.rpc("eth_sendTransaction", call).await;
    }

    /// Takes back the newest blocks and makes as many others; `kept` are raw transactions for the
    /// first of them.
    pub async fn reorg(&self, depth: u64, kept: &[String]) {
        let kept: Vec<Value> = kept.iter().map(|raw| json!([raw, 0])).collect();
        self.rpc("anvil_reorg", json!([depth, kept])).await;
    }
}

/// A JSON-RPC quantity.
pub fn quantity(value: &Value) -> u64 {
    let text = value.as_str().unwrap_or("0x0").trim_start_matches("0x");
    let text = text.trim_start_matches('0');
    if text.is_empty() {
        return 0;
    }
    u64::from_str_radix(text, 16).unwrap()
}

/// The node's binary out of the platform package that npm chose for this machine.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("TURNPIKE_ANVIL") {
        return PathBuf::from(path);
    }
    let scope =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/node/node_modules/@foundry-rs");
    let packages = std::fs::read_dir(&scope).into_iter().flatten().flatten();
    let found = packages.map(|entry| entry.path().join("bin/anvil")).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("no anvil below {}: run tests/run once (it installs @foundry-rs/anvil 1.7.1), or set TURNPIKE_ANVIL", scope.display())
    })
}

#[tokio::test]
async fn the_node_carries_the_token_and_moves_it_by_authorization() {
    use super::{Terms, Wallet};
    let node = Anvil::shared().await;
    let (payer, payee) = (Wallet::random(), Wallet::random());
    node.mint(payer.address, 1_000_000).await;
    assert_eq!(node.balance(payer.address).await, 1_000_000);
    let terms = Terms::base_sepolia(payee.address, 550_000);
    let draft = payer.draft(&terms);
    let proof = draft.sign(&payer);
    node.send(token::transfer_with_authorization(&draft, &proof.signature)).await;
    assert_eq!(node.balance(payee.address).await, 550_000);
    let transfers = node.transfers_to(payee.address).await;
    assert_eq!(transfers.len(), 1);
    let used = node.authorization_used(payer.address, draft.nonce).await;
    assert_eq!(used, [transfers[0].2.to_string()]);
}

#[tokio::test]
async fn a_node_of_ones_own_stops_mining_and_goes_on() {
    let node = Anvil::start().await;
    node.set_automine(false).await;
    let before = quantity(&node.rpc("eth_blockNumber", json!([])).await);
    node.mine(2).await;
    let after = quantity(&node.rpc("eth_blockNumber", json!([])).await);
    assert_eq!(after, before + 2);
}
