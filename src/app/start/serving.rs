//! The last step of a start: the gateway, and the listeners in front of it.

use std::{sync::Arc, time::Duration};

use payments::challenge::ErrorShapeSetting;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    super::{accounts, error::AppError, limits, parts, settings::public_url},
    opened::{Parts, Tasks},
};
use crate::{
    clock::SystemClock,
    config::{Config, ErrorShape, X402Mode},
    gateway::{Gateway, GatewaySettings, Limits, Load, Turns},
    http::{self, Api, ApiSettings, Descriptions, TrustedProxies, server::ServeLimits},
    upstream::profile::{Profile, RouteTable},
    worker::drives::Drives,
};

/// Connections at the same time.
const MAX_CONNECTIONS: usize = 20_000;

/// How long an open request waits for its intent once the process drains.
const DRAIN_ANSWER: Duration = Duration::from_secs(5);

/// The gateway itself, and the loops that belong to it.
pub(super) fn gateway(
    config: &Config,
    parts: Parts,
    table: RouteTable,
    drives: Drives,
    accounts: accounts::Accounts,
    tasks: &mut Tasks,
) -> Result<Arc<Gateway>, AppError> {
    let Parts { profile, cache, money, store, cards, world, telemetry, .. } = parts;
    let gateway = Arc::new(Gateway {
        world,
        drives,
        challenges: parts::challenges(config, &table, &money, cards.as_ref())?,
        cards: cards.map(|cards| cards.desk(store.cards, table.takes_credits())),
        table,
        turns: Turns::default(),
        limits: Limits::new(limits::settings(config), cache.limiter()),
        load: Load::new(limits::load(config)),
        body_rules: accounts::body_rules(&profile, accounts),
        settings: gateway_settings(config, &profile),
        telemetry,
        draining: tasks.draining.clone(),
    });
    let hours = config.refunds.stuck_after_hours;
    tasks.workers.extend(parts::beside(&gateway, hours, &money.sealer, &tasks.stopping));
    Ok(gateway)
}

pub(super) fn serve(
    listener: TcpListener,
    router: axum::Router,
    config: &Config,
    drain: Duration,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    let limits = ServeLimits {
        header_read: Duration::from_secs(config.server.header_read_timeout_s),
        idle: Duration::from_secs(config.server.idle_timeout_s),
        write: Duration::from_secs(config.server.write_timeout_s),
        header_bytes: usize::try_from(config.limits.header_bytes).unwrap_or(usize::MAX),
        connections: MAX_CONNECTIONS,
        drain,
    };
    tokio::spawn(http::server::serve(listener, router, limits, stop.clone()))
}

fn gateway_settings(config: &Config, profile: &Profile) -> GatewaySettings {
    GatewaySettings {
        answer_deadline: Duration::from_secs(config.server.answer_deadline_s),
        drain_deadline: DRAIN_ANSWER,
        max_window_s: config.x402.max_window_s,
        quotas: profile.quotas(),
    }
}

/// The agents' listener in front of the gateway.
pub(super) fn api(
    config: &Config,
    gateway: Arc<Gateway>,
    profile: &Profile,
    clock: SystemClock,
) -> Arc<Api> {
    let settings = ApiSettings {
        public_url: public_url(config).to_owned(),
        body_bytes: usize::try_from(config.limits.body_bytes).unwrap_or(usize::MAX),
        body_timeout: Duration::from_secs(config.server.body_timeout_s),
        error_shape: match config.x402.error_shape {
            ErrorShape::Object => ErrorShapeSetting::Object,
            ErrorShape::String => ErrorShapeSetting::String,
            ErrorShape::Auto => ErrorShapeSetting::Auto,
        },
        rate_headers: profile.rate_headers.clone().unwrap_or_default(),
        sandbox: config.x402.mode == X402Mode::Sandbox,
        api_keys: profile.api_keys.clone(),
    };
    Arc::new(Api {
        gateway,
        codes: profile.codes.clone(),
        envelope: profile.envelope.clone(),
        descriptions: Descriptions::of(&profile.name),
        trusted_proxies: TrustedProxies::new(config.server.trusted_proxies.clone()),
        clock,
        settings,
    })
}

pub(super) fn mode(config: &Config) -> &'static str {
    if config.x402.mode == X402Mode::Sandbox { "sandbox" } else { "chain" }
}
