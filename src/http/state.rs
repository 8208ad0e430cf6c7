//! What the agents' listener knows beside the gateway: how requests are read and answers are
//! written.

use std::{sync::Arc, time::Duration};

use payments::challenge::ErrorShapeSetting;

use super::{describe::kept::Descriptions, peer::TrustedProxies};
use crate::{
    clock::SystemClock,
    gateway::Gateway,
    upstream::profile::{ApiKeys, Codes, Envelope, RateHeaders},
};

/// Everything that a request may use.
pub struct Api {
    /// The pipeline behind this door.
    pub gateway: Arc<Gateway>,
    /// Status and code of each condition.
    pub codes: Codes,
    /// The shape of errors that the upstream's clients read.
    pub envelope: Envelope,
    /// What developers of agents read.
    pub descriptions: Descriptions,
    /// Proxies that are trusted to name the client's address.
    pub trusted_proxies: TrustedProxies,
    /// Ids and time for logs.
    pub clock: SystemClock,
    /// Plain numbers.
    pub settings: ApiSettings,
}

/// Plain numbers and texts of the listener.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Scheme and host that clients call, without a trailing slash.
    pub public_url: String,
    /// Largest request body in bytes.
    pub body_bytes: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// The form of `error`.
    pub error_shape: ErrorShapeSetting,
    /// Under which names and in which unit a rate limit is told.
    pub rate_headers: RateHeaders,
    /// Every answer of a sandbox says so.
    pub sandbox: bool,
    /// The upstream's own API keys that pass through.
    pub api_keys: ApiKeys,
}
