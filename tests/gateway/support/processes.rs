//! The processes of one world.

use super::{
    disk::SmallDisk,
    gateway::{Gateway, Settings},
    postgres_proxy::PostgresProxy,
    secrets::Secrets,
    wallet::Wallet,
};

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

/// A gateway that has not been started: its books on this disk, or wherever they are; those that
/// are given are there before it starts.
async fn prepare(settings: Settings, books: Option<&[u8]>, disk: Option<&SmallDisk>) -> Gateway {
    let gateway = match (disk, books) {
        (Some(disk), _) => Gateway::prepare_at(disk.path("turnpike.db"), settings),
        (None, None) => Gateway::prepare_migrated(settings),
        (None, Some(_)) => Gateway::prepare(settings),
    };
    if let Some(kept) = books {
        gateway.database.restore(kept).await;
    }
    gateway
}

/// The cache that processes share, as `TURNPIKE_TEST_REDIS` names it.
fn redis() -> String {
    std::env::var("TURNPIKE_TEST_REDIS").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned())
}

/// What the processes of one world have in common.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) books: Option<Vec<u8>>,
    pub(super) proxied: bool,
    pub(super) own_stores: bool,
}

impl Shared {
    /// Starts a process for each signer; none is ready yet.
    pub(super) async fn spawn(
        &self,
        signers: &[Wallet],
        disk: Option<&SmallDisk>,
        secrets: &Secrets,
    ) -> (Vec<Gateway>, Vec<PostgresProxy>) {
        let (mut gateways, mut databases) = (Vec::<Gateway>::new(), Vec::new());
        for signer in signers {
            let mut own = Settings::from([("x402.signer_key".to_owned(), signer.key_hex())]);
            own.extend(self.settings.clone());
            let hidden = own.iter().filter(|(key, _)| SECRET_SETTINGS.contains(&key.as_str()));
            hidden.for_each(|(_, value)| secrets.add(value));
            let mut gateway = match gateways.first() {
                None => prepare(own, self.books.as_deref(), disk).await,
                Some(first) => first.beside(own),
            };
            if self.proxied {
                let proxy = PostgresProxy::start().await;
                gateway.set("store.url", &gateway.database.url_by(proxy.address()));
                databases.push(proxy);
            }
            if let (Some(name), false) =
                (gateway.database.name().map(str::to_owned), self.own_stores)
            {
                gateway.set("cache.url", &redis());
                gateway.set("cache.prefix", &format!("{name}:"));
            }
            gateway.spawn();
            gateways.push(gateway);
        }
        (gateways, databases)
    }
}
