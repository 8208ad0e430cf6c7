//! Progress of long work, on standard error and only where somebody watches.

use std::{
    io::{self, IsTerminal, Write},
    pin::pin,
};

use payments::ports::Clock;

/// Between two looks at work that does not say how far it is.
const LOOK_EVERY_MS: u64 = 1_000;
/// From the line's beginning, with nothing left of what stood there.
const AFRESH: &str = "\r\x1b[K";

/// One line that changes.
pub(super) struct Progress {
    watched: bool,
}

// === impl Progress ===

impl Progress {
    /// Says nothing yet.
    pub(super) fn new() -> Self {
        Self { watched: io::stderr().is_terminal() }
    }

    /// How far it is now.
    pub(super) fn at(&self, text: &str) {
        if self.watched {
            let mut err = io::stderr().lock();
            drop(write!(err, "{AFRESH}{text}").and_then(|()| err.flush()));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.at("");
    }
}

/// Waits for work that does not say how far it is, and says how long it takes.
pub(super) async fn during<T>(clock: &dyn Clock, what: &str, work: impl Future<Output = T>) -> T {
    let progress = Progress::new();
    let mut work = pin!(work);
    for seconds in 1_u64.. {
        tokio::select! {
            done = &mut work => return done,
            () = clock.sleep_ms(LOOK_EVERY_MS) => progress.at(&format!("{what}: {seconds} s")),
        }
    }
    work.await
}
