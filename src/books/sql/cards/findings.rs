//! Findings about refunds: opened and closed with what they are about.

use payments::{
    charge::Refund,
    ids::PaymentId,
    ports::{BooksError, FindingKind, Found, PaidBackTransfer, Source},
    time::UnixMs,
};

use super::super::{dialect::Connection, reconcile, unavailable};

/// A refund failed, at once or after it had succeeded.
pub(super) async fn refund_failed(
    connection: &mut Connection,
    refund: &Refund,
    why: &str,
    at: UnixMs,
) -> Result<(), BooksError> {
    close(connection, FindingKind::Stuck, &refund.stripe_key, at).await?;
    let detail = format!(
        "the refund of {} minor units for {} failed: {why}; it is due again",
        refund.amount_minor, refund.intent
    );
    open(connection, FindingKind::RefundFailed, &refund.stripe_key, detail, at).await
}

/// A refund made elsewhere that had paid a debt failed.
pub(super) async fn foreign_refund_failed(
    connection: &mut Connection,
    id: PaymentId,
    cents: u64,
    number: u64,
    at: UnixMs,
) -> Result<(), BooksError> {
    let detail = format!(
        "a refund of {cents} cents that was made elsewhere for {id} failed; it is due again"
    );
    open(connection, FindingKind::RefundFailed, &format!("elsewhere_{id}_{number}"), detail, at)
        .await
}

/// A transfer that had paid a debt in USDC was taken away by a reorganisation.
pub(super) async fn transfer_lost(
    connection: &mut Connection,
    transfer: &PaidBackTransfer,
    at: UnixMs,
) -> Result<(), BooksError> {
    let (id, tx_hash) = (transfer.owed, transfer.place.tx_hash);
    let detail = format!(
        "{tx_hash}, which had paid back {id}, is not on the chain any more; it is due again"
    );
    open(connection, FindingKind::RefundFailed, &format!("refund_{id}_{tx_hash}"), detail, at).await
}

/// A refund is not decided although it should be by now.
pub(super) async fn refund_stuck(
    connection: &mut Connection,
    refund: &Refund,
    at: UnixMs,
) -> Result<(), BooksError> {
    let name = refund.refund_id.as_deref().unwrap_or("no answer yet");
    let since = refund.approved_at.rfc3339();
    let detail = format!(
        "the refund of {} ({}, {name}) was approved at {since} and is not decided",
        refund.intent, refund.payment_intent
    );
    open(connection, FindingKind::Stuck, &refund.stripe_key, detail, at).await
}

/// A part of what is owed went back by other means while a refund of it was approved.
pub(super) async fn refund_differs(
    connection: &mut Connection,
    id: PaymentId,
    elsewhere_cents: u64,
    left_cents: u64,
    at: UnixMs,
) -> Result<(), BooksError> {
    let detail = format!(
        "{elsewhere_cents} cents of {id} went back elsewhere while its refund was approved; {left_cents} are left to give back"
    );
    open(connection, FindingKind::RefundDiffers, &id.to_string(), detail, at).await
}

/// What is owed ended by one way or another: what differed, failed or took long on the way is over.
pub(super) async fn close_refunds_of(
    connection: &mut Connection,
    id: PaymentId,
    at: UnixMs,
) -> Result<(), BooksError> {
    close(connection, FindingKind::RefundDiffers, &id.to_string(), at).await?;
    let closed = sqlx::query(
        "UPDATE findings SET closed_at_ms = $1 WHERE kind IN ('refund_failed', 'stuck', 'settlement_lost') AND source IN ('stripe', 'chain')
         AND closed_at_ms IS NULL
         AND (key LIKE $2 OR key LIKE $3 OR key = $4)",
    );
    let [ours, elsewhere, first] =
        [format!("refund_{id}_%"), format!("elsewhere_{id}_%"), format!("refund_{id}")];
    closed
        .bind(at.ms())
        .bind(ours)
        .bind(elsewhere)
        .bind(first)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

/// The subject stays empty: no comparison with a list decides that such a finding is over.
async fn open(
    connection: &mut Connection,
    kind: FindingKind,
    key: &str,
    detail: String,
    at: UnixMs,
) -> Result<(), BooksError> {
    let found =
        Found { kind, key: key.to_owned(), source: Source::Stripe, subject: String::new(), detail };
    reconcile::findings::open_one(connection, &found, at).await.map(drop)
}

async fn close(
    connection: &mut Connection,
    kind: FindingKind,
    key: &str,
    at: UnixMs,
) -> Result<(), BooksError> {
    reconcile::findings::close_one(connection, kind.word(), key, at).await.map(drop)
}
