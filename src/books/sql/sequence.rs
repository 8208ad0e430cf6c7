//! The signers' sequences of nonces: what was given out, what fills a hole, and a payment that is
//! signed anew.

use payments::{
    ids::PaymentId,
    intent::{Guard, Intent},
    ports::{
        BooksError, FOREIGN_TRANSACTION, KnownNonce, OpenNonce, PreparationError, Renewal,
        Sequence, SigningAccount,
    },
    settlement::{Attempt, ChainHash},
    time::UnixMs,
};

use super::dialect::{Connection, DbRow};
use super::{rows, transitions, unavailable};

/// The nonce after the last one that this account ($2, on the chain $1) signed a payment with; in
/// books of the release before that is all that is known of its chain.
macro_rules! after_the_last_signed {
    () => {
        "coalesce((SELECT a.eoa_nonce + 1 FROM attempts a JOIN intents i ON i.id = a.intent_id
                   WHERE a.signer = $2 AND i.chain_id = $1 ORDER BY a.eoa_nonce DESC LIMIT 1), 0)"
    };
}

/// Gives out the account's next nonce: never below what the chain has seen, never the same twice.
pub(super) async fn take_nonce(
    connection: &mut Connection,
    account: SigningAccount,
    chain_next_nonce: u64,
) -> Result<u64, BooksError> {
    let row = sqlx::query(concat!(
        "INSERT INTO signer_nonces (chain_id, signer, next_nonce)
         SELECT $1, $2, CASE WHEN signed.next < $3 THEN $3 ELSE signed.next END + 1 FROM (SELECT ",
        after_the_last_signed!(),
        " AS next) AS signed WHERE 1 = 1
         ON CONFLICT (chain_id, signer) DO UPDATE SET next_nonce =
            CASE WHEN signer_nonces.next_nonce < excluded.next_nonce THEN excluded.next_nonce ELSE signer_nonces.next_nonce + 1 END
         RETURNING next_nonce - 1 AS nonce"
    ))
    .bind(rows::integer(account.chain_id))
    .bind(account.address.to_string())
    .bind(rows::integer(chain_next_nonce))
    .fetch_one(connection)
    .await
    .map_err(unavailable)?;
    rows::unsigned(&row, "signer_nonces", "nonce", || account.address.to_string())
}

/// The first nonce of the account that was never given out.
pub(super) async fn next_nonce(
    connection: &mut Connection,
    account: SigningAccount,
) -> Result<u64, BooksError> {
    let row = sqlx::query(concat!(
        "SELECT CASE WHEN given.next < signed.next THEN signed.next ELSE given.next END AS next FROM (SELECT ",
        after_the_last_signed!(),
        " AS next) AS signed CROSS JOIN (SELECT coalesce(max(next_nonce), 0) AS next FROM signer_nonces WHERE chain_id = $1 AND signer = $2) AS given"
    ))
    .bind(rows::integer(account.chain_id))
    .bind(account.address.to_string())
    .fetch_one(connection)
    .await
    .map_err(unavailable)?;
    rows::unsigned(&row, "signer_nonces", "next", || account.address.to_string())
}

/// What was given out is read first: a nonce that is given out meanwhile is then one with a
/// transaction.
pub(super) async fn sequence(
    connection: &mut Connection,
    account: SigningAccount,
    from_nonce: u64,
) -> Result<Sequence, BooksError> {
    let next_nonce = next_nonce(connection, account).await?;
    let nonces = sqlx::query(
        "SELECT eoa_nonce, min(CAST(nonce_closed AS BIGINT)) AS closed, min(saved_at_ms) AS saved_at_ms FROM (
            SELECT a.eoa_nonce, a.nonce_closed, a.saved_at_ms FROM attempts a JOIN intents i ON i.id = a.intent_id
            WHERE a.signer = $1 AND a.eoa_nonce >= $2 AND i.chain_id = $3
            UNION ALL SELECT eoa_nonce, nonce_closed, saved_at_ms FROM usdc_refund_attempts
            WHERE signer = $1 AND eoa_nonce >= $2 AND chain_id = $3) AS signed
         GROUP BY eoa_nonce ORDER BY eoa_nonce",
    )
    .bind(account.address.to_string())
    .bind(rows::integer(from_nonce))
    .bind(rows::integer(account.chain_id))
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    let fills = sqlx::query(
        "SELECT tx_hash, signer, eoa_nonce, max_fee_per_gas_wei, sealed_tx, saved_at_ms, fee_wei, 'void' AS kind FROM nonce_fills
         WHERE chain_id = $1 AND signer = $2 AND nonce_closed = 0 ORDER BY seq",
    )
    .bind(rows::integer(account.chain_id))
    .bind(account.address.to_string())
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    Ok(Sequence {
        next_nonce,
        nonces: nonces.iter().map(known).collect::<Result<_, _>>()?,
        fills: fills.iter().map(rows::attempt).collect::<Result<_, _>>()?,
    })
}

fn known(row: &DbRow) -> Result<KnownNonce, BooksError> {
    Ok(KnownNonce {
        eoa_nonce: rows::unsigned(row, "attempts", "eoa_nonce", String::new)?,
        open: rows::int(row, "closed")? == 0,
        saved_at: UnixMs::new(rows::int(row, "saved_at_ms")?),
    })
}

pub(super) async fn open_nonces(
    connection: &mut Connection,
    account: SigningAccount,
    limit: u32,
) -> Result<Vec<OpenNonce>, BooksError> {
    let open = sqlx::query(
        "SELECT DISTINCT i.id AS id, a.eoa_nonce FROM attempts a JOIN intents i ON i.id = a.intent_id
         WHERE a.nonce_closed = 0 AND a.signer = $1 AND i.chain_id = $2
         AND i.state IN ('pay_failed', 'forwarding', 'core_unknown', 'created', 'rejected') ORDER BY i.id, a.eoa_nonce LIMIT $3",
    )
    .bind(account.address.to_string())
    .bind(rows::integer(account.chain_id))
    .bind(i64::from(limit))
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    let mut nonces = Vec::with_capacity(open.len());
    for row in &open {
        let id = rows::id(row, "intents", "id")?;
        let eoa_nonce = rows::unsigned(row, "attempts", "eoa_nonce", || id.to_string())?;
        if let Some(intent) = rows::intent(connection, id).await? {
            nonces.push(OpenNonce { intent, eoa_nonce });
        }
    }
    Ok(nonces)
}

/// Every key of it is the transaction's own hash, so that whoever saves it twice saves it once.
pub(super) async fn save_fill(
    connection: &mut Connection,
    account: SigningAccount,
    fill: &Attempt,
) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO nonce_fills (chain_id, signer, eoa_nonce, tx_hash, max_fee_per_gas_wei, sealed_tx, saved_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tx_hash) DO NOTHING",
    )
    .bind(rows::integer(account.chain_id))
    .bind(account.address.to_string())
    .bind(rows::integer(fill.eoa_nonce))
    .bind(fill.tx_hash.to_string())
    .bind(fill.max_fee_per_gas_wei.to_string())
    .bind(fill.sealed_tx.as_slice())
    .bind(fill.saved_at.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// The guard first: it is what a driver that lost its turn must hear, and a nonce that is given out
/// has a transaction.
pub(super) async fn renew(
    connection: &mut Connection,
    id: PaymentId,
    guard: Guard,
    renewal: &Renewal<'_>,
) -> Result<Result<Intent, PreparationError>, BooksError> {
    let at = renewal.at;
    transitions::touch(connection, id, guard, at).await?;
    let eoa_nonce =
        take_nonce(connection, renewal.account, renewal.resigning.chain_next_nonce).await?;
    let attempt = match renewal.resigning.preparer.prepare(id, eoa_nonce, at) {
        Ok(attempt) => attempt,
        Err(refusal) => return Ok(Err(refusal)),
    };
    rows::insert_attempt(connection, id, &attempt).await?;
    // The release before reads its own table.
    sqlx::query("UPDATE signers SET next_nonce = $1 WHERE addr = $2 AND next_nonce < $1")
        .bind(rows::integer(eoa_nonce.saturating_add(1)))
        .bind(renewal.account.address.to_string())
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    sqlx::query("INSERT INTO findings (kind, key, opened_at_ms, detail) VALUES ($1, $2, $3, $4) ON CONFLICT (kind, key) DO NOTHING")
        .bind(FOREIGN_TRANSACTION)
        .bind(id.to_string())
        .bind(at.ms())
        .bind(&renewal.detail)
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    rows::intent(connection, id).await?.map(Ok).ok_or(BooksError::Stale(id))
}

/// A reorganisation took back what used the nonce, and what that had cost.
pub(super) async fn reopen(
    connection: &mut Connection,
    account: SigningAccount,
    eoa_nonce: u64,
) -> Result<(), BooksError> {
    for statement in [
        "UPDATE attempts SET nonce_closed = 0, fee_wei = NULL WHERE signer = $1 AND eoa_nonce = $2
         AND EXISTS (SELECT 1 FROM intents i WHERE i.id = attempts.intent_id AND i.chain_id = $3)",
        "UPDATE nonce_fills SET nonce_closed = 0, fee_wei = NULL WHERE signer = $1 AND eoa_nonce = $2 AND chain_id = $3",
        "UPDATE usdc_refund_attempts SET nonce_closed = 0, fee_wei = NULL WHERE signer = $1 AND eoa_nonce = $2 AND chain_id = $3
         AND EXISTS (SELECT 1 FROM usdc_refunds u WHERE u.refund_key = usdc_refund_attempts.refund_key AND u.final_at_ms IS NULL)",
    ] {
        sqlx::query(statement)
            .bind(account.address.to_string())
            .bind(rows::integer(eoa_nonce))
            .bind(rows::integer(account.chain_id))
            .execute(&mut *connection)
            .await
            .map_err(unavailable)?;
    }
    Ok(())
}

/// Of what filled a hole, or paid a refund.
pub(super) async fn note_fee(
    connection: &mut Connection,
    tx_hash: ChainHash,
    fee_wei: Option<u128>,
) -> Result<(), BooksError> {
    for statement in [
        "UPDATE nonce_fills SET fee_wei = $1 WHERE tx_hash = $2",
        "UPDATE usdc_refund_attempts SET fee_wei = $1 WHERE tx_hash = $2",
    ] {
        sqlx::query(statement)
            .bind(fee_wei.map(|wei| wei.to_string()))
            .bind(tx_hash.to_string())
            .execute(&mut *connection)
            .await
            .map_err(unavailable)?;
    }
    Ok(())
}
