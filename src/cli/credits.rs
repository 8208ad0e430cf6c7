//! `turnpike credits`: the credits of a card account, and an operator's changes of them.

use std::num::NonZeroU32;

use clap::{Args, Subcommand};
use payments::{
    agent::Payer,
    money::{Credits, UsdCents},
    ports::{
        ActionName, AdjustmentError, AdjustmentKind, BooksError, CreditAccount, CreditAdjustment,
        CreditEntry,
    },
};
use serde_json::{Value, json};

use super::{
    exit::{Exit, Failure},
    invalid_argument::InvalidArgument,
    output::{self, Format, money, table},
    reason::{self, Change},
};
use crate::{app::Beside, config::Config, operator::giving_back::Adjusted};

/// Entries that are shown.
const SHOWN: u32 = 50;

/// What to do.
#[derive(Args)]
pub(super) struct CreditsArguments {
    /// Always print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The balance, the negative balance, and the newest entries; without an account, totals over
    /// all card accounts.
    Show {
        /// `card:...`
        #[arg(value_parser = card)]
        payer: Option<Payer>,
    },
    /// Add credits; a negative balance is covered first.
    Grant(Adjust),
    /// Remove credits; never below zero.
    Void(Adjust),
}

#[derive(Args)]
struct Adjust {
    /// `card:...`
    #[arg(value_parser = card)]
    payer: Payer,
    /// How many.
    #[arg(value_name = "N")]
    credits: NonZeroU32,
    /// A name for the change; repeated under the same name, it is made once.
    #[arg(long, value_name = "TEXT", value_parser = action_name)]
    name: Option<ActionName>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(config: &Config, arguments: CreditsArguments) -> Result<Exit, Failure> {
    let beside = reason::books(config).await?;
    let format = Format::choose(arguments.json);
    match arguments.task {
        Task::Show { payer: None } => totals(&beside, format).await,
        Task::Show { payer: Some(payer) } => show(&beside, &payer, format).await,
        Task::Grant(adjust) => change(&beside, AdjustmentKind::Grant, adjust, format).await,
        Task::Void(adjust) => change(&beside, AdjustmentKind::Void, adjust, format).await,
    }
}

async fn show(beside: &Beside, payer: &Payer, format: Format) -> Result<Exit, Failure> {
    let unreadable = |error| Failure::from_error(Exit::Failed, &error);
    let account = beside.cards.credit_account(payer).await.map_err(unreadable)?;
    let entries = beside.cards.credit_entries(payer, None, SHOWN).await.map_err(unreadable)?;
    if entries.is_empty() && account == CreditAccount::default() {
        return Err(Failure::new(Exit::NotFound, format!("the books know no credits of {payer}")));
    }
    match format {
        Format::Json => {
            let mut value = account_json(payer, &account);
            value["entries"] = json!(entries);
            output::json(&value);
        }
        Format::Readable => {
            output::line(&account_table(payer, &account));
            output::line(&table(
                &[">credits", "kind", "payment", "reference"],
                entries.iter().map(entry_row).collect(),
            ));
        }
    }
    Ok(Exit::Done)
}

async fn totals(beside: &Beside, format: Format) -> Result<Exit, Failure> {
    let totals = beside
        .desk
        .credit_totals()
        .await
        .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    match format {
        Format::Json => output::json(&json!(totals)),
        Format::Readable => {
            let counts =
                [totals.accounts.to_string(), totals.balance.to_string(), totals.debt.to_string()];
            let row = counts.into_iter().chain([money(totals.backing_cents, "USD")]);
            output::line(&table(
                &[">accounts", ">credits", ">owed to us", ">backed by"],
                vec![row.collect()],
            ));
        }
    }
    Ok(Exit::Done)
}

fn entry_row(entry: &CreditEntry) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        format!("{:+}", entry.delta),
        entry.kind.clone(),
        text(&entry.intent_id),
        text(&entry.reference),
    ]
}

async fn change(
    beside: &Beside,
    kind: AdjustmentKind,
    adjust: Adjust,
    format: Format,
) -> Result<Exit, Failure> {
    let Adjust { payer, credits, name, change } = adjust;
    let id = beside.ids.payment_id();
    let name = name.unwrap_or_else(|| ActionName::of(id));
    let credits = Credits::new(u64::from(credits.get()));
    let accounts = reason::accounts(beside);
    let adjusted = accounts.adjust(CreditAdjustment {
        id,
        name: name.clone(),
        payer: payer.clone(),
        kind,
        credits,
        reason: change.reason.clone(),
        via: "cli",
        at: beside.clock.now(),
        dry_run: change.dry_run,
    });
    let Adjusted { account, shown } = adjusted.await.map_err(|error| match error {
        AdjustmentError::TooFew(_) | AdjustmentError::NameTaken => {
            Failure::new(Exit::Payment, format!("{payer}: {error}"))
        }
        AdjustmentError::Books(error @ BooksError::NotKnown(_)) => {
            let repeat = format!(
                "{error}: repeat the command with --name {:?}, under which it is done once",
                name.as_str()
            );
            Failure::new(Exit::Failed, repeat)
        }
        AdjustmentError::Books(error) => Failure::from_error(Exit::Failed, &error),
    })?;
    reason::note_shown(shown);
    let word = match kind {
        AdjustmentKind::Grant => "grant",
        AdjustmentKind::Void => "void",
    };
    match format {
        Format::Json => {
            let mut value = account_json(&payer, &account);
            value["change"] =
                json!({"kind": word, "credits": credits.get(), "reason": change.reason});
            value["dry_run"] = json!(change.dry_run);
            output::json(&value);
        }
        Format::Readable => {
            output::line(if change.dry_run {
                "nothing was changed; this would be left:"
            } else {
                "done:"
            });
            output::line(&account_table(&payer, &account));
        }
    }
    Ok(change.exit())
}

fn account_json(payer: &Payer, account: &CreditAccount) -> Value {
    json!({
        "payer": payer.to_string(),
        "balance": account.balance.get(),
        "owed": account.debt.get(),
        "backing_cents": account.backing_cents,
    })
}

fn account_table(payer: &Payer, account: &CreditAccount) -> String {
    let backing = format!("{} USD", UsdCents::new(account.backing_cents));
    let row =
        vec![payer.to_string(), account.balance.to_string(), account.debt.to_string(), backing];
    table(&["account", ">credits", ">owed", ">backed by"], vec![row])
}

/// A card account: only these have credits.
pub(super) fn card(text: &str) -> Result<Payer, InvalidArgument> {
    match text.parse() {
        Ok(Payer::Wallet(_)) => Err(InvalidArgument::WalletWithoutCredits),
        Ok(payer) => Ok(payer),
        Err(_) => Err(InvalidArgument::CardAccount),
    }
}

fn action_name(text: &str) -> Result<ActionName, InvalidArgument> {
    ActionName::parse(text).ok_or(InvalidArgument::ActionName)
}
