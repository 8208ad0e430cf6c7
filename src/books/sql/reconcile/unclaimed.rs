//! Money that came by proofs which the books do not know: owed to who signed, unless it is older
//! than the books or somebody else's.

use payments::{
    agent::Payer,
    obligation::ObligationState,
    ports::{BooksError, ReceiptKind, ReceiptNote, Receiver, UnclaimedBooked, UnclaimedReceipt},
    reconcile::{BALANCE_MARK, account_without},
    time::UnixMs,
};

use super::super::{dialect::Connection, rows, unavailable};
use super::{receipts, runs, world};

/// Books it once, whoever shows the proof and however often.
pub(in super::super) async fn book(
    connection: &mut Connection,
    receipt: &UnclaimedReceipt,
    at: UnixMs,
) -> Result<UnclaimedBooked, BooksError> {
    let since = first_block(connection, &receipt.receiver).await?;
    let arrival = &receipt.arrival;
    let ours = !arrival.relayed && since.is_some_and(|since| arrival.block_number >= since);
    let note = ReceiptNote {
        id: receipt.id,
        chain_id: receipt.receiver.chain_id,
        place: arrival.place,
        block_number: arrival.block_number,
        from: receipt.from,
        value: receipt.value,
        kind: Some(if ours { ReceiptKind::Entitled } else { ReceiptKind::Unmatched }),
    };
    let is_new = receipts::note_one(connection, &note, at).await?;
    if is_new && since.is_none_or(|since| arrival.block_number < since) {
        leave_opening_balance(connection, receipt).await?;
    }
    let booked = receipts::find(connection, &note).await?;
    let Some(booked) = booked.filter(|booked| booked.kind == Some(ReceiptKind::Entitled)) else {
        return Ok(UnclaimedBooked::Suspense);
    };
    owe(connection, receipt, &booked.id.to_string(), at).await
}

async fn owe(
    connection: &mut Connection,
    receipt: &UnclaimedReceipt,
    id: &str,
    at: UnixMs,
) -> Result<UnclaimedBooked, BooksError> {
    sqlx::query(
        "INSERT INTO obligations (intent_id, receipt_id, payer, amount_minor, currency, state, entitled_until_ms, created_at_ms, updated_at_ms)
         VALUES ($1, $1, $2, $3, 'USDC', $6, $4, $5, $5) ON CONFLICT (intent_id) DO NOTHING",
    )
    .bind(id)
    .bind(Payer::Wallet(receipt.from).to_string())
    .bind(rows::integer(receipt.value.get()))
    .bind(receipt.entitled_until.ms())
    .bind(at.ms())
    .bind(ObligationState::Open.word())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    let row = sqlx::query("SELECT state, entitled_until_ms FROM obligations WHERE intent_id = $1")
        .bind(id)
        .fetch_one(connection)
        .await
        .map_err(unavailable)?;
    let until = UnixMs::new(rows::int(&row, "entitled_until_ms")?);
    let is_open = rows::text(&row, "state")? == ObligationState::Open.word();
    Ok(if is_open { UnclaimedBooked::Open { until } } else { UnclaimedBooked::Over })
}

/// It lay at the address before the first comparison, and was part of what that took as it was.
async fn leave_opening_balance(
    connection: &mut Connection,
    receipt: &UnclaimedReceipt,
) -> Result<(), BooksError> {
    let Some(mark) = runs::mark(connection, BALANCE_MARK).await? else { return Ok(()) };
    let Some(without) = account_without(&mark, &receipt.receiver, receipt.value) else {
        return Ok(());
    };
    sqlx::query("UPDATE reconcile_marks SET mark = $1 WHERE name = $2 AND mark = $3")
        .bind(without)
        .bind(BALANCE_MARK)
        .bind(mark)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

/// What a receipt that is gone takes along: false when it was used or given back before, and its
/// money is lost.
pub(super) async fn take_back(connection: &mut Connection, id: &str) -> Result<bool, BooksError> {
    let open = sqlx::query("DELETE FROM obligations WHERE receipt_id = $1 AND state IN ($2, $3)")
        .bind(id)
        .bind(ObligationState::Open.word())
        .bind(ObligationState::RefundDue.word());
    Ok(open.execute(connection).await.map_err(unavailable)?.rows_affected() == 1)
}

/// Where the books begin at this address: as it was noted at their first start, else by the oldest
/// claim.
async fn first_block(
    connection: &mut Connection,
    receiver: &Receiver,
) -> Result<Option<u64>, BooksError> {
    match runs::mark(connection, &receiver.mark("first")).await?.and_then(|text| text.parse().ok())
    {
        Some(block) => Ok(Some(block)),
        None => world::oldest_block(connection).await,
    }
}
