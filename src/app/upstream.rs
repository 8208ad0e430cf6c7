//! The way to the API behind us: the embedded core in this process, or any API over HTTP.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, sync::Arc, time::Duration};

use launch_core::{CoreConfig, LaunchCore};
use payments::ports::Upstream;

use super::{error::AppError, keys::KeysError, listener};
use crate::{
    clock::{self, SystemClock},
    config::{Config, UpstreamUrl},
    upstream::{
        forwarder::{Budget, Forwarder, NoWitness, Transport, Witness},
        profile::Profile,
        way::Way,
    },
};

/// Calls at the same time to an upstream whose profile does not say.
const DEFAULT_CONCURRENT: u32 = 64;

/// Nobody watches: for commands.
pub(super) fn unwatched() -> Arc<dyn Witness> {
    Arc::new(NoWitness)
}

/// The forwarder over the configured transport, with the budget of a remote API.
pub(super) async fn upstream(
    config: &Config,
    profile: &Arc<Profile>,
    clock: &SystemClock,
    witness: Arc<dyn Witness>,
    way: Arc<Way>,
) -> Result<Arc<dyn Upstream>, AppError> {
    let timeout =
        Duration::from_secs(config.upstream.timeout_s.unwrap_or(profile.upstream.timeout_s));
    let max_answer = usize::try_from(profile.upstream.max_body_bytes).unwrap_or(usize::MAX);
    let configured = config.upstream.signing_secret.expose().as_bytes().to_vec();
    let (transport, secret) = match &config.upstream.url {
        UpstreamUrl::Embedded => {
            // Nobody but this process ever sees the secret.
            let secret = if configured.is_empty() {
                clock::random_bytes::<32>()?.to_vec()
            } else {
                configured
            };
            let core = embedded(config, clock, secret.clone()).await?;
            (
                Transport::in_process(
                    tower::util::BoxCloneSyncService::new(launch_core::router(core)),
                    timeout,
                    max_answer,
                ),
                secret,
            )
        }
        UpstreamUrl::Profile => {
            (Transport::remote(&profile.upstream.base_url, timeout, max_answer), configured)
        }
        UpstreamUrl::Http(url) => {
            (Transport::remote(url.as_str(), timeout, max_answer), configured)
        }
    };
    let remote = transport.is_remote();
    let per_minute = config.upstream.per_minute.or(profile.upstream.per_minute.filter(|_| remote));
    let concurrent = config
        .upstream
        .concurrent
        .or(profile.upstream.concurrent.filter(|_| remote))
        .unwrap_or(DEFAULT_CONCURRENT);
    let budget = Budget {
        per_minute: per_minute.and_then(NonZeroU32::new),
        concurrent: usize::try_from(concurrent).unwrap_or(1),
    };
    let forwarder =
        Forwarder::new(Arc::clone(profile), transport, secret, budget, Arc::new(clock.clone()));
    Ok(Arc::new(forwarder.witnessed(witness).on(way)))
}

async fn embedded(
    config: &Config,
    clock: &SystemClock,
    secret: Vec<u8>,
) -> Result<LaunchCore, AppError> {
    let dir = &config.sandbox.dir;
    std::fs::create_dir_all(dir).map_err(|source| KeysError::File { path: dir.clone(), source })?;
    let (now, ids) = (clock.clone(), clock.clone());
    let path: PathBuf = dir.join("launches.db");
    let mut core = CoreConfig::new(
        path,
        secret,
        Arc::new(move || now.now_unix_ms()),
        Arc::new(move || ids.new_uuid()),
    );
    core.feed_base_url =
        format!("{}/feed", config.server.public_url.as_str().trim_end_matches('/'));
    Ok(LaunchCore::open(core).await?)
}

pub(super) async fn serve_core(
    config: &Config,
    listen: SocketAddr,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), AppError> {
    let secret = config.upstream.signing_secret.expose().as_bytes().to_vec();
    let clock = SystemClock::new(
        Some(config.test.clock_file.clone()).filter(|path| !path.as_os_str().is_empty()),
    );
    let core = embedded(config, &clock, secret).await?;
    let listener = listener::listener(listen).await?;
    tracing::info!(listen = %listener::address(&listener)?, "core.started");
    launch_core::serve(core, listener, stop)
        .await
        .map_err(|source| AppError::Listen { address: listen, source })
}
