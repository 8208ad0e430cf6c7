//! What a look at a refund in USDC said: one guarded step of the refund, of the debt behind it, and
//! of the journal.

use payments::{
    agent::Payer,
    ids::PaymentId,
    ledger::{LedgerError, Posting},
    money::Amount,
    obligation::ObligationStep,
    ports::{
        BooksError, FindingKind, Found, Source, UsdcRefund, UsdcRefundChange, UsdcRefundFailure,
        UsdcRefundNote, UsdcRefundState,
    },
    settlement::{ChainHash, SettlementProof},
    time::UnixMs,
};

use super::super::dialect::{Connection, DbRow, no_bytes};
use super::super::{
    cards::paid_back, gas, journal, reconcile, rows, transitions::exactly_one, unavailable,
};

/// The transfer that a row names.
pub(super) fn proof(row: &DbRow, key: &str) -> Result<Option<SettlementProof>, BooksError> {
    let Some(tx_hash) = rows::text_or_none(row, "tx_hash")? else { return Ok(None) };
    let corrupt =
        |column| BooksError::Corrupt { table: "usdc_refunds", column, key: key.to_owned() };
    let number = |column| rows::unsigned(row, "usdc_refunds", column, || key.to_owned());
    Ok(Some(SettlementProof {
        tx_hash: ChainHash::parse(&tx_hash).ok_or_else(|| corrupt("tx_hash"))?,
        block_number: number("block_number")?,
        block_hash: ChainHash::parse(&rows::text(row, "block_hash")?)
            .ok_or_else(|| corrupt("block_hash"))?,
        log_index: number("log_index")?,
        fee_wei: 0,
    }))
}

/// False when another look was faster.
pub(super) async fn note(
    connection: &mut Connection,
    seen: &UsdcRefund,
    note: &UsdcRefundNote,
) -> Result<bool, BooksError> {
    paid_back::hold(connection, seen.owed).await?;
    if !step(connection, seen, note).await? {
        return Ok(false);
    }
    for (tx_hash, fee_wei) in &note.fees_wei {
        gas::note(connection, *tx_hash, Some(*fee_wei)).await?;
    }
    match (&note.change, seen.state) {
        (UsdcRefundChange::Same, _) if note.is_stuck => stuck(connection, seen, note.at).await,
        (UsdcRefundChange::Same, _) | (UsdcRefundChange::Paid(_), UsdcRefundState::Refunded) => {
            Ok(())
        }
        (UsdcRefundChange::Final, _) => end(connection, seen).await,
        (UsdcRefundChange::Paid(_), UsdcRefundState::Sent | UsdcRefundState::Failed) => {
            paid(connection, seen, note.at).await
        }
        (UsdcRefundChange::Lost, _) => lost(connection, seen, note.at).await,
        (UsdcRefundChange::Failed(why), _) => failed(connection, seen, *why, note.at).await,
    }?;
    Ok(true)
}

/// The guard, with what changes in the row itself.
async fn step(
    connection: &mut Connection,
    seen: &UsdcRefund,
    note: &UsdcRefundNote,
) -> Result<bool, BooksError> {
    let kept = seen.proof.as_ref();
    let (state, proof, is_final) = match &note.change {
        UsdcRefundChange::Same => (seen.state, kept, false),
        UsdcRefundChange::Paid(proof) => (UsdcRefundState::Refunded, Some(proof), false),
        UsdcRefundChange::Lost => (UsdcRefundState::Sent, None, false),
        UsdcRefundChange::Final => (seen.state, kept, true),
        UsdcRefundChange::Failed(_) => (UsdcRefundState::Failed, None, true),
    };
    let posts = i64::from(state != seen.state && UsdcRefundState::Failed != state);
    let changed = note.change != UsdcRefundChange::Same;
    let looks = if changed { 0 } else { seen.looks.saturating_add(1) };
    let stepped = sqlx::query(
        "UPDATE usdc_refunds SET state = $1, tx_hash = $2, log_index = $3, block_number = $4, block_hash = $5, final_at_ms = $6, looks = $7,
            next_look_at_ms = $8, postings = postings + $9, updated_at_ms = CASE WHEN state = $1 THEN updated_at_ms ELSE $10 END,
            version = version + 1
         WHERE refund_key = $11 AND version = $12",
    )
    .bind(state.word())
    .bind(proof.map(|proof| proof.tx_hash.to_string()))
    .bind(proof.map(|proof| rows::integer(proof.log_index)))
    .bind(proof.map(|proof| rows::integer(proof.block_number)))
    .bind(proof.map(|proof| proof.block_hash.to_string()))
    .bind(is_final.then_some(note.at.ms()))
    .bind(i64::from(looks))
    .bind(note.next_look_at.map(UnixMs::ms))
    .bind(posts)
    .bind(note.at.ms())
    .bind(seen.key())
    .bind(seen.version)
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(stepped.rows_affected() == 1)
}

/// The chain shows the transfer: the debt is paid.
async fn paid(
    connection: &mut Connection,
    refund: &UsdcRefund,
    at: UnixMs,
) -> Result<(), BooksError> {
    move_debt(connection, refund.owed, ObligationStep::PROVE, at).await?;
    post(connection, refund, Posting::refunded, at).await?;
    close_nonce(connection, refund, 1).await?;
    paid_back::close_findings(connection, refund.owed, at).await
}

/// A reorganisation took it back: what was booked is booked back, and the saved transaction goes
/// out again.
async fn lost(
    connection: &mut Connection,
    refund: &UsdcRefund,
    at: UnixMs,
) -> Result<(), BooksError> {
    move_debt(connection, refund.owed, ObligationStep::LOSE, at).await?;
    post(connection, refund, Posting::refund_reversed, at).await?;
    close_nonce(connection, refund, 0).await?;
    let detail = format!(
        "the refund of {} USDC for {} is not on the chain any more; it is sent again",
        refund.amount, refund.owed
    );
    open(connection, FindingKind::SettlementLost, &refund.key(), detail, at).await
}

async fn failed(
    connection: &mut Connection,
    refund: &UsdcRefund,
    why: UsdcRefundFailure,
    at: UnixMs,
) -> Result<(), BooksError> {
    move_debt(connection, refund.owed, ObligationStep::FAIL, at).await?;
    close_nonce(connection, refund, 1).await?;
    end(connection, refund).await?;
    paid_back::close_findings(connection, refund.owed, at).await?;
    let detail = format!(
        "the refund of {} USDC for {} failed: {}; it is due again",
        refund.amount,
        refund.owed,
        why.says()
    );
    open(connection, FindingKind::RefundFailed, &refund.key(), detail, at).await?;
    match why {
        UsdcRefundFailure::Foreign => {
            let detail = format!(
                "a transaction that is not ours used the nonce of {} that a refund was signed under",
                refund.from
            );
            open(connection, FindingKind::ForeignTransaction, &refund.key(), detail, at).await
        }
        UsdcRefundFailure::Reverted | UsdcRefundFailure::Cancelled => Ok(()),
    }
}

/// The token would refuse it: said when it was to be approved.
pub(super) async fn refused(
    connection: &mut Connection,
    owed: PaymentId,
    why: &str,
    at: UnixMs,
) -> Result<(), BooksError> {
    let detail = format!("the token refuses the refund of {owed}: {why}; it stays due");
    open(connection, FindingKind::RefundFailed, &format!("refund_{owed}_refused"), detail, at).await
}

async fn stuck(
    connection: &mut Connection,
    refund: &UsdcRefund,
    at: UnixMs,
) -> Result<(), BooksError> {
    let since = refund.approved_at.rfc3339();
    let detail = format!(
        "the refund of {} USDC for {} was approved at {since} and is not decided",
        refund.amount, refund.owed
    );
    open(connection, FindingKind::Stuck, &refund.key(), detail, at).await
}

/// Nothing changes it any more: no signature that could move money is kept.
async fn end(connection: &mut Connection, refund: &UsdcRefund) -> Result<(), BooksError> {
    sqlx::query(concat!(
        "UPDATE usdc_refund_attempts SET nonce_closed = 1, sealed_tx = ",
        no_bytes!(),
        " WHERE refund_key = $1"
    ))
    .bind(refund.key())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

async fn close_nonce(
    connection: &mut Connection,
    refund: &UsdcRefund,
    closed: i64,
) -> Result<(), BooksError> {
    sqlx::query(
        "UPDATE usdc_refund_attempts SET nonce_closed = $1, fee_wei = CASE WHEN $1 = 0 THEN NULL ELSE fee_wei END WHERE refund_key = $2",
    )
    .bind(closed)
    .bind(refund.key())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// One guarded step of the debt. Money that came without being asked for is owed under a name of
/// its own: its row of `usdc_refunds` alone says where its refund stands.
pub(super) async fn move_debt(
    connection: &mut Connection,
    id: PaymentId,
    step: ObligationStep,
    at: UnixMs,
) -> Result<(), BooksError> {
    let moved = sqlx::query(
        "UPDATE obligations SET state = $1, updated_at_ms = $2 WHERE intent_id = $3 AND state = $4",
    )
    .bind(step.to().word())
    .bind(at.ms())
    .bind(id.to_string())
    .bind(step.from().word())
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    if paid_back::is_receipt(connection, id).await? { Ok(()) } else { exactly_one(id, &moved) }
}

/// Named by how many postings it has: the same transfer may be booked, booked back and booked
/// again.
async fn post(
    connection: &mut Connection,
    refund: &UsdcRefund,
    posting: fn(PaymentId, &str, &Payer, Amount) -> Result<Posting, LedgerError>,
    at: UnixMs,
) -> Result<(), BooksError> {
    let too_large =
        || BooksError::Corrupt { table: "usdc_refunds", column: "amount_minor", key: refund.key() };
    let row =
        sqlx::query("SELECT postings FROM usdc_refunds WHERE refund_key = $1").bind(refund.key());
    let number =
        rows::int(&row.fetch_one(&mut *connection).await.map_err(unavailable)?, "postings")?;
    let (name, payer) = (format!("{}:{number}", refund.key()), Payer::Wallet(refund.to));
    let posting = posting(refund.owed, &name, &payer, Amount::Usdc(refund.amount))
        .map_err(|_| too_large())?;
    journal::post(connection, &posting, at).await
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
        Found { kind, key: key.to_owned(), source: Source::Chain, subject: String::new(), detail };
    reconcile::findings::open_one(connection, &found, at).await.map(drop)
}
