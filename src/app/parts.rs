//! The parts that the wiring puts together, each from its section of the configuration.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use payments::{
    agent::Wallet,
    checkout::World,
    ports::{ChainRail, RailError, Sealer},
    x402::requirements::Token,
};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::keys::{KeysError, SandboxKeys};
use crate::{
    api::{Api, ChallengeError},
    books::sqlite::OpenError,
    cache::memory::MemoryProofs,
    clock::{self, SystemClock},
    config::{Config, UpstreamUrl, X402Mode},
    rails::base::{BaseConfig, BaseConfigError, BaseRail},
    seal::AeadSealer,
    upstream::{
        launch_core::CoreError,
        profile::{LaunchPrices, Ownership, Profile, ProfileError},
    },
    worker::rounds::Housekeeping,
};

/// Between two sweeps of what the limiters no longer need.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// Between two questions to the chain node whether it is still the configured chain's.
const WATCH_CHAIN_EVERY: Duration = Duration::from_secs(5);

/// A part that could not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A price or count that cannot be.
    #[error("{0}")]
    Setting(String),
    /// A listener's address.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The sandbox's keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The books.
    #[error(transparent)]
    Books(#[from] OpenError),
    /// The embedded core.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The rail's configuration.
    #[error(transparent)]
    Rail(#[from] BaseConfigError),
    /// The chain is another one than configured.
    #[error(transparent)]
    Chain(#[from] RailError),
    /// A challenge that does not fit.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// The sandbox chain.
    #[cfg(feature = "sandbox")]
    #[error(transparent)]
    Sandbox(#[from] sandbox::chain::ChainError),
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] clock::NoRandomness),
}

impl AppError {
    /// Whether books were asked for that were never kept.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Books(OpenError::Missing(_)))
    }
}

/// What moves money, and what must be known to ask for it.
pub(super) struct Money {
    pub(super) rail: Arc<BaseRail>,
    pub(super) proofs: Arc<MemoryProofs>,
    pub(super) token: Token,
    pub(super) pay_to: Wallet,
    /// The node's address where it is the sandbox's own; a configured one may hold credentials.
    pub(super) shown_rpc_url: String,
}

/// The rail to the configured chain, with the sandbox chain in front where that is the mode.
pub(super) async fn money(
    config: &Config,
    clock: &SystemClock,
    stop: &CancellationToken,
    tasks: &mut Vec<JoinHandle<()>>,
) -> Result<Money, AppError> {
    let sandbox = config.x402.mode == X402Mode::Sandbox;
    let keys = match sandbox || config.store.seal_key.is_empty() {
        true => Some(SandboxKeys::load_or_make(&config.sandbox.dir)?),
        false => None,
    };
    let terms = terms(config, keys.as_ref())?;
    let rpc_url = match sandbox {
        true => sandbox_rpc(config, clock, &address_of(&terms.signer_key)?, &terms.token, stop, tasks).await?,
        false => config.x402.rpc_url.expose().to_owned(),
    };
    let rail = terms.rail(config, &rpc_url)?;
    match rail.start_up_check().await {
        Ok(()) => {}
        // A node that is down is not a reason to lose the answers of finished payments; readiness says so until it is back.
        Err(RailError::Unreachable(why)) => tracing::warn!(why, "rail.unreachable_at_start"),
        Err(wrong) => return Err(wrong.into()),
    }
    let shown_rpc_url = if sandbox { rpc_url } else { String::from("(configured)") };
    Ok(Money { rail: Arc::new(rail), proofs: Arc::default(), token: terms.token, pay_to: terms.pay_to, shown_rpc_url })
}

/// What a rail needs to know beside its node.
pub(super) struct Terms {
    signer_key: [u8; 32],
    token: Token,
    pay_to: Wallet,
    sealer: Arc<dyn Sealer>,
}

/// From the configuration, and from a sandbox's kept keys where it says nothing.
pub(super) fn terms(config: &Config, keys: Option<&SandboxKeys>) -> Result<Terms, AppError> {
    let x402 = &config.x402;
    let kept = |chosen: &str, kept: fn(&SandboxKeys) -> &String| match (chosen.is_empty(), keys) {
        (true, Some(keys)) => kept(keys).clone(),
        _ => chosen.to_owned(),
    };
    let signer_key = key_bytes(&kept(x402.signer_key.expose(), |keys| &keys.signer_key), "x402.signer_key")?;
    let pay_to = match (x402.pay_to.0, keys) {
        (Some(address), _) => Wallet::new(address.into_array()),
        (None, Some(keys)) => address_of(&key_bytes(&keys.pay_to_key, "keys.toml")?)?,
        (None, None) => return Err(AppError::Setting(String::from("x402.pay_to is not set"))),
    };
    let asset = x402.asset.0.ok_or_else(|| AppError::Setting(String::from("x402.asset is not set")))?;
    let token = Token::new(Wallet::new(asset.into_array()), &x402.domain_name, &x402.domain_version, x402.chain_id);
    let sealer = Arc::new(AeadSealer::new(&seal_key(&kept(config.store.seal_key.expose(), |keys| &keys.seal_key))));
    Ok(Terms { signer_key, token, pay_to, sealer })
}

impl Terms {
    /// A rail to this node.
    pub(super) fn rail(&self, config: &Config, rpc_url: &str) -> Result<BaseRail, AppError> {
        let x402 = &config.x402;
        let base = BaseConfig {
            rpc_url: rpc_url.to_owned(),
            rpc_timeout_ms: x402.rpc_timeout_ms,
            token: self.token.clone(),
            signer_key: self.signer_key,
            max_fee_per_gas_wei: u128::from(x402.max_fee_gwei).saturating_mul(1_000_000_000),
            confirmations: x402.confirmations,
            fee_bump_after_s: u32::try_from(x402.fee_bump_after_s).unwrap_or(u32::MAX),
        };
        Ok(BaseRail::new(base, Arc::clone(&self.sealer))?)
    }
}

#[cfg(feature = "sandbox")]
async fn sandbox_rpc(
    config: &Config,
    clock: &SystemClock,
    signer: &Wallet,
    token: &Token,
    stop: &CancellationToken,
    tasks: &mut Vec<JoinHandle<()>>,
) -> Result<String, AppError> {
    let listener = listener(config.sandbox.chain_listen).await?;
    let url = format!("http://{}", address(&listener)?);
    tasks.push(super::sandbox_chain::start(&config.sandbox.dir, clock, signer, token, listener, stop.clone())?);
    Ok(url)
}

#[cfg(not(feature = "sandbox"))]
async fn sandbox_rpc(
    _: &Config,
    _: &SystemClock,
    _: &Wallet,
    _: &Token,
    _: &CancellationToken,
    _: &mut Vec<JoinHandle<()>>,
) -> Result<String, AppError> {
    Err(AppError::Setting(String::from("this build has no sandbox; set x402.mode = \"chain\"")))
}

/// The profile with the configuration's prices.
pub(super) fn profile(config: &Config) -> Result<Profile, AppError> {
    let mut profile = Profile::load(&config.upstream.profile, &|name| std::env::var(name).ok())?;
    let prices = LaunchPrices {
        usdc_units: config.pricing.launch_usdc.map(|price| price.minor()),
        usd_cents: config.pricing.launch_usd.map(|price| price.minor()),
        free_count: config.pricing.free_launches_per_month,
    };
    if !profile.override_launch_price(prices) {
        return Err(AppError::Setting(String::from("[pricing] sets a launch price, but the profile prices no POST /launches")));
    }
    if !profile.idempotency.is_supported() || profile.ownership != Ownership::Core {
        let text = "this build serves upstreams that take an idempotency key and keep whose resource is whose (ownership = \"core\")";
        return Err(AppError::Setting(text.to_owned()));
    }
    let signs = !config.upstream.signing_secret.is_empty();
    match &config.upstream.url {
        UpstreamUrl::Embedded => {}
        UpstreamUrl::Profile => profile.require_network(signs)?,
        // A core of one's own trusts our signature; the profile's credential goes along only where it is set.
        UpstreamUrl::Http(_) if signs => {}
        UpstreamUrl::Http(_) => {
            return Err(AppError::Setting(String::from("upstream.signing_secret is not set; the core must know who asks")));
        }
    }
    Ok(profile)
}

/// Free launches per wallet and month; the books' key has room for five.
pub(super) fn free_per_month(profile: &Profile) -> Result<u8, AppError> {
    let tier = profile.route("POST /launches").and_then(|route| route.upstream()?.free_tier);
    match u8::try_from(tier.map_or(0, |tier| tier.count)) {
        Ok(count) if count <= 5 => Ok(count),
        _ => Err(AppError::Setting(String::from("pricing.free_launches_per_month is at most 5"))),
    }
}

pub(super) async fn listener(address: SocketAddr) -> Result<TcpListener, AppError> {
    TcpListener::bind(address).await.map_err(|source| AppError::Listen { address, source })
}

pub(super) fn address(listener: &TcpListener) -> Result<SocketAddr, AppError> {
    let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
    listener.local_addr().map_err(|source| AppError::Listen { address: unspecified, source })
}

/// Forgets, now and then, the buckets of agents and peers that are full again.
pub(super) async fn forget_idle(api: Arc<Api>, stop: CancellationToken) {
    while tokio::time::timeout(FORGET_EVERY, stop.cancelled()).await.is_err() {
        api.limits.forget_idle();
    }
}

/// Asks the chain node now and then, so that one that was swapped for another chain's is noticed while nobody pays.
pub(super) async fn watch_chain(rail: Arc<dyn ChainRail>, stop: CancellationToken) {
    let mut well = true;
    while tokio::time::timeout(WATCH_CHAIN_EVERY, stop.cancelled()).await.is_err() {
        let outcome = rail.ready().await;
        match (&outcome, well) {
            (Err(error), true) => tracing::warn!(%error, "rail.not_ready"),
            (Ok(()), false) => tracing::info!("rail.ready_again"),
            _ => {}
        }
        well = outcome.is_ok();
    }
}

pub(super) async fn joined(task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "task.panicked");
    }
}

/// Carries proofs that were remembered in memory to the books.
pub(super) struct ProofQueue {
    proofs: Arc<MemoryProofs>,
    world: World,
}

impl ProofQueue {
    pub(super) fn new(proofs: Arc<MemoryProofs>, world: World) -> Self {
        Self { proofs, world }
    }
}

#[async_trait]
impl Housekeeping for ProofQueue {
    async fn turn(&self) {
        let claims = self.proofs.take_queue();
        if !claims.is_empty()
            && let Err(error) = self.world.books.claim_identities(&claims).await
        {
            tracing::warn!(error = %crate::worker::drives::chain(&error), count = claims.len(), "proofs.not_written");
            self.proofs.give_back(claims);
        }
        self.proofs.forget_old(self.world.clock.now());
    }
}

fn key_bytes(text: &str, setting: &str) -> Result<[u8; 32], AppError> {
    let mut bytes = [0_u8; 32];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)
        .map_err(|_| AppError::Setting(format!("{setting} must be 32 bytes in hex")))?;
    Ok(bytes)
}

/// The seal key's text as 32 bytes: hex of that length as it is, anything else by its hash.
fn seal_key(text: &str) -> [u8; 32] {
    key_bytes(text, "store.seal_key").unwrap_or_else(|_| Sha256::digest(text.as_bytes()).into())
}

fn address_of(key: &[u8; 32]) -> Result<Wallet, AppError> {
    let signer = alloy_signer_local::PrivateKeySigner::from_slice(key)
        .map_err(|_| AppError::Setting(String::from("a private key is not a valid scalar")))?;
    Ok(Wallet::new(signer.address().into_array()))
}
