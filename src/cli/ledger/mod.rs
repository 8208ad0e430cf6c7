//! `turnpike ledger`: the books of a gateway, read beside it while it serves.

mod show;
pub(super) mod tables;

use std::sync::Arc;

use clap::{Args, Subcommand};
use payments::{
    agent::{Payer, Wallet},
    ids::PaymentId,
    intent::State,
    ports::{Books, BooksError, LedgerPage},
};

use tables::{balance_table, imbalances, intents_table};

use super::{
    exit::{Exit, Failure},
    output::{self, Format},
    verify,
};
use crate::{app, config::Config};

/// What to look at.
#[derive(Args)]
pub(super) struct LedgerArguments {
    /// JSON, on a terminal too.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    view: View,
}

#[derive(Subcommand)]
enum View {
    /// Payments, newest first.
    Ls(List),
    /// Everything about one payment: timeline, transactions, proof, journal lines, debts.
    Show {
        /// The payment's id, `pay_` and 32 hex digits.
        id: PaymentId,
    },
    /// The balance of every account; exits 1 if a currency does not sum to zero.
    Balance,
    /// Check that the books agree with themselves and with the chain; exits 1 on any difference.
    Verify,
}

#[derive(Args)]
struct List {
    /// Only this payer: `wallet:0x...`, `0x...` or `card:...`.
    #[arg(long, value_parser = payer)]
    payer: Option<Payer>,
    /// Only this state.
    #[arg(long, value_parser = State::ALL.map(State::word))]
    state: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Strictly older than this payment: the last id of the page before.
    #[arg(long, value_name = "ID")]
    before: Option<PaymentId>,
}

/// Prints the view.
pub(super) async fn run(config: &Config, arguments: LedgerArguments) -> Result<Exit, Failure> {
    let books = app::books_beside(config).await.map_err(|error| match error.is_not_found() {
        true => Failure::from_error(Exit::NotFound, &error),
        false => Failure::from_error(Exit::Arguments, &error),
    })?;
    let format = Format::choose(arguments.json);
    match arguments.view {
        View::Ls(list) => ls(&books, list, format).await,
        View::Show { id } => show::run(&books, id, format).await,
        View::Balance => balance(&books, format).await,
        View::Verify => verify::run(config, format == Format::Json).await,
    }
}

async fn ls(books: &Arc<dyn Books>, list: List, format: Format) -> Result<Exit, Failure> {
    let page = LedgerPage { before: list.before, payer: list.payer, state: list.state, limit: list.limit };
    let intents = books.intents(&page).await.map_err(unreadable)?;
    match format {
        Format::Json => output::json(&serde_json::json!(intents)),
        Format::Readable => {
            output::line(&intents_table(&intents));
            if intents.len() == usize::try_from(list.limit).unwrap_or(usize::MAX)
                && let Some(last) = intents.last()
            {
                output::line(&format!("older: turnpike ledger ls --before {}", last.id));
            }
        }
    }
    Ok(Exit::Done)
}

async fn balance(books: &Arc<dyn Books>, format: Format) -> Result<Exit, Failure> {
    let lines = books.trial_balance().await.map_err(unreadable)?;
    let gas = books.gas_spent().await.map_err(unreadable)?;
    match format {
        Format::Json => output::json(&tables::balance_json(&lines, &gas)),
        Format::Readable => {
            output::line(&balance_table(&lines));
            output::line(&tables::gas_table(&gas));
        }
    }
    match imbalances(&lines).as_slice() {
        [] => Ok(Exit::Done),
        wrong => Err(Failure::new(Exit::Failed, format!("the books do not balance: {}", wrong.join(", ")))),
    }
}

/// A wallet's address stands for the wallet.
fn payer(text: &str) -> Result<Payer, String> {
    let payer = match text.starts_with("0x") {
        true => Wallet::parse(text).map(Payer::Wallet),
        false => text.parse(),
    };
    payer.map_err(|error| error.to_string())
}

fn unreadable(error: BooksError) -> Failure {
    Failure::from_error(Exit::Failed, &error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_payer_may_be_named_by_its_address() {
        let lower = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
        for spelled in [lower, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", &format!("wallet:{lower}")] {
            assert_eq!(payer(spelled).unwrap().to_string(), format!("wallet:{lower}"), "{spelled}");
        }
        for wrong in ["", "0x12", "nobody", "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266"] {
            assert!(payer(wrong).is_err(), "{wrong}");
        }
    }
}
