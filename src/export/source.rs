//! Which rows: a list of the desk, read page by page by its key, so that what is new meanwhile
//! moves nothing.

use payments::{
    agent::Payer,
    ids::PaymentId,
    ports::{
        BooksError,
        desk::{DeskBooks, FilterError, Page, PaymentFilter},
    },
    time::UnixMs,
};

use super::{ExportError, Sheet, Writer};

/// Rows that are read at once.
pub const PAGE: u32 = 1_000;
/// A time without a beginning: before every row.
pub const BEGINNING: UnixMs = UnixMs::new(0);
/// A time without an end: the last moment that RFC 3339 can write.
pub const END: UnixMs = UnixMs::from_s(253_402_300_799);
/// More findings than anybody looks at; they have no pages.
const FINDINGS: u32 = 100_000;

/// What can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Payments, newest first; every filter.
    Payments,
    /// Postings, newest first; of an account or a family of accounts, `account`.
    Journal,
    /// A payer's account, oldest first; `payer`, and `since` and `until` if wanted.
    Statement,
    /// What is owed, oldest first; `payer`, and with `all` what is settled already, newest first.
    Owed,
    /// Card accounts by name.
    Credits,
    /// Answered requests, newest first; `payer`.
    Requests,
    /// Open findings, newest first; with `all` the closed ones, too.
    Findings,
    /// What operators did, newest first.
    Actions,
}

/// The words of everything that can be exported.
pub const SOURCES: [(&str, What); 8] = [
    ("payments", What::Payments),
    ("journal", What::Journal),
    ("statement", What::Statement),
    ("owed", What::Owed),
    ("credits", What::Credits),
    ("requests", What::Requests),
    ("findings", What::Findings),
    ("actions", What::Actions),
];

/// A list that is read to its end.
#[derive(Debug)]
pub struct Source {
    list: List,
    ended: bool,
}

#[derive(Debug)]
enum List {
    Payments { filter: PaymentFilter, after: Option<PaymentId> },
    Journal { account: Option<String>, after: Option<i64> },
    Statement { payer: Payer, since: UnixMs, until: UnixMs, after: Option<i64> },
    Owed { all: bool, payer: Option<Payer>, after: Option<String> },
    Credits { after: Option<String> },
    Requests { payer: Option<Payer>, after: Option<i64> },
    Findings { all: bool },
    Actions { after: Option<i64> },
}

/// Some rows of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// As they are written.
    pub bytes: Vec<u8>,
    /// How many rows they are.
    pub rows: u64,
}

/// An export that ended too early.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The books failed.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// The rows could not be written.
    #[error(transparent)]
    Export(#[from] ExportError),
}

// === impl What ===

impl What {
    /// What a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        SOURCES.into_iter().find(|(name, _)| *name == word).map(|(_, what)| what)
    }

    /// The word.
    pub fn word(self) -> &'static str {
        SOURCES.into_iter().find(|(_, what)| *what == self).map_or("", |(word, _)| word)
    }

    /// The parameters of a payment filter that this list knows.
    const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Payments => &PaymentFilter::NAMES,
            Self::Statement => &["payer", "since", "until"],
            Self::Owed | Self::Requests => &["payer"],
            Self::Journal | Self::Credits | Self::Findings | Self::Actions => &[],
        }
    }
}

// === impl Source ===

impl Source {
    /// A list from its beginning.
    ///
    /// # Errors
    /// A parameter that the list does not know: it would export more than was asked for. A
    /// statement needs a payer.
    pub fn of(
        what: What,
        filter: PaymentFilter,
        account: Option<String>,
        all: bool,
    ) -> Result<Self, FilterError> {
        let unknown = |field, got: &str| FilterError {
            field,
            expected: "nothing, since this list has no such filter",
            got: got.to_owned(),
        };
        if let Some((name, value)) =
            filter.pairs().into_iter().find(|(name, _)| !what.parameters().contains(name))
        {
            return Err(unknown(name, &value));
        }
        if let Some(account) = account.as_deref().filter(|_| what != What::Journal) {
            return Err(unknown("account", account));
        }
        if all && !matches!(what, What::Owed | What::Findings) {
            return Err(unknown("all", "true"));
        }
        let list = match what {
            What::Payments => List::Payments { filter, after: None },
            What::Journal => List::Journal { account, after: None },
            What::Statement => {
                let PaymentFilter { payer: Some(payer), since, until, .. } = filter else {
                    return Err(FilterError {
                        field: "payer",
                        expected: "the payer whose statement it is",
                        got: String::new(),
                    });
                };
                List::Statement {
                    payer,
                    since: since.unwrap_or(BEGINNING),
                    until: until.unwrap_or(END),
                    after: None,
                }
            }
            What::Owed => List::Owed { all, payer: filter.payer, after: None },
            What::Credits => List::Credits { after: None },
            What::Requests => List::Requests { payer: filter.payer, after: None },
            What::Findings => List::Findings { all },
            What::Actions => List::Actions { after: None },
        };
        Ok(Self { list, ended: false })
    }

    /// The next rows; none at the end. The first chunk of an empty list has its header and no rows.
    ///
    /// # Errors
    /// [`SourceError`].
    pub async fn next(
        &mut self,
        desk: &dyn DeskBooks,
        writer: &mut Writer,
    ) -> Result<Option<Chunk>, SourceError> {
        if self.ended {
            return Ok(None);
        }
        let chunk = match &mut self.list {
            List::Payments { filter, after } => {
                let rows = desk.payments(filter, &page(after)).await?;
                *after = rows.last().and_then(|row| row.id.parse().ok());
                chunk(writer, &rows)
            }
            List::Journal { account, after } => {
                let rows = desk.postings(account.as_deref(), &page(after)).await?;
                *after = rows.last().map(|row| row.seq);
                chunk(writer, &rows)
            }
            List::Statement { payer, since, until, after } => {
                let rows = desk.statement(payer, *since, *until, &page(after)).await?;
                *after = rows.last().map(|row| row.seq);
                chunk(writer, &rows)
            }
            List::Owed { all, payer, after } => {
                let rows = desk.owed(*all, payer.as_ref(), &page(after)).await?;
                *after = rows.last().map(|row| row.id.clone());
                chunk(writer, &rows)
            }
            List::Credits { after } => {
                let rows = desk.credit_accounts(&page(after)).await?;
                *after = rows.last().map(|row| row.payer.clone());
                chunk(writer, &rows)
            }
            List::Requests { payer, after } => {
                let rows = desk.requests(payer.as_ref(), &page(after)).await?;
                *after = rows.last().map(|row| row.seq);
                chunk(writer, &rows)
            }
            List::Findings { all } => {
                self.ended = true;
                chunk(writer, &desk.all_findings(!*all, FINDINGS).await?)
            }
            List::Actions { after } => {
                let rows = desk.actions(&page(after)).await?;
                *after = rows.last().map(|row| row.seq);
                chunk(writer, &rows)
            }
        }?;
        self.ended |= chunk.rows < u64::from(PAGE);
        Ok(Some(chunk))
    }
}

fn page<K: Clone>(after: &Option<K>) -> Page<K> {
    Page { after: after.clone(), limit: PAGE }
}

fn chunk<S: Sheet>(writer: &mut Writer, rows: &[S]) -> Result<Chunk, ExportError> {
    Ok(Chunk { bytes: writer.rows(rows)?, rows: u64::try_from(rows.len()).unwrap_or(u64::MAX) })
}
