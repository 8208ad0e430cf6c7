//! The card processor: the configured one, or the emulator that stands in for it.

use std::net::SocketAddr;
#[cfg(feature = "sandbox")]
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::error::AppError;
use crate::{
    clock::SystemClock,
    config::{self, Config},
};

/// Where the card processor is, and what opens it.
pub(super) struct Processor {
    pub(super) api_base: String,
    pub(super) secret_key: String,
    pub(super) network_id: String,
    pub(super) webhook_secret: String,
}

pub(super) fn configured(stripe: &config::Stripe) -> Processor {
    Processor {
        api_base: stripe.api_base.as_str().to_owned(),
        secret_key: stripe.secret_key.expose().to_owned(),
        network_id: stripe.network_id.clone(),
        webhook_secret: stripe.webhook_secret.expose().to_owned(),
    }
}

#[cfg(feature = "sandbox")]
pub(super) async fn emulator(
    config: &Config,
    clock: &SystemClock,
    agents: SocketAddr,
    stop: &CancellationToken,
    tasks: &mut Vec<JoinHandle<()>>,
) -> Result<Processor, AppError> {
    use sandbox::stripe::{Emulator, EmulatorConfig, PROFILE, SECRET_KEY, WEBHOOK_SECRET};
    let now = clock.clone();
    let host = if agents.ip().is_unspecified() {
        SocketAddr::from(([127, 0, 0, 1], agents.port()))
    } else {
        agents
    };
    let emulator = Emulator::start(EmulatorConfig {
        listen: config.sandbox.stripe_listen,
        dir: Some(config.sandbox.dir.join("stripe")),
        secret_key: SECRET_KEY.to_owned(),
        webhook_secret: WEBHOOK_SECRET.to_owned(),
        webhook_url: Some(format!("http://{host}/webhooks/stripe")),
        clock: Arc::new(move || u64::try_from(now.now_unix_s()).unwrap_or(0)),
    })
    .await?;
    let api_base = emulator.base_url();
    let stop = stop.clone();
    tasks.push(tokio::spawn(async move {
        stop.cancelled().await;
        emulator.stop().await;
    }));
    Ok(Processor {
        api_base,
        secret_key: SECRET_KEY.to_owned(),
        network_id: PROFILE.to_owned(),
        webhook_secret: WEBHOOK_SECRET.to_owned(),
    })
}

/// The emulator that a server on this machine runs.
#[cfg(feature = "sandbox")]
pub(super) fn running_emulator(config: &Config) -> Result<Processor, AppError> {
    use sandbox::stripe::{PROFILE, SECRET_KEY, WEBHOOK_SECRET};
    let api_base = format!("http://{}", config.sandbox.stripe_listen);
    Ok(Processor {
        api_base,
        secret_key: SECRET_KEY.to_owned(),
        network_id: PROFILE.to_owned(),
        webhook_secret: WEBHOOK_SECRET.to_owned(),
    })
}

#[cfg(not(feature = "sandbox"))]
pub(super) fn running_emulator(_: &Config) -> Result<Processor, AppError> {
    Err(AppError::Setting(String::from("this build has no sandbox; set stripe.mode")))
}

#[cfg(not(feature = "sandbox"))]
pub(super) async fn emulator(
    _: &Config,
    _: &SystemClock,
    _: SocketAddr,
    _: &CancellationToken,
    _: &mut Vec<JoinHandle<()>>,
) -> Result<Processor, AppError> {
    Err(AppError::Setting(String::from("this build has no sandbox; set stripe.mode")))
}
