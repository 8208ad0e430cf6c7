//! A gateway with everything around it, and the sentences that the tests are written in.

use std::sync::Arc;

use alloy_primitives::U256;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::anvil::{ASSET, Anvil, CHAIN_ID};
use super::audit::{number, text};
use super::fake_core::FakeCore;
use super::gateway::{Gateway, Settings};
use super::moment::random_bytes;
use super::proof::{Header, Proof, Terms};
use super::rpc_proxy::RpcProxy;
use super::secrets::Secrets;
use super::stripe::Stripe;
use super::{Call, Reply, Wallet};

/// A launch's price in units of USDC.
pub const PRICE: u64 = 550_000;
/// Obligations in these states are owed; a used or refunded one is not.
const OWED: [&str; 4] = ["open", "reserved", "refund_due", "refund_sent"];

/// Settings that must never be seen again.
const SECRET_SETTINGS: [&str; 8] = [
    "x402.signer_key",
    "store.seal_key",
    "upstream.signing_secret",
    "stripe.secret_key",
    "stripe.webhook_secret",
    "mpp.secret_keys",
    "mpp.account_key",
    "mpp.token_keys",
];

/// What a test wants to be different.
#[derive(Default)]
pub struct Setup {
    settings: Settings,
    own_chain: bool,
    proxied: bool,
    embedded: bool,
    cards: bool,
}

impl Setup {
    /// Five free launches a month, then the price.
    pub fn new() -> Self {
        Self::default()
    }

    /// No free launches: the first creation is paid.
    pub fn paid() -> Self {
        Self::new().set("pricing.free_launches_per_month", "0")
    }

    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// A node that no other test sees.
    pub fn own_chain(mut self) -> Self {
        self.own_chain = true;
        self
    }

    /// The gateway reaches the node through the proxy.
    pub fn proxied(mut self) -> Self {
        self.proxied = true;
        self
    }

    /// The built-in launch core in the place of the fake one.
    pub fn embedded(mut self) -> Self {
        self.embedded = true;
        self
    }

    /// Cards are taken too, by the Stripe emulator in this process; its events are off until `World::hear_events`.
    pub fn cards(mut self) -> Self {
        self.cards = true;
        self
    }

    pub async fn start(self) -> World {
        let chain = if self.own_chain { Arc::new(Anvil::start().await) } else { Anvil::shared().await };
        let (signer, payee) = (Wallet::random(), Wallet::random());
        let one_ether = U256::from(10).pow(U256::from(18));
        chain.set_balance(signer.address, one_ether).await;
        let proxy = match self.proxied {
            true => Some(RpcProxy::start(chain.address).await),
            false => None,
        };
        let core = match self.embedded {
            true => None,
            false => Some(FakeCore::start().await),
        };
        let stripe = match self.cards {
            true => Some(Stripe::start().await),
            false => None,
        };
        let secrets = Secrets::default();
        let rpc_url = proxy.as_ref().map_or_else(|| chain.url(), |p| p.server.url());
        let mut settings = Settings::new();
        let mut set = |key: &str, value: String| settings.insert(key.to_owned(), value);
        set("x402.mode", "chain".to_owned());
        set("x402.chain_id", CHAIN_ID.to_string());
        set("x402.rpc_url", rpc_url);
        set("x402.asset", ASSET.to_owned());
        set("x402.pay_to", payee.address.to_checksum(None));
        set("x402.signer_key", signer.key_hex());
        set("store.seal_key", hex::encode(random_bytes::<32>()));
        set("limits.peer_per_minute", "1000000".to_owned());
        set("upstream.signing_secret", hex::encode(random_bytes::<32>()));
        if let Some(core) = &core {
            set("upstream.url", core.server.url());
        }
        settings.extend(stripe.iter().flat_map(Stripe::settings));
        settings.extend(self.settings);
        settings.iter().filter(|(key, _)| SECRET_SETTINGS.contains(&key.as_str())).for_each(|(_, value)| secrets.add(value));
        World {
            gateway: Gateway::start(settings).await,
            terms: Terms::base_sepolia(payee.address, PRICE),
            signer,
            core,
            proxy,
            stripe,
            chain,
            secrets,
        }
    }
}

/// The gateway and what surrounds it; dropped in this order.
pub struct World {
    pub gateway: Gateway,
    pub terms: Terms,
    pub signer: Wallet,
    pub core: Option<FakeCore>,
    pub proxy: Option<RpcProxy>,
    pub stripe: Option<Stripe>,
    pub chain: Arc<Anvil>,
    pub secrets: Secrets,
}

/// What the books and the world hold, in totals.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub settlements: usize,
    /// Transactions of the gateway's signer in blocks.
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

    /// Sends a request and remembers its credentials for the search for leaks.
    pub async fn send(&self, call: Call) -> Reply {
        for (name, value) in &call.headers {
            self.secrets.add_header(name, value);
        }
        let reply = call.send(self.gateway.address).await;
        if let Some(token) = reply.header("x-agent-token") {
            self.secrets.add(token);
        }
        reply
    }

    /// Sends a request and goes on; its answer comes later, or never if the gateway goes away.
    pub fn begin(&self, call: Call) -> JoinHandle<Result<Reply, String>> {
        for (name, value) in &call.headers {
            self.secrets.add_header(name, value);
        }
        let address = self.gateway.address;
        tokio::spawn(async move { call.try_send(address).await })
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
        Totals {
            settlements: audit.view("settlements").await.len(),
            transactions: self.chain.tx_count(self.signer.address).await,
            free_slots: audit.view("free_slots").await.len(),
            launches: match &self.core {
                Some(core) => core.launch_count(),
                None => created.count(),
            },
            charges: self.stripe.as_ref().map_or(0, |stripe| stripe.succeeded().len()),
            credits: audit.view("credits").await.iter().map(|account| number(account, "balance")).sum(),
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
