//! Debts in USDC that transfers made by hand paid.

mod fate;

pub(in super::super) use fate::{note_fate, unsettled};

use payments::{
    ids::PaymentId,
    ledger::{PaidFrom, Posting},
    money::UsdcUnits,
    obligation::{ObligationState, ObligationStep},
    ports::{BooksError, PaidBack, RefundRefusal, UsdcOwed, desk::NewAction},
    settlement::ChainHash,
    time::UnixMs,
};

use super::{
    super::{
        desk::actions,
        dialect::{Connection, Pool},
        journal, rows,
        transitions::exactly_one,
        unavailable,
        usdc_refunds::receipt_state,
    },
    findings,
    refunds::too_large,
};

/// Whoever decides about a debt decides alone until the change ends.
pub(in super::super) async fn hold(
    connection: &mut Connection,
    id: PaymentId,
) -> Result<(), BooksError> {
    for statement in [
        "UPDATE obligations SET updated_at_ms = updated_at_ms WHERE intent_id = $1",
        "UPDATE receipts SET updated_at_ms = updated_at_ms WHERE receipt_id = $1",
    ] {
        sqlx::query(statement)
            .bind(id.to_string())
            .execute(&mut *connection)
            .await
            .map_err(unavailable)?;
    }
    Ok(())
}

/// Whether a debt is money that came without being asked for.
pub(in super::super) async fn is_receipt(
    connection: &mut Connection,
    id: PaymentId,
) -> Result<bool, BooksError> {
    let receipt = sqlx::query("SELECT 1 FROM receipts WHERE receipt_id = $1 AND kind = 'unearned'")
        .bind(id.to_string());
    Ok(receipt.fetch_optional(connection).await.map_err(unavailable)?.is_some())
}

/// What failed or took long on the way of a debt that is paid is over.
pub(in super::super) async fn close_findings(
    connection: &mut Connection,
    id: PaymentId,
    at: UnixMs,
) -> Result<(), BooksError> {
    findings::close_refunds_of(connection, id, at).await
}

/// What is due in USDC: the debt of a payment, or a receipt that belongs to no payment and was not
/// paid back.
pub(in super::super) async fn owed(
    connection: &mut Connection,
    id: PaymentId,
) -> Result<UsdcOwed, RefundRefusal> {
    let row = sqlx::query(concat!(
        "SELECT o.payer, o.amount_minor, o.currency, o.state, coalesce(s.block_number, r.block_number, 0) AS since_block
             FROM obligations o LEFT JOIN settlements s ON s.intent_id = coalesce(o.part_of, o.intent_id)
             LEFT JOIN receipts r ON r.receipt_id = o.receipt_id WHERE o.intent_id = $1
             UNION ALL SELECT payer, amount_minor, 'USDC', ",
        receipt_state!(),
        ", block_number FROM receipts WHERE receipt_id = $1 AND kind = 'unearned'"
    ));
    let row = row
        .bind(id.to_string())
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?
        .ok_or(RefundRefusal::NotOwed)?;
    let (currency, state) = (rows::text(&row, "currency")?, rows::text(&row, "state")?);
    if currency != "USDC" {
        return Err(RefundRefusal::NotInUsdc);
    }
    if state != ObligationState::RefundDue.word() {
        return Err(RefundRefusal::Standing(state));
    }
    let corrupt =
        |column| BooksError::Corrupt { table: "obligations", column, key: id.to_string() };
    let payer = rows::text(&row, "payer")?;
    let wallet = payer
        .strip_prefix("wallet:")
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| corrupt("payer"))?;
    Ok(UsdcOwed {
        id,
        wallet,
        amount: UsdcUnits::new(rows::unsigned(&row, "obligations", "amount_minor", || {
            id.to_string()
        })?),
        since_block: rows::unsigned(&row, "settlements", "since_block", || id.to_string())?,
    })
}

pub(super) async fn used_logs(
    readers: &Pool,
    chain_id: u64,
    tx_hash: ChainHash,
) -> Result<Vec<u64>, BooksError> {
    let list =
        sqlx::query("SELECT log_index FROM usdc_paid_back WHERE chain_id = $1 AND tx_hash = $2")
            .bind(rows::integer(chain_id))
            .bind(tx_hash.to_string())
            .fetch_all(readers)
            .await
            .map_err(unavailable)?;
    list.iter()
        .map(|row| rows::unsigned(row, "usdc_paid_back", "log_index", || tx_hash.to_string()))
        .collect()
}

/// The debt ends with its transfer, in one commit; the table's keys let each pay and be paid once.
pub(super) async fn note(
    connection: &mut Connection,
    paid: &PaidBack,
) -> Result<(), RefundRefusal> {
    let id = paid.owed.id;
    hold(connection, id).await?;
    if owed(connection, id).await? != paid.owed {
        return Err(RefundRefusal::Books(BooksError::Stale(id)));
    }
    is_not_of_a_refund(connection, paid).await?;
    insert(connection, paid).await?;
    let ended = sqlx::query(
        "UPDATE obligations SET state = $1, updated_at_ms = $2 WHERE intent_id = $3 AND state = $4",
    )
    .bind(ObligationStep::PAY_BY_HAND.to().word())
    .bind(paid.at.ms())
    .bind(id.to_string())
    .bind(ObligationStep::PAY_BY_HAND.from().word())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    if !is_receipt(connection, id).await? {
        exactly_one(id, &ended)?;
    }
    post(connection, paid).await?;
    findings::close_refunds_of(connection, id, paid.at).await?;
    let (subject, reason) = (id.to_string(), paid.reason.clone());
    actions::note(
        connection,
        &NewAction { at: paid.at, action: "refund.paid_by_hand", subject, reason, via: paid.via },
    )
    .await?;
    Ok(())
}

/// What the refund wallet sent by itself pays the debt that it was signed for, and no other.
async fn is_not_of_a_refund(
    connection: &mut Connection,
    paid: &PaidBack,
) -> Result<(), RefundRefusal> {
    let ours = sqlx::query("SELECT 1 FROM usdc_refund_attempts WHERE tx_hash = $1")
        .bind(paid.transfer.place.tx_hash.to_string());
    match ours.fetch_optional(connection).await.map_err(unavailable)? {
        Some(_) => Err(RefundRefusal::TransferUsed),
        None => Ok(()),
    }
}

async fn insert(connection: &mut Connection, paid: &PaidBack) -> Result<(), RefundRefusal> {
    let transfer = &paid.transfer;
    let inserted = sqlx::query(
        "INSERT INTO usdc_paid_back (owed_id, chain_id, tx_hash, log_index, block_number, from_addr, payer, amount_minor, from_pay_to, reason,
            booked_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
    )
    .bind(paid.owed.id.to_string())
    .bind(rows::integer(paid.chain_id))
    .bind(transfer.place.tx_hash.to_string())
    .bind(rows::integer(transfer.place.log_index))
    .bind(rows::integer(transfer.block_number))
    .bind(transfer.from.to_string())
    .bind(format!("wallet:{}", paid.owed.wallet))
    .bind(rows::integer(paid.owed.amount.get()))
    .bind(i64::from(paid.from_pay_to))
    .bind(&paid.reason)
    .bind(paid.at.ms())
    .execute(connection)
    .await
    .map_err(unavailable)?;
    if inserted.rows_affected() == 1 { Ok(()) } else { Err(RefundRefusal::TransferUsed) }
}

async fn post(connection: &mut Connection, paid: &PaidBack) -> Result<(), BooksError> {
    let (id, place) = (paid.owed.id, &paid.transfer.place);
    let name = format!("{}:{}:{}", place.tx_hash, place.log_index, paid.transfer.block_number);
    let posting = Posting::paid_by_hand(
        id,
        &name,
        paid.owed.wallet,
        paid_from(paid.from_pay_to),
        paid.owed.amount,
    );
    journal::post(connection, &posting.map_err(|_| too_large(id))?, paid.at).await
}

const fn paid_from(is_pay_to: bool) -> PaidFrom {
    if is_pay_to { PaidFrom::PayTo } else { PaidFrom::Another }
}
