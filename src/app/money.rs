//! What moves money: the rail to the configured chain, with the sandbox chain in front where that
//! is the mode.

use std::sync::Arc;

use payments::{
    agent::Wallet,
    ports::{RailError, Sealer},
    x402::offer::Token,
};
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "sandbox")]
use super::listener;
use super::{error::AppError, keys::SandboxKeys, limits};
use crate::{
    clock::SystemClock,
    config::{Config, X402Mode},
    rails::base::{BaseConfig, BaseRail},
    seal::AeadSealer,
};

/// What moves money, and what must be known to ask for it.
pub(super) struct Money {
    pub(super) rail: Arc<BaseRail>,
    pub(super) token: Token,
    pub(super) pay_to: Wallet,
    /// Keeps what could move money.
    pub(super) sealer: Arc<dyn Sealer>,
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
    let keys = if sandbox || config.store.seal_key.is_empty() {
        Some(SandboxKeys::load_or_make(&config.sandbox.dir)?)
    } else {
        None
    };
    let terms = terms(config, keys.as_ref())?;
    let rpc_url = if sandbox {
        sandbox_rpc(config, clock, &address_of(&terms.signer_key)?, &terms.token, stop, tasks)
            .await?
    } else {
        config.x402.rpc_url.expose().to_owned()
    };
    let rail = terms.rail(config, &rpc_url)?;
    match rail.start_up_check().await {
        Ok(()) => {}
        // A node that is down is not a reason to lose the answers of finished payments; readiness
        // says so until it is back.
        Err(RailError::Unreachable(why)) => tracing::warn!(why, "rail.unreachable_at_start"),
        Err(wrong) => return Err(wrong.into()),
    }
    let shown_rpc_url = if sandbox { rpc_url } else { String::from("(configured)") };
    let (token, pay_to, sealer) = (terms.token, terms.pay_to, terms.sealer);
    Ok(Money { rail: Arc::new(rail), token, pay_to, sealer, shown_rpc_url })
}

/// What a rail needs to know beside its node.
pub(super) struct Terms {
    signer_key: [u8; 32],
    other_signer_keys: Vec<[u8; 32]>,
    refund_key: Option<[u8; 32]>,
    token: Token,
    pay_to: Wallet,
    /// Opens and seals what is kept.
    pub(super) sealer: Arc<dyn Sealer>,
}

/// From the configuration, and from a sandbox's kept keys where it says nothing.
pub(super) fn terms(config: &Config, keys: Option<&SandboxKeys>) -> Result<Terms, AppError> {
    let x402 = &config.x402;
    let kept = |chosen: &str, kept: fn(&SandboxKeys) -> &String| match (chosen.is_empty(), keys) {
        (true, Some(keys)) => kept(keys).clone(),
        _ => chosen.to_owned(),
    };
    let signer_key =
        key_bytes(&kept(x402.signer_key.expose(), |keys| &keys.signer_key), "x402.signer_key")?;
    let pay_to = match (x402.pay_to.0, keys) {
        (Some(address), _) => Wallet::new(address.into_array()),
        (None, Some(keys)) => address_of(&key_bytes(&keys.pay_to_key, "keys.toml")?)?,
        (None, None) => return Err(AppError::Setting(String::from("x402.pay_to is not set"))),
    };
    let asset =
        x402.asset.0.ok_or_else(|| AppError::Setting(String::from("x402.asset is not set")))?;
    let token = Token::new(
        Wallet::new(asset.into_array()),
        &x402.domain_name,
        &x402.domain_version,
        x402.chain_id,
    );
    let before: Vec<[u8; 32]> =
        config.store.seal_keys_before.iter().map(|key| seal_key(key.expose())).collect();
    let sealer =
        AeadSealer::new(&seal_key(&kept(config.store.seal_key.expose(), |keys| &keys.seal_key)))
            .opening(&before);
    let others =
        x402.other_signer_keys.iter().map(|key| key_bytes(key.expose(), "x402.other_signer_keys"));
    let (other_signer_keys, sealer) = (others.collect::<Result<_, _>>()?, Arc::new(sealer));
    let refund_key = refund_key(config, &signer_key, pay_to)?;
    Ok(Terms { signer_key, other_signer_keys, refund_key, token, pay_to, sealer })
}

/// The refund wallet's key. What a sandbox keeps by itself is no setting, so that it is compared
/// here again.
fn refund_key(
    config: &Config,
    signer_key: &[u8; 32],
    pay_to: Wallet,
) -> Result<Option<[u8; 32]>, AppError> {
    const SETTING: &str = "refunds.signer_key";
    if config.refunds.signer_key.is_empty() {
        return Ok(None);
    }
    let key = key_bytes(config.refunds.signer_key.expose(), SETTING)?;
    let wallet = address_of(&key)?;
    if wallet == address_of(signer_key)? || wallet == pay_to {
        return Err(AppError::Setting(format!(
            "{SETTING} is the key of {wallet}, which settles or is paid: refunds need a wallet of their own"
        )));
    }
    Ok(Some(key))
}

/// Who else may settle what is paid to us.
fn known_relayers(config: &Config) -> Vec<Wallet> {
    config
        .x402
        .known_relayers
        .iter()
        .filter_map(|relayer| relayer.0)
        .map(|address| Wallet::new(address.into_array()))
        .collect()
}

impl Terms {
    /// What is paid with.
    pub(super) fn token(&self) -> &Wallet {
        self.token.address()
    }

    /// Where it comes in.
    pub(super) fn pay_to(&self) -> Wallet {
        self.pay_to
    }

    /// A rail to this node.
    pub(super) fn rail(&self, config: &Config, rpc_url: &str) -> Result<BaseRail, AppError> {
        let x402 = &config.x402;
        let base = BaseConfig {
            rpc_url: rpc_url.to_owned(),
            rpc_timeout_ms: x402.rpc_timeout_ms,
            token: self.token.clone(),
            signer_key: self.signer_key,
            other_signer_keys: self.other_signer_keys.clone(),
            known_relayers: known_relayers(config),
            refund_key: self.refund_key,
            max_fee_per_gas_wei: u128::from(x402.max_fee_gwei).saturating_mul(1_000_000_000),
            max_gas_wei: limits::gas(config).plain_wei,
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
    let listener = listener::listener(config.sandbox.chain_listen).await?;
    let url = format!("http://{}", listener::address(&listener)?);
    tasks.push(super::sandbox_chain::start(
        &config.sandbox.dir,
        clock,
        signer,
        token,
        listener,
        stop.clone(),
    )?);
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

/// The rail of a configuration, to a node that somebody else runs; `None` for a sandbox that was
/// never started.
pub(super) fn rail_beside(config: &Config) -> Result<Option<BaseRail>, AppError> {
    let keys = SandboxKeys::load(&config.sandbox.dir)?;
    if config.x402.mode == X402Mode::Sandbox {
        let Some(keys) = keys else { return Ok(None) };
        let url = format!("http://{}", config.sandbox.chain_listen);
        return terms(config, Some(&keys))?.rail(config, &url).map(Some);
    }
    terms(config, keys.as_ref())?.rail(config, config.x402.rpc_url.expose()).map(Some)
}
