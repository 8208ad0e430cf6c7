//! Why an operator changes something: asked for by every command that does.

use clap::Args;

use super::{
    exit::{Exit, Failure},
    output,
};
use crate::{
    app::{self, Beside},
    config::Config,
    operator::{
        giving_back::{Accounts, Shown},
        reason,
    },
};

/// What every change takes.
#[derive(Args)]
pub(super) struct Change {
    /// Reason, kept in the audit log.
    #[arg(long, value_name = "TEXT", value_parser = reason::read)]
    pub(super) reason: String,
    /// Only show what would happen.
    #[arg(long)]
    pub(super) dry_run: bool,
}

// === impl Change ===

impl Change {
    /// The code of a change that went well, or would have.
    pub(super) fn exit(&self) -> Exit {
        if self.dry_run { Exit::DryRun } else { Exit::Done }
    }
}

/// The books, beside the server that may have them open.
pub(super) async fn books(config: &Config) -> Result<Beside, Failure> {
    app::beside(config).await.map_err(|error| {
        if error.is_not_found() {
            Failure::from_error(Exit::NotFound, &error)
        } else {
            Failure::from_error(Exit::Arguments, &error)
        }
    })
}

/// What a change of an account needs.
pub(super) fn accounts(beside: &Beside) -> Accounts<'_> {
    Accounts { books: &*beside.books, cards: &*beside.cards, balances: &beside.balances }
}

/// Says so where gateways could not be told that an account was changed.
pub(super) fn note_shown(shown: Shown) {
    match shown {
        Shown::Anew => {}
        Shown::PerhapsAsBefore => output::note(
            "the cache is unavailable; gateways may show the old balance for up to 5 minutes",
        ),
    }
}
