//! Everything about one payment.

use ::payments::{
    ids::PaymentId,
    ports::{
        BooksError,
        desk::{AttemptRow, DisputeRow, Dossier, RefundRow},
    },
};
use sqlx::Row;

use super::super::{
    dialect::{Connection, DbRow},
    rows, unavailable,
};
use super::{
    actions, lists,
    page::live,
    payments::{self, beside, columns},
    text::{int_or_none, moment, moment_or_none},
};

pub(super) async fn of(
    connection: &mut Connection,
    id: PaymentId,
) -> Result<Option<Dossier>, BooksError> {
    let key = id.to_string();
    let row = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        ", i.fingerprint, i.client_idem_key, i.from_addr, i.nonce, i.pay_to, i.valid_before_unix_s, s.log_index, s.block_number, s.block_hash,
            CAST(CASE WHEN s.intent_id IS NULL THEN NULL WHEN s.rail = 'x402' AND s.final_at_ms IS NULL THEN 0 ELSE 1 END AS BIGINT) AS is_final,
            c.challenge_id
         FROM intents i",
        beside!(),
        " LEFT JOIN charges c ON c.intent_id = i.id WHERE i.id = $1"
    ));
    let Some(row) = row
        .bind(&key)
        .persistent(false)
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?
    else {
        return Ok(None);
    };
    Ok(Some(Dossier {
        payment: payments::row(&row)?,
        fingerprint: hex(&row)?,
        idempotency_key: rows::text_or_none(&row, "client_idem_key")?,
        log_index: int_or_none(&row, "log_index")?,
        block_number: int_or_none(&row, "block_number")?,
        block_hash: rows::text_or_none(&row, "block_hash")?,
        is_final: int_or_none(&row, "is_final")?.map(|is_final| is_final == 1),
        from_addr: rows::text_or_none(&row, "from_addr")?,
        nonce: rows::text_or_none(&row, "nonce")?,
        pay_to: rows::text_or_none(&row, "pay_to")?,
        valid_before_unix_s: int_or_none(&row, "valid_before_unix_s")?,
        challenge_id: rows::text_or_none(&row, "challenge_id")?,
        attempts: list(connection, ATTEMPTS, &key)
            .await?
            .iter()
            .map(attempt)
            .collect::<Result<_, _>>()?,
        refund: list(connection, "SELECT * FROM refunds WHERE intent_id = $1", &key)
            .await?
            .first()
            .map(refund)
            .transpose()?,
        disputes: list(connection, DISPUTES, &key)
            .await?
            .iter()
            .map(dispute)
            .collect::<Result<_, _>>()?,
        requests: list(connection, REQUESTS, &key)
            .await?
            .iter()
            .map(lists::request)
            .collect::<Result<_, _>>()?,
        actions: actions::about(connection, &key).await?,
        joined: list(connection, JOINED, &key)
            .await?
            .iter()
            .map(|row| rows::text(row, "proof"))
            .collect::<Result<_, _>>()?,
    }))
}

const ATTEMPTS: &str =
    "SELECT kind, saved_at_ms, tx_hash, signer, eoa_nonce, fee_wei, NULL AS stripe_key FROM attempts WHERE intent_id = $1
     UNION ALL SELECT 'charge', saved_at_ms, NULL, NULL, CAST(NULL AS BIGINT), NULL, stripe_key FROM charges WHERE intent_id = $1
     ORDER BY saved_at_ms, eoa_nonce, tx_hash";
const DISPUTES: &str = "SELECT coalesce(n.dispute_id, d.dispute_id) AS dispute_id, coalesce(d.amount_cents, n.amount_cents) AS amount_cents,
        coalesce(d.state, n.state) AS state, coalesce(d.opened_at_ms, n.opened_at_ms) AS opened_at_ms, d.closed_at_ms, n.status, n.reason, n.due_by_ms
     FROM (SELECT dispute_id FROM dispute_facts WHERE intent_id = $1 UNION SELECT dispute_id FROM dispute_notes WHERE intent_id = $1) AS known
        LEFT JOIN dispute_facts d ON d.dispute_id = known.dispute_id LEFT JOIN dispute_notes n ON n.dispute_id = known.dispute_id
     ORDER BY 4, 1";
const REQUESTS: &str = "SELECT * FROM request_log WHERE payment_id = $1 ORDER BY seq";
/// Claimed for the same work, and not what it was claimed with first.
const JOINED: &str = "SELECT proof FROM (
        SELECT a.purpose || ' ' || a.nonce AS proof, a.claimed_at_ms FROM auths a JOIN intents i ON i.id = a.intent_id
        WHERE a.intent_id = $1 AND (i.nonce IS NULL OR a.nonce <> i.nonce OR a.from_addr <> i.from_addr OR a.asset <> i.asset OR a.chain_id <> i.chain_id)
        UNION ALL SELECT c.purpose || ' ' || c.challenge_id, c.claimed_at_ms FROM challenges c
        LEFT JOIN charges h ON h.intent_id = c.intent_id AND h.challenge_id = c.challenge_id
        WHERE c.intent_id = $1 AND h.intent_id IS NULL) AS joined ORDER BY claimed_at_ms, proof";

async fn list(
    connection: &mut Connection,
    query: &'static str,
    key: &str,
) -> Result<Vec<DbRow>, BooksError> {
    sqlx::query(query).bind(key).persistent(false).fetch_all(connection).await.map_err(unavailable)
}

fn hex(row: &DbRow) -> Result<String, BooksError> {
    let bytes: Vec<u8> = row.try_get("fingerprint").map_err(unavailable)?;
    Ok(::hex::encode(bytes))
}

fn attempt(row: &DbRow) -> Result<AttemptRow, BooksError> {
    Ok(AttemptRow {
        kind: rows::text(row, "kind")?,
        saved_at: moment(row, "saved_at_ms")?,
        tx_hash: rows::text_or_none(row, "tx_hash")?,
        signer: rows::text_or_none(row, "signer")?,
        eoa_nonce: int_or_none(row, "eoa_nonce")?,
        fee_wei: rows::text_or_none(row, "fee_wei")?,
        stripe_key: rows::text_or_none(row, "stripe_key")?,
    })
}

fn refund(row: &DbRow) -> Result<RefundRow, BooksError> {
    Ok(RefundRow {
        payment_intent: rows::text(row, "payment_intent")?,
        amount_minor: rows::int(row, "amount_minor")?,
        currency: rows::text(row, "currency")?,
        state: rows::text(row, "state")?,
        reason: rows::text(row, "reason")?,
        approved_at: moment(row, "approved_at_ms")?,
        updated_at: moment(row, "updated_at_ms")?,
    })
}

fn dispute(row: &DbRow) -> Result<DisputeRow, BooksError> {
    Ok(DisputeRow {
        dispute_id: rows::text(row, "dispute_id")?,
        amount_cents: rows::int(row, "amount_cents")?,
        state: rows::text(row, "state")?,
        opened_at: moment(row, "opened_at_ms")?,
        closed_at: moment_or_none(row, "closed_at_ms")?,
        status: rows::text_or_none(row, "status")?,
        reason: rows::text_or_none(row, "reason")?,
        due_by: moment_or_none(row, "due_by_ms")?,
    })
}
