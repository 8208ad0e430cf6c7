//! The command line. Without a command it serves.

mod arguments;
mod core;
mod credits;
#[cfg(feature = "sandbox")]
mod demo;
mod disputes;
mod doctor;
mod exit;
mod explain;
mod findings;
mod free_tier;
mod health;
mod holders;
mod invalid_argument;
mod ledger;
mod migrate;
mod moment;
mod output;
#[cfg(feature = "sandbox")]
mod pay;
mod payouts;
mod profile;
mod progress;
mod reason;
mod reconcile;
mod refund;
mod refund_list;
mod refund_usdc;
mod report;
mod resolve;
mod serve;
#[cfg(feature = "sandbox")]
mod transport;
mod upstream;
mod verify;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

use crate::{
    config::{Config, ConfigErrors},
    telemetry,
};
use arguments::{Arguments, Command};
use exit::{Exit, Failure};

/// Runs the program.
pub fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    match arguments.command.take().unwrap_or(Command::Serve) {
        Command::Serve => configured(&arguments, serve::run),
        Command::Core { listen } => configured(&arguments, |config| core::run(config, listen)),
        Command::Doctor => doctor::run(load(&arguments), report::piped()),
        Command::Health { ready, at } => {
            configured(&arguments, |config| health::run(config, &health::Question { at, ready }))
        }
        Command::Explain { id } => configured(&arguments, |config| run(explain::run(config, &id))),
        Command::Ledger(ledger) => {
            configured(&arguments, |config| run(ledger::run(config, ledger)))
        }
        Command::Refund(refund) => {
            configured(&arguments, |config| run(refund::run(config, refund)))
        }
        Command::Resolve(found) => {
            configured(&arguments, |config| run(resolve::run(config, found)))
        }
        Command::Upstream(upstream) => {
            configured(&arguments, |config| run(upstream::run(config, upstream)))
        }
        Command::Disputes(disputes) => {
            configured(&arguments, |config| run(disputes::run(config, disputes)))
        }
        Command::Payouts(payouts) => {
            configured(&arguments, |config| run(payouts::run(config, payouts)))
        }
        Command::Holders(holders) => {
            configured(&arguments, |config| run(holders::run(config, holders)))
        }
        Command::FreeTier(free) => {
            configured(&arguments, |config| run(free_tier::run(config, free)))
        }
        Command::Reconcile(arguments_of) => {
            configured(&arguments, |config| run(reconcile::run(config, arguments_of)))
        }
        Command::Findings(found) => {
            configured(&arguments, |config| run(findings::run(config, found)))
        }
        Command::Credits(credits) => {
            configured(&arguments, |config| run(credits::run(config, credits)))
        }
        Command::Migrate(migrate) => {
            configured(&arguments, |config| run(migrate::run(config, migrate)))
        }
        Command::Profile(profile) => ended(profile::run(&profile)),
        Command::Config => configured(&arguments, |config| {
            output::line(config.printable().trim_end());
            ExitCode::SUCCESS
        }),
        #[cfg(feature = "sandbox")]
        Command::Pay(pay) => configured(&arguments, |config| run(pay::run(config, pay))),
        #[cfg(feature = "sandbox")]
        Command::Demo(_) if arguments.config.is_some() || !arguments.overrides.is_empty() => {
            Failure::new(Exit::Arguments, "demo takes no configuration: it brings its own").report()
        }
        #[cfg(feature = "sandbox")]
        Command::Demo(demo) => run(demo::run(demo)),
        #[cfg(not(feature = "sandbox"))]
        Command::Pay(_) | Command::Demo(_) => Failure::new(
            Exit::Arguments,
            "this build has no sandbox: build it with the feature `sandbox`",
        )
        .report(),
    }
}

/// Runs a command with the configuration, or says what is wrong with that.
fn configured(arguments: &Arguments, command: impl FnOnce(&Config) -> ExitCode) -> ExitCode {
    match load(arguments) {
        Ok(config) => command(&config),
        Err(errors) => refused(&errors),
    }
}

/// Runs a command to its end, with warnings on standard error only.
fn run(command: impl Future<Output = Result<Exit, Failure>>) -> ExitCode {
    telemetry::start("warn");
    serve::block_on(async { ended(command.await) })
}

/// The exit code of a command, which says on standard error why it could not do what it was asked
/// for.
fn ended(outcome: Result<Exit, Failure>) -> ExitCode {
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}

fn load(arguments: &Arguments) -> Result<Config, ConfigErrors> {
    let usual = PathBuf::from("turnpike.toml");
    let file = arguments.config.clone().or_else(|| usual.exists().then_some(usual));
    let env = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Config::load(file.as_deref(), env, &arguments.overrides)
}

/// For a command that waits for answers.
fn runtime() -> Result<tokio::runtime::Runtime, ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| refused(&error))
}

/// Says what is wrong and ends with the exit code of bad arguments.
fn refused(error: &dyn std::error::Error) -> ExitCode {
    Failure::from_error(Exit::Arguments, error).report()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn commands_are_read_as_documented() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        for good in [
            "turnpike",
            "turnpike serve --set server.drain_s=1",
            "turnpike --config x.toml config",
            "turnpike ledger ls --state created --limit 10 --json",
            "turnpike ledger --json balance",
            "turnpike ledger ls --state no_launch --rail x402 --route /launches --since 2026-10-01 --until 7d --min 0.5 --currency USDC",
            "turnpike ledger ls --payer 0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266 --mode test --search pi_7 --sums",
            "turnpike ledger statement card:7 --since 30d --format csv",
            "turnpike ledger export --format csv",
            "turnpike ledger export --what owed --all --format jsonl --out owed.jsonl",
            "turnpike ledger journal --account rev:launch --before 7",
            "turnpike ledger owed --payer card:7",
            "turnpike ledger requests --payer card:7 --limit 5",
            "turnpike ledger actions",
            "turnpike ledger runs",
            "turnpike ledger overview",
            "turnpike free-tier show 0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266 --month 2026-10",
            "turnpike free-tier show 0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266 --day 2026-10-31",
            "turnpike explain pi_7",
            "turnpike credits show",
            "turnpike ledger show pay_00000000000000000000000000000007",
            "turnpike health --ready",
            "turnpike health --at 127.0.0.1:8406",
            "turnpike refund ls",
            "turnpike refund approve pay_00000000000000000000000000000007 --reason late --dry-run",
            "turnpike migrate --dry-run",
            "turnpike credits show card:7",
            "turnpike reconcile --since 2h --dry-run",
            "turnpike reconcile --full --reason late --json",
            "turnpike findings --all",
            "turnpike findings close settlement_lost pay_7 --reason collected",
            "turnpike credits grant card:7 5 --reason late",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "turnpike health --ready --at 127.0.0.1:8406",
            "turnpike ledger",
            "turnpike ledger show 7",
            "turnpike ledger ls --state paid",
            "turnpike ledger ls --limit 0",
            "turnpike ledger ls --payer nobody",
            "turnpike ledger ls --before 7",
            "turnpike ledger ls --min 0.5",
            "turnpike ledger ls --since yesterday",
            "turnpike ledger ls --sums --before pay_00000000000000000000000000000007",
            "turnpike ledger statement",
            "turnpike ledger export",
            "turnpike ledger export --format xlsx",
            "turnpike ledger export --what secrets --format csv",
            "turnpike free-tier show card:7",
            "turnpike free-tier show 0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266 --month October",
            "turnpike refund approve pay_00000000000000000000000000000007",
            "turnpike refund approve pay_00000000000000000000000000000007 --reason=",
            "turnpike reconcile --since yesterday",
            "turnpike reconcile --full --since 2h",
            "turnpike reconcile --reason late --dry-run",
            "turnpike findings close settlement_lost pay_7",
            "turnpike findings close lost pay_7 --reason late",
            "turnpike credits grant card:7 5",
            "turnpike credits void card:7 0 --reason late",
            "turnpike credits void card:7 -1 --reason late",
            "turnpike credits show 0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
            "turnpike nonsense",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
