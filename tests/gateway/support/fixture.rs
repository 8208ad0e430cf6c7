//! The world in which books of an earlier version were left; see `tests/fixtures/README.md`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};

use super::anvil::Anvil;
use super::clock_file::ClockFile;
use super::database::on_server;
use super::setup::Setup;
use super::stripe::Stripe;
use super::world::{PRICE, World};
use super::{Call, Terms, Wallet};

/// Longer than the lease of a process that was killed.
const LATER_MS: i64 = 35_000;

/// What is kept of one version, for the kind of books of this run.
pub struct Fixture {
    about: Value,
    pub books: Vec<u8>,
    chain: Vec<u8>,
    stripe: Vec<u8>,
}

/// A payment as it was left.
pub struct KeptPayment {
    pub label: String,
    /// The word of its state.
    pub state: String,
    pub id: String,
    /// The request that made it.
    pub call: Call,
}

/// The gateway on a copy of the books, with what must live as long as it does.
pub struct Restored {
    pub world: World,
    pub clock: ClockFile,
    _dir: tempfile::TempDir,
}

impl Fixture {
    /// The books of this commit.
    pub fn of(commit: &str) -> Self {
        let kind = if on_server() { "postgres" } else { "sqlite" };
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(commit).join(kind);
        Self {
            about: serde_json::from_slice(&unpacked(&folder.join("about.json.gz"))).unwrap(),
            books: unpacked(&folder.join("books.gz")),
            chain: std::fs::read(folder.join("chain.json.gz")).unwrap(),
            stripe: unpacked(&folder.join("stripe.log.gz")),
        }
    }

    /// Every payment that was under way or ended in a way of its own.
    pub fn payments(&self) -> Vec<KeptPayment> {
        self.about["payments"].as_array().unwrap().iter().map(KeptPayment::read).collect()
    }

    /// A wallet by its name in the fixture.
    pub fn wallet(&self, name: &str) -> Wallet {
        Wallet::from_hex(self.about["wallets"][name].as_str().unwrap())
    }

    /// Starts a gateway on a copy, soon after the other one was killed.
    pub async fn start(&self) -> Restored {
        let now_ms = self.about["taken_at_ms"].as_i64().unwrap() + LATER_MS;
        let clock = ClockFile::start(now_ms);
        let chain = Anvil::start_at(u64::try_from(now_ms / 1_000).unwrap()).await;
        chain.rpc("anvil_loadState", json!([format!("0x{}", hex::encode(&self.chain))])).await;
        let dir = tempfile::TempDir::new().unwrap();
        std::fs::write(dir.path().join("stripe.log"), &self.stripe).unwrap();
        let stripe = Stripe::kept_in(PathBuf::from(dir.path()), clock.reader()).await;
        let mut setup = Setup::paid()
            .alone("the books are one process's")
            .set("server.answer_deadline_s", "5")
            .set("test.clock_file", &clock.path.display().to_string())
            .on_chain(Arc::new(chain))
            .with_stripe(Arc::new(stripe))
            .on_books(self.books.clone())
            .proxied();
        let settings = self.about["settings"].as_object().unwrap();
        for (key, value) in settings {
            setup = setup.set(key, value.as_str().unwrap());
        }
        let mut world = setup.start().await;
        world.terms =
            Terms::base_sepolia(settings["x402.pay_to"].as_str().unwrap().parse().unwrap(), PRICE);
        world.signer = Wallet::from_hex(settings["x402.signer_key"].as_str().unwrap());
        Restored { world, clock, _dir: dir }
    }
}

impl KeptPayment {
    fn read(kept: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut call =
            Call::new(kept["method"].as_str().unwrap(), kept["target"].as_str().unwrap())
                .bytes(text(&kept["body"]));
        for header in kept["headers"].as_array().unwrap() {
            call = call.header(header[0].as_str().unwrap(), header[1].as_str().unwrap());
        }
        Self {
            label: text(&kept["label"]),
            state: text(&kept["state"]),
            id: text(&kept["payment_id"]),
            call,
        }
    }
}

fn unpacked(path: &Path) -> Vec<u8> {
    let output = Command::new("gzip")
        .arg("-dc")
        .arg(path)
        .output()
        .unwrap_or_else(|error| panic!("gzip: {error}"));
    assert!(
        output.status.success(),
        "{}: {}",
        path.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
