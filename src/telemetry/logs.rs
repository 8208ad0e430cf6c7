//! Logs: one line per event on standard error, JSON where nobody reads along. No event carries a
//! credential; payments are named by their id.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging by `RUST_LOG`, or by the given default. A second call changes nothing.
pub fn start(default_filter: &str) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = if io::stderr().is_terminal() {
        builder.compact().try_init()
    } else {
        // The innermost span names the trace, and the payment once it is known.
        builder.json().flatten_event(true).with_span_list(false).try_init()
    };
    drop(started);
}
