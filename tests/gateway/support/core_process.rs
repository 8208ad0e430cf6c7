//! The embedded launch core as a process of its own, for several gateways before one core.

use std::net::SocketAddr;

use tempfile::TempDir;

use super::child::{Tethered, free_port};
use super::client::Call;
use super::gateway::{Settings, command};
use super::moment::eventually;

/// `turnpike core`.
pub struct CoreProcess {
    // Before its directory: it ends before that goes.
    _process: Tethered,
    dir: TempDir,
}

impl CoreProcess {
    /// Starts a core under the gateways' secret, and tells them where it is.
    pub async fn start(settings: &mut Settings) -> Self {
        let dir = TempDir::new().unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
        // The core holds no money, and needs no keys of those who do.
        let for_core =
            |key: &str| ["upstream.", "test."].iter().any(|section| key.starts_with(section));
        let mut own: Settings = settings
            .iter()
            .filter(|(key, _)| for_core(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        own.insert("sandbox.dir".to_owned(), dir.path().join("sandbox").display().to_string());
        own.insert("stripe.mode".to_owned(), "off".to_owned());
        let program = command(&own, dir.path(), &["core", "--listen", &listen.to_string()]);
        let process = Tethered::start(program, &dir.path().join("core.log"));
        let core = Self { _process: process, dir };
        eventually("the core listens", std::time::Duration::from_secs(30), || async {
            Call::get("/_core/health")
                .try_send(listen)
                .await
                .map(drop)
                .map_err(|error| format!("{error}: {}", core.logs()))
        })
        .await;
        settings.insert("upstream.url".to_owned(), format!("http://{listen}"));
        // In one process it has no budget either.
        settings.entry("upstream.per_minute".to_owned()).or_insert_with(|| "100000".to_owned());
        settings.entry("upstream.concurrent".to_owned()).or_insert_with(|| "64".to_owned());
        core
    }

    /// Everything that it has said.
    pub fn logs(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("core.log")).unwrap_or_default()
    }
}
