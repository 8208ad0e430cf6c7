//! The embedded launch core: the upstream that a gateway without configuration stands in front of.
//!
//! It keeps launches in an SQLite file of its own, durable before it answers, and publishes into a
//! local feed. It trusts the gateway's signed identity and makes no network call. The same router
//! serves it in process and behind a listener; what it owes the gateway is written down in
//! `contracts/launch-core.yaml`.

mod answer;
mod auth;
mod handlers;
mod posting;
pub mod rules;
mod store;
mod views;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use rules::platforms::{Connected, Platform};
use store::Store;

/// Largest body that is read, bytes. The gateway's own limit is lower, so that it answers first.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Unix time in milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
/// Fresh ids that sort by time.
pub type NewId = Arc<dyn Fn() -> uuid::Uuid + Send + Sync>;

/// An official account of a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficialAccount {
    /// Where.
    pub platform: Platform,
    /// Whether it can be posted to.
    pub connected: bool,
    /// Its public name, if known.
    pub account_name: Option<String>,
}

impl OfficialAccount {
    /// The accounts of the product text: facebook, linkedin, twitter and instagram are connected.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let account = |platform, account_name: Option<&str>| Self {
            platform,
            connected: account_name.is_some(),
            account_name: account_name.map(str::to_owned),
        };
        vec![
            account(Platform::Facebook, Some("dropspace")),
            account(Platform::Linkedin, Some("dropspace")),
            account(Platform::Twitter, Some("@dropspace")),
            account(Platform::Reddit, None),
            account(Platform::Instagram, Some("@dropspace")),
            account(Platform::Tiktok, None),
            account(Platform::Youtube, None),
        ]
    }
}

/// What a core needs to know.
#[derive(Clone)]
pub struct CoreConfig {
    /// Its SQLite file; made if missing.
    pub db_path: PathBuf,
    /// The secret that it shares with the gateway; must not be empty.
    pub signing_secret: Vec<u8>,
    /// Unix time in milliseconds.
    pub clock: Clock,
    /// Ids for launches, posts and media.
    pub new_id: NewId,
    /// The official accounts.
    pub connected: Vec<OfficialAccount>,
    /// Posts and media get addresses below this one; nothing is served there.
    pub feed_base_url: String,
}

impl CoreConfig {
    /// With the official accounts of the product text and a feed on the gateway's default address.
    #[must_use]
    pub fn new(db_path: PathBuf, signing_secret: Vec<u8>, clock: Clock, new_id: NewId) -> Self {
        Self {
            db_path,
            signing_secret,
            clock,
            new_id,
            connected: OfficialAccount::defaults(),
            feed_base_url: "http://127.0.0.1:8402/feed".to_owned(),
        }
    }
}

/// Why the core cannot be opened or cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// Without a secret anybody could sign.
    #[error("the launch core's signing secret is empty")]
    NoSecret,
    /// The file cannot be opened or its tables cannot be made.
    #[error("the launch core's database {path} cannot be opened")]
    Open {
        /// The configured path.
        path: PathBuf,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The file was written by a newer version.
    #[error("the launch core's database has schema version {found}, this program knows {known}")]
    NewerSchema {
        /// Version in the file.
        found: i64,
        /// Version that is understood.
        known: i64,
    },
    /// A statement failed.
    #[error("the launch core's database failed")]
    Database(#[from] sqlx::Error),
    /// A stored value cannot be read back.
    #[error("{table}.{column} of {id} cannot be read")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// The row's id.
        id: String,
    },
}

/// The embedded launch core. Clones share one database.
#[derive(Clone)]
pub struct LaunchCore {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    config: CoreConfig,
    connected: Connected,
}

impl LaunchCore {
    /// Opens the core's file, makes it and its tables if missing.
    ///
    /// # Errors
    /// [`CoreError::NoSecret`], [`CoreError::Open`], [`CoreError::NewerSchema`].
    pub async fn open(config: CoreConfig) -> Result<Self, CoreError> {
        if config.signing_secret.is_empty() {
            return Err(CoreError::NoSecret);
        }
        let store = Store::open(&config.db_path).await?;
        let is_connected = |platform: &Platform| {
            let mut accounts = config.connected.iter();
            accounts.any(|account| account.platform == *platform && account.connected)
        };
        let connected = Connected::new(Platform::AUTO_POST.into_iter().filter(is_connected));
        Ok(Self { inner: Arc::new(Inner { store, config, connected }) })
    }

    /// The valid values of `dropspace_platforms`, for [`rules::create::parse`].
    #[must_use]
    pub fn connected(&self) -> &Connected {
        &self.inner.connected
    }

    /// Closes the database files; requests after that fail.
    #[cfg(test)]
    pub async fn close(&self) {
        self.inner.store.close().await;
    }

    fn now_unix_ms(&self) -> i64 {
        (self.inner.config.clock)()
    }

    fn new_id(&self) -> uuid::Uuid {
        (self.inner.config.new_id)()
    }
}

/// Every route of the core, each with and without `/v1`.
pub fn router(core: LaunchCore) -> Router {
    Router::new()
        .merge(routes())
        .nest("/v1", routes())
        .fallback(answer::no_route)
        .method_not_allowed_fallback(answer::no_method)
        // What is read is bounded where the signature is checked; the extractors' own limit of 2 MB
        // would refuse media that are allowed.
        .layer(axum::extract::DefaultBodyLimit::disable())
        // Around everything, before routing strips a prefix: the signature covers the target as
        // sent.
        .layer(axum::middleware::from_fn_with_state(core.clone(), auth::authenticate))
        .with_state(core)
}

fn routes() -> Router<LaunchCore> {
    use handlers::{create, edit, gateway, publish, read};
    Router::new()
        .route("/launches", post(create::create).get(read::list))
        .route("/launches/{id}", get(read::one).patch(edit::patch).delete(edit::delete))
        .route("/launches/{id}/status", get(read::status))
        .route("/launches/{id}/publish", post(publish::publish))
        .route("/dropspace/status", get(read::accounts))
        // For the gateway itself: finding out what became of a creation, and comparing books.
        .route("/_core/launches/by-key/{key}", get(gateway::by_key))
        .route("/_core/launches", get(gateway::list))
        .route("/_core/health", get(gateway::health))
}

/// Serves the core on a listener until `shutdown` completes, then finishes the requests under way.
///
/// # Errors
/// Those of the listener.
pub async fn serve(
    core: LaunchCore,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(core)).with_graceful_shutdown(shutdown).await
}

#[cfg(test)]
mod tests;
