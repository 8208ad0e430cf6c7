//! Findings: opened once, closed by themselves or by an operator.

use payments::{
    ports::{
        BooksError, CloseFinding, CloseRefusal, Finding, FindingKind, Found, OpenFinding, Source,
        desk::NewAction,
    },
    reconcile::{ACCEPTED, CARD_BALANCE_MARK, CLEARING_MARK},
    time::UnixMs,
};

use super::super::{desk::actions, dialect::Connection, finality, rows, unavailable};
use super::runs;

/// What an operator accepts of our address's balance: the account starts afresh.
const BALANCE: &str = "balance";

pub(in super::super) async fn list(
    connection: &mut Connection,
    all: bool,
    limit: u32,
) -> Result<Vec<Finding>, BooksError> {
    let list = sqlx::query(
        "SELECT a.kind, a.key, f.detail, a.opened_at, a.closed_at, f.closed_reason
         FROM findings f JOIN audit_findings a ON a.kind = f.kind AND a.key = f.key
         WHERE f.closed_at_ms IS NULL OR $1 = 1 ORDER BY f.opened_at_ms DESC, f.kind, f.key LIMIT $2",
    )
    .bind(i64::from(all))
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    list.iter().map(finality::finding).collect()
}

pub(super) async fn open(
    connection: &mut Connection,
    source: Source,
) -> Result<Vec<OpenFinding>, BooksError> {
    let list = sqlx::query("SELECT kind, key, subject FROM findings WHERE source = $1 AND closed_at_ms IS NULL ORDER BY kind, key")
        .bind(source.word())
        .fetch_all(connection)
        .await
        .map_err(unavailable)?;
    let mut findings = Vec::with_capacity(list.len());
    for row in &list {
        // A kind that this program does not know is none of its business.
        let Some(kind) = FindingKind::from_word(&rows::text(row, "kind")?) else { continue };
        findings.push(OpenFinding {
            kind,
            key: rows::text(row, "key")?,
            subject: rows::text(row, "subject")?,
        });
    }
    Ok(findings)
}

pub(super) async fn note(
    connection: &mut Connection,
    fence: i64,
    found: &[Found],
    gone: &[OpenFinding],
    at: UnixMs,
) -> Result<(u64, u64), BooksError> {
    runs::guard(connection, fence).await?;
    let (mut opened, mut closed) = (0_u64, 0_u64);
    for found in found {
        opened = opened.saturating_add(open_one(connection, found, at).await?);
    }
    for gone in gone {
        closed =
            closed.saturating_add(close_one(connection, gone.kind.word(), &gone.key, at).await?);
    }
    Ok((opened, closed))
}

/// Closes a finding without a reason: what it was about is over. Says how many were open.
pub(in super::super) async fn close_one(
    connection: &mut Connection,
    kind: &str,
    key: &str,
    at: UnixMs,
) -> Result<u64, BooksError> {
    let closed = sqlx::query("UPDATE findings SET closed_at_ms = $1 WHERE kind = $2 AND key = $3 AND closed_at_ms IS NULL")
        .bind(at.ms())
        .bind(kind)
        .bind(key)
        .execute(connection)
        .await
        .map_err(unavailable)?;
    Ok(closed.rows_affected())
}

/// What an operator closed stays closed: it was looked at, and the reason is kept.
pub(in super::super) async fn open_one(
    connection: &mut Connection,
    found: &Found,
    at: UnixMs,
) -> Result<u64, BooksError> {
    let opened = sqlx::query(
        "INSERT INTO findings (kind, key, opened_at_ms, detail, source, subject) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (kind, key) DO UPDATE SET opened_at_ms = excluded.opened_at_ms, closed_at_ms = NULL
         WHERE findings.closed_at_ms IS NOT NULL AND findings.closed_reason IS NULL",
    )
    .bind(found.kind.word())
    .bind(&found.key)
    .bind(at.ms())
    .bind(&found.detail)
    .bind(found.source.word())
    .bind(&found.subject)
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    sqlx::query(
        "UPDATE findings SET detail = $1, source = $2, subject = $3 WHERE kind = $4 AND key = $5 AND closed_at_ms IS NULL
         AND (detail <> $1 OR source <> $2 OR subject <> $3)",
    )
    .bind(&found.detail)
    .bind(found.source.word())
    .bind(&found.subject)
    .bind(found.kind.word())
    .bind(&found.key)
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(opened.rows_affected())
}

/// Whether this very close was written: the finding bears its moment and reason.
pub(super) async fn is_closed_by(
    connection: &mut Connection,
    close: &CloseFinding,
) -> Result<bool, BooksError> {
    let closed = sqlx::query("SELECT 1 FROM findings WHERE kind = $1 AND key = $2 AND closed_at_ms = $3 AND closed_reason = $4")
        .bind(close.kind.word())
        .bind(&close.key)
        .bind(close.at.ms())
        .bind(&close.reason);
    Ok(closed.fetch_optional(connection).await.map_err(unavailable)?.is_some())
}

pub(super) async fn close(
    connection: &mut Connection,
    close: &CloseFinding,
) -> Result<(), CloseRefusal> {
    if close.kind == FindingKind::CouldNotCheck {
        return Err(CloseRefusal::ByItselfOnly);
    }
    let closed =
        sqlx::query("UPDATE findings SET closed_at_ms = $1, closed_reason = $2 WHERE kind = $3 AND key = $4 AND closed_at_ms IS NULL")
            .bind(close.at.ms())
            .bind(&close.reason)
            .bind(close.kind.word())
            .bind(&close.key)
            .execute(&mut *connection)
            .await
            .map_err(unavailable)?;
    if closed.rows_affected() == 0 {
        let known = sqlx::query("SELECT kind FROM findings WHERE kind = $1 AND key = $2")
            .bind(close.kind.word())
            .bind(&close.key);
        let known = known.fetch_optional(connection).await.map_err(unavailable)?;
        return Err(if known.is_some() { CloseRefusal::Closed } else { CloseRefusal::Unknown });
    }
    let subject = format!("{} {}", close.kind.word(), close.key);
    let action = NewAction {
        at: close.at,
        action: "finding.close",
        subject,
        reason: close.reason.clone(),
        via: close.via,
    };
    actions::note(connection, &action).await?;
    match close.kind {
        FindingKind::AmountMismatch => accept_difference(connection, &close.key).await,
        _ => Ok(()),
    }
}

/// An account that an operator looked at starts afresh with what it differs by.
async fn accept_difference(connection: &mut Connection, key: &str) -> Result<(), CloseRefusal> {
    if let Some(account) =
        [BALANCE, CARD_BALANCE_MARK].into_iter().find(|account| key.starts_with(account))
    {
        sqlx::query("DELETE FROM reconcile_marks WHERE name = $1")
            .bind(account)
            .execute(connection)
            .await
            .map_err(unavailable)?;
    } else if key.starts_with(CLEARING_MARK) {
        sqlx::query("INSERT INTO reconcile_marks (name, mark) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET mark = excluded.mark")
            .bind(CLEARING_MARK)
            .bind(ACCEPTED)
            .execute(connection)
            .await
            .map_err(unavailable)?;
    }
    Ok(())
}
