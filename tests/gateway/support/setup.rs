//! What a test wants around it, and how that is started.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use alloy_primitives::U256;
use tokio::sync::Semaphore;

use super::core_process::CoreProcess;
use super::database::on_server;
use super::disk::SmallDisk;
use super::fake_core::FakeCore;
use super::gateway::Settings;
use super::moment::random_bytes;
use super::proof::Terms;
use super::rpc_proxy::RpcProxy;
use super::secrets::Secrets;
use super::stripe::Stripe;
use super::wallet::Wallet;
use super::world::{PRICE, World};
use super::{
    anvil::{ASSET, Anvil, CHAIN_ID},
    processes::Shared,
};

/// Worlds at once on one database server: its hundred connections are for others too.
static PLACES: Semaphore = Semaphore::const_new(7);

/// What a test wants to be different.
#[derive(Default)]
pub struct Setup {
    settings: Settings,
    own_chain: bool,
    proxied: bool,
    embedded: bool,
    cards: bool,
    processes: Option<usize>,
    databases_proxied: bool,
    chain: Option<Arc<Anvil>>,
    stripe: Option<Arc<Stripe>>,
    books: Option<Vec<u8>>,
    disk_megabytes: Option<u32>,
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

    /// Cards are taken too, by the Stripe emulator in this process; its events are off until
    /// `World::hear_events`.
    pub fn cards(mut self) -> Self {
        self.cards = true;
        self
    }

    /// So many processes on the same books, on a database server only. A test that says nothing
    /// gets two there, and one on a file.
    pub fn processes(mut self, count: usize) -> Self {
        assert!(
            count == 1 || on_server(),
            "several processes need a database server: name the test in one_store"
        );
        self.processes = Some(count);
        self
    }

    /// One process on any books: `because` the test looks at what each process has for itself.
    pub fn alone(self, because: &str) -> Self {
        if on_server() {
            println!("one process: {because}");
        }
        self.processes(1)
    }

    /// Each process reaches its database server through a proxy of its own.
    pub fn databases_proxied(mut self) -> Self {
        self.databases_proxied = true;
        self
    }

    /// This node.
    pub fn on_chain(mut self, chain: Arc<Anvil>) -> Self {
        self.chain = Some(chain);
        self
    }

    /// Cards are taken, by this emulator.
    pub fn with_stripe(mut self, stripe: Arc<Stripe>) -> Self {
        self.stripe = Some(stripe);
        self
    }

    /// Books that are there before the first start; see
    /// [`Database::restore`](super::database::Database::restore).
    pub fn on_books(mut self, kept: Vec<u8>) -> Self {
        self.books = Some(kept);
        self
    }

    /// The books, or what a sandbox keeps beside an embedded core, are on a file system of 6 MB.
    pub fn small_disk(self) -> Self {
        self.disk(6)
    }

    /// The same on one of so many megabytes.
    pub fn disk(mut self, megabytes: u32) -> Self {
        self.disk_megabytes = Some(megabytes);
        self
    }

    pub async fn start(self) -> World {
        // A test with books or a cache of its own starts its processes itself.
        let own_stores =
            ["store.url", "cache.url"].iter().any(|key| self.settings.contains_key(*key));
        // Several such worlds are one test's: they would wait for each other.
        let place =
            if on_server() && !own_stores { Some(PLACES.acquire().await.unwrap()) } else { None };
        let count = self.processes.unwrap_or(if on_server() && !own_stores { 2 } else { 1 });
        let chain = node(self.chain, self.own_chain).await;
        let payee = Wallet::random();
        let mut signers: Vec<Wallet> = (0..count).map(|_| Wallet::random()).collect();
        for signer in &signers {
            chain.set_balance(signer.address, U256::from(10).pow(U256::from(18))).await;
        }
        let proxy = if self.proxied { Some(RpcProxy::start(chain.address).await) } else { None };
        let core = if self.embedded { None } else { Some(FakeCore::start().await) };
        let stripe = if self.cards { Some(Arc::new(Stripe::start().await)) } else { self.stripe };
        let secrets = Secrets::default();
        let mut settings =
            chain_settings(proxy.as_ref().map_or_else(|| chain.url(), |p| p.server.url()), &payee);
        settings.extend(core.iter().map(|core| ("upstream.url".to_owned(), core.server.url())));
        // Processes on the same books share what a sandbox would make for each of them.
        settings.extend(
            ["mpp.secret_keys", "mpp.account_key", "mpp.token_keys"]
                .map(|key| (key.to_owned(), hex::encode(random_bytes::<32>()))),
        );
        settings.extend(stripe.iter().flat_map(|stripe| stripe.settings()));
        let disk = self.disk_megabytes.map(SmallDisk::mount);
        settings
            .extend(disk.iter().map(|disk| {
                ("sandbox.dir".to_owned(), disk.path("sandbox").display().to_string())
            }));
        settings.extend(self.settings);
        let core_process = if self.embedded && count > 1 {
            Some(CoreProcess::start(&mut settings).await)
        } else {
            None
        };
        let proxied = self.databases_proxied;
        let shared = Shared { settings, books: self.books, proxied, own_stores };
        let empty_disk = disk.as_ref().filter(|_| !self.embedded);
        let (mut gateways, databases) = shared.spawn(&signers, empty_disk, &secrets).await;
        for gateway in &mut gateways {
            gateway.wait_ready().await;
        }
        World {
            gateway: gateways.remove(0),
            others: gateways,
            turn: AtomicUsize::new(0),
            databases,
            terms: Terms::base_sepolia(payee.address, PRICE),
            signer: signers.remove(0),
            other_signers: signers,
            core,
            core_process,
            proxy,
            stripe,
            chain,
            secrets,
            disk,
            _place: place,
        }
    }
}

async fn node(given: Option<Arc<Anvil>>, own: bool) -> Arc<Anvil> {
    match given {
        Some(chain) => chain,
        None if own => Arc::new(Anvil::start().await),
        None => Anvil::shared().await,
    }
}

/// What all processes share.
fn chain_settings(rpc_url: String, payee: &Wallet) -> Settings {
    let mut settings = Settings::new();
    let mut set = |key: &str, value: String| settings.insert(key.to_owned(), value);
    set("x402.mode", "chain".to_owned());
    set("x402.chain_id", CHAIN_ID.to_string());
    set("x402.rpc_url", rpc_url);
    set("x402.asset", ASSET.to_owned());
    set("x402.pay_to", payee.address.to_checksum(None));
    set("store.seal_key", hex::encode(random_bytes::<32>()));
    set("limits.peer_per_minute", "1000000".to_owned());
    set("limits.refused_cards_per_minute", "1000000".to_owned());
    // A test that wants the books compared says when.
    set("reconcile.every_s", "0".to_owned());
    set("upstream.signing_secret", hex::encode(random_bytes::<32>()));
    settings
}
