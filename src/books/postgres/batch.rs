//! A change in one statement: its parts are WITH clauses that hang on the first one, `root`, whose
//! guard decides for all of them. So a change is one round trip and one commit. What one part
//! writes no other part of the statement sees, and no row may be written by two of them.

use std::time::Duration;

use payments::ledger::Posting;
use sqlx::{
    Arguments, AssertSqlSafe, Encode, Type,
    error::BoxDynError,
    postgres::{PgArguments, PgExecutor, PgRow},
};

/// How long a server may take that stopped answering altogether; its own limits end what takes long
/// there.
pub(super) const SILENT: Duration = Duration::from_secs(5);

/// A server that does not answer.
pub(super) fn silent() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the server is silent"))
}

/// A statement in the making, with its arguments. Texts repeat, so each connection prepares each of
/// them once.
#[derive(Default)]
pub(super) struct Batch {
    parts: Vec<String>,
    arguments: PgArguments,
    refused: Option<BoxDynError>,
}

impl Batch {
    /// Adds an argument; says how the text names it.
    pub(super) fn bind<'a, T: Encode<'a, sqlx::Postgres> + Type<sqlx::Postgres>>(
        &mut self,
        value: T,
    ) -> String {
        if let Err(error) = self.arguments.add(value) {
            self.refused = Some(error);
        }
        format!("${}", self.arguments.len())
    }

    /// Adds a part.
    pub(super) fn part(&mut self, name: &str, statement: &str) {
        self.parts.push(format!("{name} AS ({statement})"));
    }

    /// A posting of the root's intent: its lines first, its header once they are there.
    pub(super) fn post(&mut self, posting: &Posting, at: &str) {
        let (txn, kind) = (self.bind(posting.txn_id().to_owned()), self.bind(posting.kind()));
        let mut lines = Vec::with_capacity(posting.lines().len());
        for (line_no, line) in (1_i64..).zip(posting.lines()) {
            let (account, currency) =
                (self.bind(line.account.to_string()), self.bind(line.currency));
            let amount = self.bind(line.amount_minor);
            lines.push(format!("({line_no}::BIGINT, {account}, {currency}, {amount})"));
        }
        let lines = lines.join(", ");
        self.part(
            "lines",
            &format!(
                "INSERT INTO journal_lines (txn_id, line_no, account, currency, amount)
                 SELECT {txn}, line.* FROM root CROSS JOIN (VALUES {lines}) AS line RETURNING 1"
            ),
        );
        self.part(
            "header",
            &format!(
                "INSERT INTO journal_headers (txn_id, kind, intent_id, posted_at_ms)
                 SELECT {txn}, {kind}, id, {at} FROM root WHERE (SELECT count(*) FROM lines) > 0"
            ),
        );
    }

    /// Carries it out; `answer` is the statement behind the parts.
    pub(super) async fn run(
        self,
        executor: impl PgExecutor<'_>,
        answer: &str,
    ) -> Result<Option<PgRow>, sqlx::Error> {
        Ok(self.run_all(executor, answer).await?.pop())
    }

    /// The same with every row of the answer.
    pub(super) async fn run_all(
        self,
        executor: impl PgExecutor<'_>,
        answer: &str,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        if let Some(error) = self.refused {
            return Err(sqlx::Error::Encode(error));
        }
        let text = if self.parts.is_empty() {
            answer.to_owned()
        } else {
            format!("WITH {} {answer}", self.parts.join(", "))
        };
        let answered = sqlx::query_with(AssertSqlSafe(text), self.arguments).fetch_all(executor);
        tokio::time::timeout(SILENT, answered).await.unwrap_or_else(|_| Err(silent()))
    }
}
