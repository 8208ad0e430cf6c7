//! The commands, as `--help` shows them.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, Subcommand};

use super::{
    credits, disputes, findings, free_tier, holders, ledger, migrate, payouts, profile, reconcile,
    refund, resolve, upstream,
};
#[cfg(feature = "sandbox")]
use super::{demo, pay};

/// An agent-payments gateway: USDC (x402) and cards (MPP) inside the HTTP request, with books that
/// balance.
#[derive(Parser)]
#[command(name = "turnpike", version, about)]
pub(super) struct Arguments {
    /// Configuration file; `turnpike.toml` in the working directory is read when it is there.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Override one setting (takes precedence over file and environment).
    #[arg(long = "set", global = true, value_name = "SECTION.KEY=VALUE")]
    pub(super) overrides: Vec<String>,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Serve agents and operators (the default).
    Serve,
    /// Serve the embedded launch core as a process of its own, for several gateways.
    Core {
        /// Where the gateways connect.
        #[arg(long, default_value = "127.0.0.1:8406")]
        listen: SocketAddr,
    },
    /// Run an end-to-end demo in a sandbox. Requires no setup and leaves no files behind.
    #[cfg(feature = "sandbox")]
    Demo(demo::DemoArguments),
    /// Not in this build: it has no sandbox.
    #[cfg(not(feature = "sandbox"))]
    Demo(NotBuilt),
    /// Call a URL and pay its price, within a limit.
    #[cfg(feature = "sandbox")]
    Pay(pay::PayArguments),
    /// Not in this build: it has no paying agent.
    #[cfg(not(feature = "sandbox"))]
    Pay(NotBuilt),
    /// Read the ledger, also while a gateway runs.
    Ledger(ledger::LedgerArguments),
    /// List pending and completed refunds, and approve them.
    Refund(refund::RefundArguments),
    /// Resolve a payment whose outcome is unknown, as you found it out.
    Resolve(resolve::ResolveArguments),
    /// Show whether the upstream accepts the gateway's requests, and resume charging.
    Upstream(upstream::UpstreamArguments),
    /// Show the credits of a card account, and adjust them.
    Credits(credits::CreditsArguments),
    /// List the holders of a card account's agent tokens, revoke one, or freeze the account.
    Holders(holders::HoldersArguments),
    /// List disputes, and let an account buy again that was blocked because of one.
    Disputes(disputes::DisputesArguments),
    /// List payouts to the bank, and assign the part of a manual payout that was earned here.
    Payouts(payouts::PayoutsArguments),
    /// Show the free launches of a wallet.
    FreeTier(free_tier::FreeTierArguments),
    /// Reconcile the ledger with the chain, the card processor and the upstream, also while a
    /// gateway runs.
    Reconcile(reconcile::ReconcileArguments),
    /// List reconciliation findings, and close them.
    Findings(findings::FindingsArguments),
    /// Check whether this configuration can take payments.
    Doctor,
    /// Check whether a gateway on this machine runs: exit code 0 or 1, for the health check of a
    /// container.
    Health {
        /// Check whether it can take payments, too.
        #[arg(long, conflicts_with = "at")]
        ready: bool,
        /// Check another listener than the operators', for example that of `turnpike core`; any
        /// response below 500 counts as healthy.
        #[arg(long, value_name = "ADDRESS")]
        at: Option<SocketAddr>,
    },
    /// Explain a response, by its payment id, request id, or any other id of a payment.
    Explain {
        /// `pay_...`, the answer's X-Request-Id, a transaction's hash, `pi_...`, `ch_...`, a
        /// launch, or the client's idempotency key.
        id: String,
    },
    /// Apply pending database migrations, as every start does; take a backup first.
    Migrate(migrate::MigrateArguments),
    /// Upgrade a profile file to the format that this program reads.
    Profile(profile::ProfileArguments),
    /// Print the effective configuration, secrets masked.
    Config,
}

/// Whatever is given to a command that this build does not have.
#[cfg(not(feature = "sandbox"))]
#[derive(clap::Args)]
pub(super) struct NotBuilt {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<String>,
}
