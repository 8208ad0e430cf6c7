//! The gateway itself: the real binary in a directory of its own, told everything by its
//! environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::audit::Audit;
use super::child::{Tethered, free_port};
use super::client::Call;
use super::database::Database;
use super::moment::{Stopwatch, eventually};

/// How long a start may take, migrations and the checks of the chain included.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Settings as the documentation names them, `section.key`.
pub type Settings = BTreeMap<String, String>;

/// One gateway process, which may end and start again in the same place.
pub struct Gateway {
    /// Where agents call.
    pub address: SocketAddr,
    /// Where the operator calls.
    pub operator: SocketAddr,
    /// The sandbox chain's JSON-RPC, when the sandbox is on.
    pub chain_listen: SocketAddr,
    settings: Settings,
    // Before its books and its directory: it ends before those go.
    process: Option<Tethered>,
    pub database: Arc<Database>,
    dir: TempDir,
}

impl Gateway {
    /// Starts a gateway with `settings` on top of its places, and waits until it is ready.
    pub async fn start(settings: Settings) -> Self {
        let mut gateway = Self::prepare(settings);
        gateway.spawn();
        gateway.wait_ready().await;
        gateway
    }

    /// A gateway that has not been started, with books of its own.
    pub fn prepare(settings: Settings) -> Self {
        let dir = TempDir::new().unwrap();
        let database = Arc::new(Database::make(dir.path().join("turnpike.db")));
        Self::on(database, dir, settings)
    }

    /// The same, on books that have their tables where making them takes long.
    pub fn prepare_migrated(settings: Settings) -> Self {
        let dir = TempDir::new().unwrap();
        let database = Arc::new(Database::migrated(dir.path().join("turnpike.db")));
        Self::on(database, dir, settings)
    }

    /// The same with the books in this file.
    pub fn prepare_at(path: PathBuf, settings: Settings) -> Self {
        Self::on(Arc::new(Database::File(path)), TempDir::new().unwrap(), settings)
    }

    /// One more process on the same books, under the same public address.
    pub fn beside(&self, settings: Settings) -> Self {
        let mut other = Self::on(Arc::clone(&self.database), TempDir::new().unwrap(), settings);
        other.set("server.public_url", self.setting("server.public_url"));
        other
    }

    fn on(database: Arc<Database>, dir: TempDir, settings: Settings) -> Self {
        let loopback = || SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (address, operator, chain_listen) = (loopback(), loopback(), loopback());
        let path = |name: &str| dir.path().join(name).display().to_string();
        let mut all = Settings::new();
        let mut set = |key: &str, value: String| all.insert(key.to_owned(), value);
        set("server.listen", address.to_string());
        set("server.public_url", format!("http://{address}"));
        set("server.operator_listen", operator.to_string());
        set("store.url", database.url());
        // A server of the tests takes a hundred in all.
        set("store.connections", "4".to_owned());
        set("sandbox.dir", path("sandbox"));
        set("sandbox.chain_listen", chain_listen.to_string());
        set("sandbox.stripe_listen", loopback().to_string());
        all.extend(settings);
        Self { address, operator, chain_listen, settings: all, dir, database, process: None }
    }

    /// Starts the process without waiting for it.
    pub fn spawn(&mut self) {
        self.process = Some(Tethered::start(self.command(&["serve"]), &self.log_path()));
    }

    /// Runs a command of the program beside this gateway, to its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        command(&self.settings, self.dir.path(), arguments)
    }

    /// Whether there is a process, as far as this test has started and ended it.
    pub fn runs(&self) -> bool {
        self.process.is_some()
    }

    /// What it was told.
    pub fn setting(&self, key: &str) -> &str {
        &self.settings[key]
    }

    /// What it is told when it starts the next time.
    pub fn set(&mut self, key: &str, value: &str) {
        self.settings.insert(key.to_owned(), value.to_owned());
    }

    /// A file in the gateway's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Waits until the operator's listener says that the gateway is ready.
    pub async fn wait_ready(&mut self) {
        let watch = Stopwatch::start();
        loop {
            let reply = Call::get("/readyz").try_send(self.operator).await;
            if reply.is_ok_and(|reply| reply.status == 200) {
                return;
            }
            let ended = self.process.as_mut().and_then(Tethered::ended);
            assert!(
                ended.is_none() && watch.elapsed() < START_LIMIT,
                "the gateway is not ready (ended: {ended:?}); it said:\n{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Waits for a process that should end by itself.
    pub async fn wait_end(&mut self) -> ExitStatus {
        let watch = Stopwatch::start();
        loop {
            if let Some(status) = self.process.as_mut().and_then(Tethered::ended) {
                self.process = None;
                return status;
            }
            assert!(watch.elapsed() < START_LIMIT, "still running:\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// SIGKILL.
    pub fn kill9(&mut self) {
        self.process.take().unwrap().kill9();
    }

    /// SIGSTOP or SIGCONT.
    pub fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// SIGTERM.
    pub fn ask_to_end(&self) {
        self.process.as_ref().unwrap().ask_to_end();
    }

    /// SIGTERM, and the wait for the end.
    pub async fn sigterm(&mut self) -> ExitStatus {
        let mut process = self.process.take().unwrap();
        process.sigterm(Duration::from_secs(30)).await
    }

    /// Starts again in the same directory, on the same ports.
    pub async fn restart(&mut self) {
        self.spawn();
        self.wait_ready().await;
    }

    /// The memory that the process holds now, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let id = self.process.as_ref().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    }

    /// The books, read only.
    pub fn audit(&self) -> Audit {
        self.database.audit()
    }

    /// Everything that the process has said.
    pub fn logs(&self) -> String {
        std::fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits until the books show what `check` wants.
    pub async fn until<F>(&self, what: &str, limit: Duration, check: impl FnMut() -> F)
    where
        F: Future<Output = Result<(), String>>,
    {
        eventually(what, limit, check).await;
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("gateway.log")
    }
}

/// The program with these settings, and with nothing else that could configure it.
pub fn command(settings: &Settings, dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(dir);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TURNPIKE_") {
            command.env_remove(name);
        }
    }
    for (key, value) in settings {
        command.env(variable(key), value);
    }
    command
}

/// The gateway's binary: cargo names it to a test; a program of `tests/` finds it one folder above
/// its own.
fn binary() -> PathBuf {
    match option_env!("CARGO_BIN_EXE_turnpike") {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe()
            .unwrap()
            .parent()
            .and_then(Path::parent)
            .unwrap()
            .join("turnpike"),
    }
}

/// `section.key` as the environment spells it; a key without a section is a variable of the system,
/// e.g. `TZ`.
fn variable(key: &str) -> String {
    let Some((section, key)) = key.split_once('.') else { return key.to_owned() };
    format!("TURNPIKE_{}__{}", section.to_uppercase(), key.to_uppercase())
}

#[test]
fn settings_are_spelled_as_documented() {
    assert_eq!(variable("limits.agent_per_minute"), "TURNPIKE_LIMITS__AGENT_PER_MINUTE");
}
