//! The command line. Without a command it serves.

mod argument;
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
mod refund_usdc;
mod report;
mod resolve;
mod serve;
#[cfg(feature = "sandbox")]
mod transport;
mod upstream;
mod verify;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{
    config::{Config, ConfigErrors},
    telemetry,
};
use exit::{Exit, Failure};

/// An agent-payments gateway: USDC (x402) and cards (MPP) inside the HTTP request, with books that
/// balance.
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
    /// Live through the whole story in a sandbox: a 402, five free launches, a paid one, and the
    /// books; needs nothing and leaves nothing.
    #[cfg(feature = "sandbox")]
    Demo(demo::DemoArguments),
    /// Not in this build: it has no sandbox.
    #[cfg(not(feature = "sandbox"))]
    Demo(NotBuilt),
    /// Call a URL and pay what it asks, within a limit.
    #[cfg(feature = "sandbox")]
    Pay(pay::PayArguments),
    /// Not in this build: it has no paying agent.
    #[cfg(not(feature = "sandbox"))]
    Pay(NotBuilt),
    /// Read the books, beside a running gateway too.
    Ledger(ledger::LedgerArguments),
    /// List what is owed back, and give it back.
    Refund(refund::RefundArguments),
    /// End a payment that nobody knows the outcome of, as you found it out.
    Resolve(resolve::ResolveArguments),
    /// Say whether the upstream takes us, and charge for its calls again once it does.
    Upstream(upstream::UpstreamArguments),
    /// Look at the credits of a card account, and change them.
    Credits(credits::CreditsArguments),
    /// Look at who holds the agent tokens of a card account, end one, and stop the account.
    Holders(holders::HoldersArguments),
    /// List what banks took back or asked about, and let an account buy again that was refused for
    /// it.
    Disputes(disputes::DisputesArguments),
    /// List what the card processor sent to the bank, and say how much of a payout by hand is ours.
    Payouts(payouts::PayoutsArguments),
    /// Look at the free launches of a wallet.
    FreeTier(free_tier::FreeTierArguments),
    /// Compare the books with the chain, the card processor and the upstream, beside a running
    /// gateway too.
    Reconcile(reconcile::ReconcileArguments),
    /// List what the comparisons found, and close what was looked at.
    Findings(findings::FindingsArguments),
    /// Say whether this configuration can take payments here and now.
    Doctor,
    /// Ask a gateway on this machine whether it runs: exit code 0 or 1, for the health check of a
    /// container.
    Health {
        /// Ask whether it can take payments, too.
        #[arg(long, conflicts_with = "at")]
        ready: bool,
        /// Ask another listener than the operators', for example that of `turnpike core`; any
        /// answer but a fault of its own is well.
        #[arg(long, value_name = "ADDRESS")]
        at: Option<SocketAddr>,
    },
    /// Tell why a request was answered as it was, by its payment id or request id, or by anything
    /// else that names a payment.
    Explain {
        /// `pay_...`, the answer's X-Request-Id, a transaction's hash, `pi_...`, `ch_...`, a
        /// launch, or the client's name for its request.
        id: String,
    },
    /// Bring the books to this program's tables, as every start does; take a backup first.
    Migrate(migrate::MigrateArguments),
    /// Bring a profile file to the format that this program reads.
    Profile(profile::ProfileArguments),
    /// Print the effective configuration, secrets as stars.
    Config,
}

/// Whatever is given to a command that this build does not have.
#[cfg(not(feature = "sandbox"))]
#[derive(clap::Args)]
struct NotBuilt {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<String>,
}

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
