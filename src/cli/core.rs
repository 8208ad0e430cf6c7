//! `turnpike core`: the embedded launch core as a process of its own, for several gateways before
//! one core.

use std::{net::SocketAddr, process::ExitCode};

use super::{refused, serve};
use crate::{app, config::Config, telemetry};

/// Serves the core until the process is told to stop. The gateways share `upstream.signing_secret`
/// with it.
pub fn run(config: &Config, listen: SocketAddr) -> ExitCode {
    telemetry::start("info");
    serve::block_on(async {
        match app::serve_core(config, listen, serve::stop_signal()).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => refused(&error),
        }
    })
}
