//! `[server]`, `[operator]`, `[limits]`, `[test]`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use payments::agent::Payer;
use serde::{Deserialize, Serialize};

use super::{Networks, PublicUrl, Secret};

/// `[server]`: listeners and deadlines.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Where agents connect.
    pub listen: SocketAddr,
    /// The address that agents use; the base of every `resource` in a challenge.
    pub public_url: PublicUrl,
    /// Where the operator connects.
    pub operator_listen: SocketAddr,
    /// Proxies whose `Forwarded` and `X-Forwarded-For` are believed.
    pub trusted_proxies: Networks,
    /// How long a stopping process may finish what it began, in seconds.
    pub drain_s: u64,
    /// How long a request waits for its own outcome before 503 PAYMENT_005, in seconds.
    pub answer_deadline_s: u64,
    /// How long a client may take to send its headers, in seconds.
    pub header_read_timeout_s: u64,
    /// How long a client may take to send its body, in seconds.
    pub body_timeout_s: u64,
    /// How long a connection may be quiet between two requests, in seconds. Longer than a load
    /// balancer keeps it, or that one sends into a closed connection.
    pub idle_timeout_s: u64,
    /// How long a client may take no byte of its answer, in seconds.
    pub write_timeout_s: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: loopback(8402),
            public_url: PublicUrl::of(loopback(8402)),
            operator_listen: loopback(8403),
            trusted_proxies: Networks::default(),
            drain_s: 25,
            answer_deadline_s: 90,
            header_read_timeout_s: 10,
            body_timeout_s: 30,
            idle_timeout_s: 75,
            write_timeout_s: 30,
        }
    }
}

/// A port on 127.0.0.1.
pub(super) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// `[operator]`: the operator's API and page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operator {
    /// The bearer token; without one the operator's listener must be loopback.
    pub token: Secret,
    /// Payers that are ours, `wallet:0x...`, `0x...` or `card:...`: revenue can be seen without
    /// them.
    pub own_payers: Vec<String>,
}

impl Operator {
    /// The payers that are ours.
    pub fn payers(&self) -> Vec<Payer> {
        self.own_payers.iter().filter_map(|name| Payer::read(name)).collect()
    }
}

/// `[limits]`: how much is accepted from whom.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests per minute of one proven agent.
    pub agent_per_minute: u32,
    /// Requests that one agent may send at once.
    pub agent_burst: u32,
    /// Requests per minute of one peer address, before anything is verified.
    pub peer_per_minute: u32,
    /// Card tokens per minute of one peer address that the card processor does not take; more are
    /// refused unasked.
    pub refused_cards_per_minute: u32,
    /// The largest request body.
    pub body_bytes: u64,
    /// The largest head of a request.
    pub header_bytes: u64,
    /// Bodies of all open requests together.
    pub open_body_bytes: u64,
    /// Requests that are answered at the same time; more get 503.
    pub open_requests: u32,
    /// Creations without a final outcome in this process; while there are so many, no new one is
    /// taken.
    pub open_intents: u32,
    /// Free launches per day of all wallets together.
    pub free_launches_per_day_total: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            agent_per_minute: 30,
            agent_burst: 30,
            peer_per_minute: 600,
            refused_cards_per_minute: 30,
            body_bytes: 8 << 20,
            header_bytes: 16 << 10,
            open_body_bytes: 256 << 20,
            open_requests: 4096,
            open_intents: 2000,
            free_launches_per_day_total: 500,
        }
    }
}

/// `[test]`: refused beside a live rail.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Test {
    /// A file with the time to use; empty: the time of the machine.
    pub clock_file: PathBuf,
}
