//! A clock that the gateway reads from a file, and that goes on.

use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::moment::Stopwatch;

/// Between two writes of the file.
const TICK: Duration = Duration::from_millis(20);

/// Time that runs on from a moment of the test's choice.
pub struct ClockFile {
    pub path: PathBuf,
    start_ms: i64,
    since: Stopwatch,
    ticking: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl ClockFile {
    /// It is this moment now, in milliseconds since 1970.
    pub fn start(at_ms: i64) -> Self {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("clock");
        let since = Stopwatch::start();
        write(&path, at_ms);
        let file = path.clone();
        let ticking = tokio::spawn(async move {
            loop {
                tokio::time::sleep(TICK).await;
                write(&file, now_ms(at_ms, since));
            }
        });
        Self { path, start_ms: at_ms, since, ticking, _dir: dir }
    }

    /// What the gateway takes for the time.
    pub fn now_ms(&self) -> i64 {
        now_ms(self.start_ms, self.since)
    }

    /// The same in whole seconds, for whoever must agree with the gateway.
    pub fn reader(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let (start, since) = (self.start_ms, self.since);
        move || u64::try_from(now_ms(start, since) / 1_000).unwrap()
    }
}

impl Drop for ClockFile {
    fn drop(&mut self) {
        self.ticking.abort();
    }
}

fn now_ms(start_ms: i64, since: Stopwatch) -> i64 {
    start_ms + i64::try_from(since.elapsed().as_millis()).unwrap()
}

/// Replaced whole: the gateway may read at any moment.
fn write(path: &std::path::Path, ms: i64) {
    let next = path.with_extension("next");
    if std::fs::write(&next, ms.to_string()).is_ok() {
        let _ = std::fs::rename(&next, path);
    }
}
