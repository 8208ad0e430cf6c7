//! The command line. Without a command it serves.

mod doctor;
mod explain;
mod report;
mod serve;
mod verify;

use std::{path::PathBuf, process::ExitCode};

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
    /// Say whether this configuration can take payments here and now.
    Doctor,
    /// Tell why a request was answered as it was, by its payment id or request id.
    Explain {
        /// `pay_...`, or the answer's X-Request-Id.
        id: String,
    },
    /// Check that the books agree with themselves and with the chain.
    #[command(hide = true)]
    Verify,
    /// Print the effective configuration, secrets as stars.
    Config,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let loaded = load(&arguments);
    let command = arguments.command.unwrap_or(Command::Serve);
    if matches!(command, Command::Doctor) {
        return doctor::run(loaded, report::piped());
    }
    let config = match loaded {
        Ok(config) => config,
        Err(errors) => return refused(&errors),
    };
    match command {
        Command::Serve => serve::run(&config),
        Command::Doctor => doctor::run(Ok(config), report::piped()),
        Command::Explain { id } => explain::run(&config, &id, report::piped()),
        Command::Verify => verify::run(&config, report::piped()),
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

/// For a command that waits for answers.
fn runtime() -> Result<tokio::runtime::Runtime, ExitCode> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| refused(&error))
}

/// Says what is wrong and ends with the exit code of bad arguments.
fn refused(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("turnpike: {}", crate::worker::drives::chain(error));
    ExitCode::from(2)
}
