//! What the books say after the story.

use payments::{
    free_quota::QuotaWindow,
    intent::Intent,
    ports::{IntentSummary, JournalLine, LedgerPage, Usage},
};

use super::{error::DemoError, stage::Stage};
use crate::{
    cli::{
        ledger::tables::{balance_table, intents_table, journal_table},
        output::short,
    },
    clock::SystemClock,
};

/// The books, read through the same port that the gateway writes them with.
pub(super) struct Books {
    pub(super) intents: Vec<IntentSummary>,
    pub(super) paid: Vec<Intent>,
    pub(super) balance: Vec<JournalLine>,
    pub(super) usage: Usage,
}

/// Reads and shows them.
pub(super) async fn shown(stage: &Stage<'_>) -> Result<Books, DemoError> {
    let story = stage.story;
    story.act(
        "The books",
        "Every payment is one row. What moved money is in the journal too: debits are positive, and each posting sums to zero.",
    );
    let books = &stage.running.world.books;
    let intents = books
        .intents(&LedgerPage { limit: 100, ..LedgerPage::default() })
        .await
        .map_err(DemoError::Books)?;
    let mut paid = Vec::new();
    let mut journal = Vec::new();
    for intent in intents.iter().rev() {
        let id = intent.id.parse().map_err(|_| DemoError::NoPaymentId(intent.id.clone()))?;
        let evidence =
            books.evidence(id).await.map_err(DemoError::Books)?.ok_or(DemoError::NoEvidence(id))?;
        journal.extend(evidence.journal);
        if evidence.intent.settlement.is_some() {
            paid.push(evidence.intent);
        }
    }
    let balance = books.trial_balance().await.map_err(DemoError::Books)?;
    let now = payments::time::UnixMs::new(SystemClock::default().now_unix_ms());
    let window = QuotaWindow { quota: String::from("launches"), window: now.month().to_string() };
    let usage =
        books.usage(&stage.payer(), now.month(), Some(&window)).await.map_err(DemoError::Books)?;
    story.table("payments (turnpike ledger ls)", &intents_table(&intents));
    story.table("journal", &journal_table(&shortened(&journal)));
    story.table("trial balance (turnpike ledger balance)", &balance_table(&shortened(&balance)));
    Ok(Books { intents, paid, balance, usage })
}

/// With the names of payers cut in the middle, so that a line of the table is one on the screen.
fn shortened(lines: &[JournalLine]) -> Vec<JournalLine> {
    let cut = |line: &JournalLine| match line.account.rsplit_once(':') {
        Some((kind, name)) => {
            JournalLine { account: format!("{kind}:{}", short(name)), ..line.clone() }
        }
        None => line.clone(),
    };
    lines.iter().map(cut).collect()
}
