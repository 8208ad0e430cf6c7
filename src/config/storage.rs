//! `[store]`, `[cache]`, `[upstream]`, `[sandbox]`.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::service::loopback;
use super::{CredentialUrl, PublicUrl, Secret};

/// `[store]`: the books.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `sqlite://file`, or `postgres://...`.
    pub url: CredentialUrl,
    /// Seals what could move money while it is kept; at least 32 characters. A sandbox makes its
    /// own once.
    pub seal_key: Secret,
    /// Seal keys of before: they only open what they have sealed.
    pub seal_keys_before: Vec<Secret>,
    /// Connections to a database server, of one process.
    pub connections: u32,
    /// How long a driver holds a payment without saying that it still does, in seconds. A process
    /// that is gone holds none on PostgreSQL.
    pub lease_s: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: CredentialUrl::new("sqlite://turnpike.db"),
            seal_key: Secret::default(),
            seal_keys_before: Vec::new(),
            connections: 10,
            lease_s: 30,
        }
    }
}

/// `[cache]`: what may be lost at any time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// `memory:`, or `redis://[user:password@]host[:port][/db]`.
    pub url: CredentialUrl,
    /// Before every key in Redis, so that several gateways can share a server.
    pub prefix: String,
    /// How long one question to Redis may take, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self { url: CredentialUrl::new("memory:"), prefix: "turnpike:".to_owned(), timeout_ms: 50 }
    }
}

/// `[upstream]`: the API behind the gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upstream {
    /// A built-in profile, or the path of a profile file.
    pub profile: String,
    /// Where the API is.
    pub url: UpstreamUrl,
    /// The HMAC key of the identity headers that we send.
    pub signing_secret: Secret,
    /// How long one answer may take, in seconds; not set: the profile's.
    pub timeout_s: Option<u64>,
    /// How long a creation without a known outcome is asked for again, in seconds.
    pub core_deadline_s: u64,
    /// How long an outcome may stay unknown before what was paid is owed, in seconds; 0 for ever.
    pub unknown_after_s: u64,
    /// Calls per minute for all agents together; not set: the profile's.
    pub per_minute: Option<u32>,
    /// Calls at the same time; not set: the profile's.
    pub concurrent: Option<u32>,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            profile: "dropspace".to_owned(),
            url: UpstreamUrl::Embedded,
            signing_secret: Secret::default(),
            timeout_s: None,
            core_deadline_s: 600,
            unknown_after_s: 259_200,
            per_minute: None,
            concurrent: None,
        }
    }
}

/// Where the API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamUrl {
    /// `embedded:`, the launch core in this process.
    Embedded,
    /// An empty text: the profile's `base_url`.
    Profile,
    /// `http(s)://...`, in place of the profile's `base_url`.
    Http(PublicUrl),
}

impl Serialize for UpstreamUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Embedded => "embedded:",
            Self::Profile => "",
            Self::Http(url) => url.as_str(),
        })
    }
}

impl<'de> Deserialize<'de> for UpstreamUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "embedded:" => Ok(Self::Embedded),
            "" => Ok(Self::Profile),
            text => PublicUrl::parse(text).map(Self::Http).map_err(|reason| {
                serde::de::Error::custom(format!(
                    "{reason}, \"embedded:\", or \"\" for the profile's"
                ))
            }),
        }
    }
}

/// `[sandbox]`: the stand-ins of the world.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sandbox {
    /// Where they keep their state and the keys that are made once.
    pub dir: PathBuf,
    /// The JSON-RPC of the sandbox chain.
    pub chain_listen: SocketAddr,
    /// The Stripe emulator.
    pub stripe_listen: SocketAddr,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("turnpike-sandbox"),
            chain_listen: loopback(8405),
            stripe_listen: loopback(8404),
        }
    }
}
