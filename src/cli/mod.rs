//! The command line. Without a command it serves.

mod core;
mod serve;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigErrors};

/// An agent-payments gateway: x402 payments inside the HTTP request, with books that balance.
#[derive(Parser)]
#[command(name = "turnpike", version, about)]
struct Arguments {
    /// Configuration file; `turnpike.toml` in the working directory is read when it is there.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, stronger than file and environment.
    #[arg(long = "set", global = true, value_name = "SECTION.KEY=VALUE")]
    overrides: Vec<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve agents and operators (the default).
    Serve,
    /// Serve the embedded launch core by itself, for several gateways before one core.
    Core {
        /// Where the gateways connect.
        #[arg(long, default_value = "127.0.0.1:8406")]
        listen: SocketAddr,
    },
    /// Print the effective configuration, secrets as stars.
    Config,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = match load(&arguments) {
        Ok(config) => config,
        Err(errors) => return refused(&errors),
    };
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&config),
        Command::Core { listen } => core::run(&config, listen),
        Command::Config => {
            print!("{}", config.printable());
            ExitCode::SUCCESS
        }
    }
}

fn load(arguments: &Arguments) -> Result<Config, ConfigErrors> {
    let usual = PathBuf::from("turnpike.toml");
    let file = arguments.config.clone().or_else(|| usual.exists().then_some(usual));
    let env = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Config::load(file.as_deref(), env, &arguments.overrides)
}

/// Says what is wrong and ends with the exit code of bad arguments.
fn refused(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("turnpike: {}", crate::worker::drives::chain(error));
    ExitCode::from(2)
}
