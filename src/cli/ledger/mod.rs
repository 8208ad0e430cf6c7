//! `turnpike ledger`: the books of a gateway, read beside it while it serves.

mod dossier;
mod export;
mod filter;
pub(super) mod list;
mod lists;
mod overview;
mod show;
mod statement;
pub(super) mod tables;

use clap::{Args, Subcommand};
use payments::{
    ids::PaymentId,
    ports::{BooksError, JournalLine},
};

use tables::balance_table;

use super::{
    exit::{Exit, Failure},
    output::{self, Format},
    reason, verify,
};
use crate::{app::Beside, config::Config, operator::shape};

/// What to look at.
#[derive(Args)]
pub(super) struct LedgerArguments {
    /// Always print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    view: View,
}

#[derive(Subcommand)]
enum View {
    /// Daily figures: earned, settled, unknown, refunds payable, and the last reconciliation.
    Overview {
        /// Exclude internal payers (`operator.own_payers`).
        #[arg(long)]
        without_own: bool,
    },
    /// List payments, newest first; with --sums only their totals.
    Ls(list::List),
    /// Everything about one payment: timeline, transactions, proof, journal lines, refunds, requests,
    /// operator actions.
    Show {
        /// The payment's id, `pay_` and 32 hex digits.
        id: PaymentId,
    },
    /// The balance of every account, and what gas cost; exits 1 if a currency does not sum to zero.
    Balance,
    /// A payer's statement with running balance, oldest first.
    Statement(statement::Statement),
    /// Export rows as CSV or JSON lines.
    Export(export::ExportArguments),
    /// Postings with their lines, newest first.
    Journal {
        /// Account or prefix: `rev:launch`, `liab:unearned`.
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        page: lists::Numbered,
    },
    /// Refunds payable and entitlements, oldest first.
    Owed(lists::Owed),
    /// Requests from authenticated agents, newest first; kept for 7 days.
    Requests(lists::Requests),
    /// Audit log of operator actions, newest first.
    Actions {
        #[command(flatten)]
        page: lists::Numbered,
    },
    /// Reconciliation runs, newest first.
    Runs {
        /// Maximum number of rows.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Check the ledger's invariants, and the ledger against the chain; exits 1 on any discrepancy.
    Verify,
}

/// Prints the view.
pub(super) async fn run(config: &Config, arguments: LedgerArguments) -> Result<Exit, Failure> {
    let format = Format::choose(arguments.json);
    let beside = reason::books(config).await?;
    match arguments.view {
        View::Overview { without_own } => overview::run(config, &beside, without_own, format).await,
        View::Ls(list) => list::run(&beside, list, format).await,
        View::Show { id } => show::run(&beside, id, format).await,
        View::Balance => balance(&beside, format).await,
        View::Statement(of) => statement::run(&beside, of, format).await,
        View::Export(what) => export::run(&beside, what).await,
        View::Journal { account, page } => {
            lists::journal(&beside, account.as_deref(), page, format).await
        }
        View::Owed(owed) => lists::owed(&beside, owed, format).await,
        View::Requests(requests) => lists::requests(&beside, requests, format).await,
        View::Actions { page } => lists::actions(&beside, page, format).await,
        View::Runs { limit } => lists::runs(&beside, limit, format).await,
        View::Verify => verify::run(config, format == Format::Json).await,
    }
}

async fn balance(beside: &Beside, format: Format) -> Result<Exit, Failure> {
    let lines = beside.books.trial_balance().await.map_err(unreadable)?;
    let gas = beside.books.gas_spent().await.map_err(unreadable)?;
    match format {
        Format::Json => output::json(&shape::balance(&lines, &gas)),
        Format::Readable => {
            output::line(&balance_table(&lines));
            output::line(&tables::gas_table(&gas));
        }
    }
    match JournalLine::imbalances(&lines).as_slice() {
        [] => Ok(Exit::Done),
        wrong => Err(Failure::new(
            Exit::Failed,
            format!("the books do not balance: {}", wrong.join(", ")),
        )),
    }
}

fn unreadable(error: BooksError) -> Failure {
    Failure::from_error(Exit::Failed, &error)
}
