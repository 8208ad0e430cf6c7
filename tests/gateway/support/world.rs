//! A gateway with everything around it, and the sentences that the tests are written in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::anvil::Anvil;
use super::audit::{number, text};
use super::core_process::CoreProcess;
use super::disk::SmallDisk;
use super::fake_core::FakeCore;
use super::gateway::Gateway;
use super::postgres_proxy::PostgresProxy;
use super::proof::{Header, Proof, Terms};
use super::rpc_proxy::RpcProxy;
use super::secrets::Secrets;
pub use super::setup::Setup;
use super::stripe::Stripe;
use super::trap::Trap;
use super::{Call, Reply, Wallet};

/// A launch's price in units of USDC.
pub const PRICE: u64 = 550_000;
/// Obligations in these states are owed; a used or refunded one is not.
const OWED: [&str; 4] = ["open", "reserved", "refund_due", "refund_sent"];

/// The gateway and what surrounds it; dropped in this order.
pub struct World {
    /// The process that is meant where a test kills, drains or looks into one.
    pub gateway: Gateway,
    /// The other processes on the same books.
    pub others: Vec<Gateway>,
    pub(super) turn: AtomicUsize,
    /// The way to the books of each process in turn, where that was asked for.
    pub databases: Vec<PostgresProxy>,
    pub terms: Terms,
    /// The signer of `gateway`.
    pub signer: Wallet,
    pub other_signers: Vec<Wallet>,
    pub core: Option<FakeCore>,
    pub core_process: Option<CoreProcess>,
    pub proxy: Option<RpcProxy>,
    pub stripe: Option<Arc<Stripe>>,
    pub chain: Arc<Anvil>,
    pub secrets: Secrets,
    /// Where the books are, if that was asked for.
    pub disk: Option<SmallDisk>,
    /// Its place among the worlds that a database server can hold at once.
    pub(super) _place: Option<tokio::sync::SemaphorePermit<'static>>,
}

/// What the books and the world hold, in totals.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub settlements: usize,
    /// Transactions of the gateways' signers in blocks.
    pub transactions: u64,
    pub free_slots: usize,
    /// At the core.
    pub launches: usize,
    /// Owed to somebody.
    pub obligations: usize,
    /// Payment intents at Stripe that took money.
    pub charges: usize,
    /// Credits that can be spent, of all accounts.
    pub credits: i128,
}

impl World {
    /// Five free launches, the fake core, the shared node.
    pub async fn start() -> Self {
        Setup::new().start().await
    }

    /// A new agent with ten dollars in its wallet.
    pub async fn agent(&self) -> Wallet {
        self.agent_with(10_000_000).await
    }

    /// A new agent with so many units of USDC.
    pub async fn agent_with(&self, units: u64) -> Wallet {
        let wallet = Wallet::random();
        self.chain.mint(wallet.address, units).await;
        self.secrets.add(&wallet.key_hex());
        wallet
    }

    pub fn core(&self) -> &FakeCore {
        self.core.as_ref().unwrap()
    }

    pub fn proxy(&self) -> &RpcProxy {
        self.proxy.as_ref().unwrap()
    }

    /// Every process, running or not.
    pub fn gateways(&self) -> impl Iterator<Item = &Gateway> {
        std::iter::once(&self.gateway).chain(&self.others)
    }

    pub fn gateways_mut(&mut self) -> impl Iterator<Item = &mut Gateway> {
        std::iter::once(&mut self.gateway).chain(&mut self.others)
    }

    /// The process whose turn it is, of those that run.
    pub fn next(&self) -> &Gateway {
        let running: Vec<&Gateway> = self.gateways().filter(|gateway| gateway.runs()).collect();
        running[self.turn.fetch_add(1, Ordering::Relaxed) % running.len()]
    }

    /// Sends a request to the next process and remembers its credentials for the search for leaks.
    pub async fn send(&self, call: Call) -> Reply {
        self.send_to(self.next(), call).await
    }

    /// Sends a request to this process.
    pub async fn send_to(&self, gateway: &Gateway, call: Call) -> Reply {
        for (name, value) in &call.headers {
            self.secrets.add_header(name, value);
        }
        let reply = call.send(gateway.address).await;
        if let Some(token) = reply.header("x-agent-token") {
            self.secrets.add(token);
        }
        reply
    }

    /// Sends a request to `gateway` and goes on; its answer comes later, or never if the gateway
    /// goes away.
    pub fn begin(&self, call: Call) -> JoinHandle<Result<Reply, String>> {
        for (name, value) in &call.headers {
            self.secrets.add_header(name, value);
        }
        let address = self.gateway.address;
        tokio::spawn(async move { call.try_send(address).await })
    }

    /// Sends a request until it comes to the trap. What a busy machine answers with "not now"
    /// before that is sent again, as its client would.
    pub async fn send_until(&self, call: &Call, trap: &mut Trap) {
        loop {
            let mut request = self.begin(call.clone());
            let reply = tokio::select! {
                biased;
                () = trap.reached() => return,
                reply = &mut request => reply.unwrap(),
            };
            if !reply.is_ok_and(|reply| reply.status == 503) {
                return trap.reached().await;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// A fresh proof of the wallet for a launch.
    pub fn proof(&self, wallet: &Wallet) -> Proof {
        wallet.draft(&self.terms).sign(wallet)
    }

    /// A fresh proof over nothing: who the wallet is.
    pub fn identity(&self, wallet: &Wallet) -> Proof {
        wallet.draft(&self.terms.asking(0)).sign(wallet)
    }

    /// `POST /launches` with this header.
    pub async fn create(&self, proof: &Header, body: &Value) -> Reply {
        self.send(creation(proof, body)).await
    }

    /// `POST /launches` with a fresh proof of the wallet.
    pub async fn launch(&self, wallet: &Wallet, title: &str) -> Reply {
        self.create(&self.proof(wallet).v2(), &launch(title)).await
    }

    /// A free route with a fresh proof of the wallet.
    pub async fn ask(&self, wallet: &Wallet, method: &str, target: &str) -> Reply {
        let (name, value) = self.identity(wallet).v2();
        let call = Call::new(method, target).header(name, &value);
        match method {
            "PATCH" => self.send(call.json(&json!({"name": "changed"}))).await,
            _ => self.send(call).await,
        }
    }

    /// Stripe tells the gateway what happens from now on.
    pub fn hear_events(&self) {
        let url = format!("http://{}/webhooks/stripe", self.gateway.address);
        self.stripe().emulator.set_webhook(Some(&url)).unwrap();
    }

    /// What is there now.
    pub async fn totals(&self) -> Totals {
        let audit = self.gateway.audit();
        let owed = audit.view("obligations").await;
        let created = audit.view("intents").await;
        let created = created.iter().filter(|i| !text(i, "launch_id").is_empty());
        let mut transactions = 0;
        for signer in std::iter::once(&self.signer).chain(&self.other_signers) {
            transactions += self.chain.tx_count(signer.address).await;
        }
        Totals {
            settlements: audit.view("settlements").await.len(),
            transactions,
            free_slots: audit.view("free_slots").await.len(),
            launches: match &self.core {
                Some(core) => core.launch_count(),
                None => created.count(),
            },
            charges: self.stripe.as_ref().map_or(0, |stripe| stripe.succeeded().len()),
            credits: audit
                .view("credits")
                .await
                .iter()
                .map(|account| number(account, "balance"))
                .sum(),
            obligations: owed.iter().filter(|o| OWED.contains(&text(o, "state").as_str())).count(),
        }
    }

    /// The totals are these, and everything that must always be true is true.
    pub async fn settles_at(&self, expected: Totals) {
        super::oracle::check(self).await;
        assert_eq!(self.totals().await, expected);
    }
}

/// A `POST /launches` with this header and body.
pub fn creation(proof: &Header, body: &Value) -> Call {
    Call::new("POST", "/launches").header(proof.0, &proof.1).json(body)
}

/// A body that every core accepts.
pub fn launch(title: &str) -> Value {
    json!({
        "title": title, "product_description": "a widget that pays for itself", "platforms": ["twitter", "linkedin"],
    })
}
