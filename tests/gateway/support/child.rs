//! A process that we started, ended with us whatever happens: when its handle is dropped, and when
//! we are killed.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use super::moment::{Stopwatch, random_bytes};

/// A running process and the guard that ends it if this test process disappears.
pub struct Tethered {
    child: Child,
    guard: Child,
}

impl Tethered {
    /// Starts `command` with its output appended to `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).unwrap();
        let program = command.get_program().to_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        // The guard's stdin closes when this process ends, however it ends; only then it acts.
        let guard = Command::new("sh")
            .arg("-c")
            .arg(format!("cat >/dev/null; kill -9 {}", child.id()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, guard }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Ends it at once, as the kernel would: nothing is flushed, nothing is said.
    pub fn kill9(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end.
    pub fn ask_to_end(&self) {
        let sent =
            Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "SIGTERM could not be sent");
    }

    /// Asks it to end and waits at most `limit` for it.
    pub async fn sigterm(&mut self, limit: Duration) -> ExitStatus {
        self.ask_to_end();
        let watch = Stopwatch::start();
        loop {
            if let Some(status) = self.ended() {
                let _ = self.guard.kill();
                let _ = self.guard.wait();
                return status;
            }
            assert!(watch.elapsed() < limit, "did not end within {limit:?} of SIGTERM");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Tethered {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// Ports that were given out: that of a killed process looks free and is not.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A TCP port on loopback that was free a moment ago, given out once, and that no outgoing
/// connection gets by itself: a process that is killed finds its port free when it starts again.
pub fn free_port() -> u16 {
    // Below the ports that systems give to outgoing connections.
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 22_000;
    loop {
        let port = FIRST + u16::from_be_bytes(random_bytes()) % COUNT;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
            && GIVEN.lock().unwrap().insert(port)
        {
            return port;
        }
    }
}
