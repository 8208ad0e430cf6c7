//! Refunds in USDC from a wallet of their own, and transfers between our own addresses.

mod approve;
pub(super) mod moves;
mod note;

use async_trait::async_trait;
use payments::{
    ids::PaymentId,
    money::UsdcUnits,
    ports::{
        BooksError, RefundRefusal, UsdcRefund, UsdcRefundBooks, UsdcRefundNote, UsdcRefundOrder,
        UsdcRefundState,
    },
    settlement::Attempt,
    time::UnixMs,
};
use sqlx::Row;

use super::dialect::{Connection, DbRow, for_update};
use super::{Store, dialect, rows, store::in_transaction, unavailable};
use crate::books::doubt::{self, until_known};

/// Where money stands that came without being asked for, of a row of `receipts`: due, on its way
/// back, or back.
macro_rules! receipt_state {
    () => {
        concat!(
            "coalesce((SELECT u.state FROM usdc_refunds u WHERE u.owed_id = receipt_id AND u.state <> 'refund_failed'),
            CASE WHEN EXISTS (SELECT 1 FROM usdc_paid_back p WHERE p.owed_id = receipt_id) THEN '",
            ::payments::obligation_word!(Refunded),
            "' ELSE '",
            ::payments::obligation_word!(RefundDue),
            "' END)"
        )
    };
}
pub(super) use receipt_state;

#[async_trait]
impl UsdcRefundBooks for Store {
    async fn approve_usdc_refund(
        &self,
        order: &UsdcRefundOrder<'_>,
    ) -> Result<UsdcRefund, RefundRefusal> {
        let attempt = |in_doubt| -> doubt::Attempt<'_, UsdcRefund, RefundRefusal> {
            Box::pin(async move {
                let mut write = self.write(Some(order.approval.at.ms())).await?;
                let approved = approve::approve(&mut write.transaction, order, in_doubt).await;
                self.finish_unless(order.approval.dry_run, write, approved).await
            })
        };
        until_known(dialect::DOUBT, attempt).await
    }

    async fn note_usdc_refund_refused(
        &self,
        owed: PaymentId,
        why: &str,
        at: UnixMs,
    ) -> Result<(), BooksError> {
        in_transaction!(self, Some(at.ms()), write => note::refused(&mut write.transaction, owed, why, at).await)
    }

    async fn take_usdc_refund(
        &self,
        chain_id: u64,
        now: UnixMs,
        lease_until: UnixMs,
    ) -> Result<Option<UsdcRefund>, BooksError> {
        in_transaction!(self, None, write => take(&mut write.transaction, chain_id, now, lease_until).await)
    }

    async fn save_usdc_refund_attempt(
        &self,
        refund: &UsdcRefund,
        attempt: &Attempt,
    ) -> Result<bool, BooksError> {
        in_transaction!(self, Some(attempt.saved_at.ms()), write => save(&mut write.transaction, refund, attempt).await)
    }

    async fn note_usdc_refund(
        &self,
        seen: &UsdcRefund,
        note: &UsdcRefundNote,
    ) -> Result<bool, BooksError> {
        in_transaction!(self, Some(note.at.ms()), write => note::note(&mut write.transaction, seen, note).await)
    }
}

/// The one whose look is due longest, under a version that nobody else has; whoever comes at the
/// same time gets another one, or none.
async fn take(
    connection: &mut Connection,
    chain_id: u64,
    now: UnixMs,
    lease_until: UnixMs,
) -> Result<Option<UsdcRefund>, BooksError> {
    let due = sqlx::query(concat!(
        "SELECT refund_key FROM usdc_refunds WHERE next_look_at_ms <= $1 AND chain_id = $2 ORDER BY next_look_at_ms, refund_key LIMIT 1",
        for_update!()
    ));
    let due = due
        .bind(now.ms())
        .bind(rows::integer(chain_id))
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?;
    let Some(row) = due else { return Ok(None) };
    let key = rows::text(&row, "refund_key")?;
    sqlx::query(
        "UPDATE usdc_refunds SET next_look_at_ms = $1, version = version + 1 WHERE refund_key = $2",
    )
    .bind(lease_until.ms())
    .bind(&key)
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    load(connection, &key).await
}

async fn save(
    connection: &mut Connection,
    refund: &UsdcRefund,
    attempt: &Attempt,
) -> Result<bool, BooksError> {
    let held = sqlx::query("UPDATE usdc_refunds SET version = version WHERE refund_key = $1 AND version = $2 AND state = 'refund_sent'")
        .bind(refund.key())
        .bind(refund.version)
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    if held.rows_affected() == 0 {
        return Ok(false);
    }
    insert_attempt(connection, refund.chain_id, &refund.key(), attempt).await?;
    Ok(true)
}

/// Its key is the transaction's own hash: saved twice it is saved once.
async fn insert_attempt(
    connection: &mut Connection,
    chain_id: u64,
    key: &str,
    attempt: &Attempt,
) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO usdc_refund_attempts (refund_key, kind, chain_id, signer, eoa_nonce, tx_hash, max_fee_per_gas_wei, sealed_tx, saved_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (tx_hash) DO NOTHING",
    )
    .bind(key)
    .bind(attempt.kind.word())
    .bind(rows::integer(chain_id))
    .bind(attempt.signer.to_string())
    .bind(rows::integer(attempt.eoa_nonce))
    .bind(attempt.tx_hash.to_string())
    .bind(attempt.max_fee_per_gas_wei.to_string())
    .bind(attempt.sealed_tx.as_slice())
    .bind(attempt.saved_at.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

async fn load(connection: &mut Connection, key: &str) -> Result<Option<UsdcRefund>, BooksError> {
    let row = sqlx::query("SELECT * FROM usdc_refunds WHERE refund_key = $1")
        .bind(key)
        .fetch_optional(&mut *connection)
        .await;
    let Some(row) = row.map_err(unavailable)? else { return Ok(None) };
    let attempts =
        sqlx::query("SELECT * FROM usdc_refund_attempts WHERE refund_key = $1 ORDER BY seq")
            .bind(key)
            .fetch_all(connection)
            .await;
    let mut refund = of_row(&row, key)?;
    refund.attempts =
        attempts.map_err(unavailable)?.iter().map(rows::attempt).collect::<Result<_, _>>()?;
    Ok(Some(refund))
}

fn of_row(row: &DbRow, key: &str) -> Result<UsdcRefund, BooksError> {
    let corrupt =
        |column| BooksError::Corrupt { table: "usdc_refunds", column, key: key.to_owned() };
    let number = |column| rows::unsigned(row, "usdc_refunds", column, || key.to_owned());
    let small = |column: &'static str| u32::try_from(number(column)?).map_err(|_| corrupt(column));
    let to = rows::text(row, "payer")?.strip_prefix("wallet:").and_then(|text| text.parse().ok());
    Ok(UsdcRefund {
        owed: rows::id(row, "usdc_refunds", "owed_id")?,
        approval: small("approval")?,
        chain_id: number("chain_id")?,
        from: rows::text(row, "from_addr")?.parse().map_err(|_| corrupt("from_addr"))?,
        to: to.ok_or_else(|| corrupt("payer"))?,
        amount: UsdcUnits::new(number("amount_minor")?),
        signed_at_block: number("signed_at_block")?,
        state: UsdcRefundState::from_word(&rows::text(row, "state")?)
            .ok_or_else(|| corrupt("state"))?,
        approved_at: UnixMs::new(row.try_get("approved_at_ms").map_err(unavailable)?),
        attempts: Vec::new(),
        proof: note::proof(row, key)?,
        looks: small("looks")?,
        version: rows::int(row, "version")?,
    })
}
