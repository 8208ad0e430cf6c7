//! The suite on anvil (npm `@foundry-rs/anvil`): an EVM node that shares no code with ours.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use alloy_primitives::{Address, U256};
use async_trait::async_trait;
use payments::{agent::Wallet, x402::offer::Token};
use serde_json::{Value, json};

use super::{TestChain, rail_suite, rpc::Rpc};

const CHAIN_ID: u64 = 84_532;
const USDC: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";

struct Anvil {
    rpc: Rpc,
    url: String,
    process: Child,
}

#[tokio::test]
async fn the_rail_keeps_its_promises_on_anvil() {
    rail_suite(&Anvil::start().await).await;
}

impl Anvil {
    /// The node picks its own port: one that was free a moment ago may be somebody else's by now.
    async fn start() -> Self {
        // With one slot per epoch the safe block is one block behind, and not 32.
        let arguments =
            format!("--chain-id {CHAIN_ID} --host 127.0.0.1 --port 0 --slots-in-an-epoch 1");
        let mut process = Command::new(binary())
            .args(arguments.split(' '))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned))
            .unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let url = format!("http://{address}");
        let anvil = Self { rpc: Rpc::new(&url), url, process };
        let code = std::fs::read_to_string(root().join("contracts/usdc/TestUsdc.bin")).unwrap();
        let code = format!("0x{}", code.trim().trim_start_matches("0x"));
        anvil.call("anvil_setCode", json!([USDC, code])).await;
        anvil
    }

    async fn call(&self, method: &'static str, params: Value) {
        self.rpc.call(method, params).await;
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[async_trait]
impl TestChain for Anvil {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn token(&self) -> Token {
        Token::new(Wallet::parse(USDC).unwrap(), "USDC", "2", CHAIN_ID)
    }

    async fn give_gas(&self, account: Address) {
        self.call("anvil_setBalance", json!([account, U256::from(10_u64.pow(18))])).await;
    }

    async fn pass_s(&self, seconds: u64) {
        self.call("evm_increaseTime", json!([seconds])).await;
        self.call("anvil_mine", json!(["0x3"])).await;
    }

    async fn hold(&self, on: bool) {
        self.call("evm_setAutomine", json!([!on])).await;
        if !on {
            self.call("anvil_mine", json!(["0x1"])).await;
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The binary that the environment names, or the one in the platform package that npm chose for
/// this machine.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("TURNPIKE_ANVIL") {
        return path.into();
    }
    let scope = root().join("tests/clients/node/node_modules/@foundry-rs");
    let packages = std::fs::read_dir(&scope).into_iter().flatten().flatten();
    let found =
        packages.map(|package| package.path().join("bin/anvil")).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("no anvil: run npm ci in tests/clients/node, or set TURNPIKE_ANVIL")
    })
}
