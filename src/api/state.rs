//! What every request may use: the ports, the routes, the limits and the settings of the agents' listener.

use std::{sync::Arc, time::Duration};

use payments::{challenge::ErrorShapeSetting, checkout::World, route::Quota, x402::requirements::Requirements};
use tokio_util::sync::CancellationToken;

use super::{
    body_rules::BodyRules, cards::desk::CardDesk, challenges::Challenges, describe::kept::Descriptions, error::card::CardRequestError,
    limits::Limits, load::Load, peer::TrustedProxies, turns::Turns,
};
use crate::{
    clock::SystemClock,
    telemetry::Telemetry,
    upstream::profile::{ApiKeys, Codes, Envelope, RateHeaders, RouteTable},
    worker::drives::Drives,
};

/// Everything that a request may use.
pub struct Api {
    /// The rules' ports.
    pub world: World,
    /// The drivers of intents.
    pub drives: Drives,
    /// Every route.
    pub table: RouteTable,
    /// Status and code of each condition.
    pub codes: Codes,
    /// The shape of errors that the upstream's clients read.
    pub envelope: Envelope,
    /// Prepared 402s and offers.
    pub challenges: Challenges,
    /// What developers of agents read.
    pub descriptions: Descriptions,
    /// Everything about cards, where they are taken.
    pub cards: Option<CardDesk>,
    /// Copies of one proof take turns.
    pub turns: Turns,
    /// Rate limits.
    pub limits: Limits,
    /// How much is taken on at the same time.
    pub load: Load,
    /// Whose address a forwarded one is believed from.
    pub trusted_proxies: TrustedProxies,
    /// Ids and time for logs.
    pub clock: SystemClock,
    /// What an agent may ask of a body beyond its schema.
    pub body_rules: BodyRules,
    /// Plain numbers.
    pub settings: ApiSettings,
    /// What is counted.
    pub telemetry: Arc<Telemetry>,
    /// Cancelled when the process drains.
    pub draining: CancellationToken,
}

/// Plain numbers and texts of the HTTP side.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Scheme and host that clients call, without a trailing slash.
    pub public_url: String,
    /// Largest request body in bytes.
    pub body_bytes: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long a request waits for its intent.
    pub answer_deadline: Duration,
    /// The same, once the process drains.
    pub drain_deadline: Duration,
    /// Longest life of an authorization, in seconds.
    pub max_window_s: u64,
    /// The form of `error`.
    pub error_shape: ErrorShapeSetting,
    /// Under which names and in which unit a rate limit is told.
    pub rate_headers: RateHeaders,
    /// Every answer of a sandbox says so.
    pub sandbox: bool,
    /// The quotas of free calls, as `GET /usage` shows them.
    pub quotas: Vec<Quota>,
    /// The upstream's own API keys that pass through.
    pub api_keys: ApiKeys,
}

// === impl Api ===

impl Api {
    /// Ends when a request has waited for its intent as long as it may; a drain shortens the wait of those that wait already.
    pub(super) async fn out_of_patience(&self) {
        let drained = async {
            self.draining.cancelled().await;
            tokio::time::sleep(self.settings.drain_deadline).await;
        };
        tokio::select! {
            () = tokio::time::sleep(self.settings.answer_deadline) => {}
            () = drained => {}
        }
    }

    /// What a free route asks for.
    pub(super) fn requirements(&self) -> &Requirements {
        self.challenges.requirements()
    }

    /// Everything about cards.
    ///
    /// # Errors
    /// 400 where no cards are taken.
    pub(super) fn card_desk(&self) -> Result<&CardDesk, CardRequestError> {
        self.cards.as_ref().ok_or(CardRequestError::NotEnabled)
    }
}
