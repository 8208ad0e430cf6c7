//! Rows to rules' types and back. An impossible value names its table, column and key.

mod attempts;
mod columns;

pub(super) use attempts::{attempt, insert_attempt, settlement_proof};
pub(super) use columns::{
    amount, chain_id, count, fingerprint, id, int, integer, nonce, text, text_or_none, unsigned,
};

use attempts::settled;
use bytes::Bytes;
use columns::{moment_or_none, unsigned_or_none};
use payments::{
    funding::{Funding, IfRefused},
    ids::PaymentId,
    intent::{EndedBy, Guard, Intent, KeptRequest, Protocol, State, StoredAnswer},
    money::{Amount, Credits, UsdCents},
    ports::BooksError,
    proof::PaymentKey,
    settlement::{ChainHash, PaymentFailure, TransferTerms},
    time::UnixMs,
};
use sqlx::Row;

use super::{
    charges,
    dialect::{Connection, DbRow},
    unavailable,
};

pub(super) async fn intent(
    connection: &mut Connection,
    id: PaymentId,
) -> Result<Option<Intent>, BooksError> {
    intent_by_text(connection, &id.to_string()).await
}

pub(super) async fn intent_by_text(
    connection: &mut Connection,
    id: &str,
) -> Result<Option<Intent>, BooksError> {
    let row = sqlx::query("SELECT * FROM intents WHERE id = $1")
        .bind(id)
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?;
    let Some(row) = row else { return Ok(None) };
    let attempts = sqlx::query("SELECT * FROM attempts WHERE intent_id = $1 ORDER BY seq")
        .bind(id)
        .fetch_all(&mut *connection)
        .await
        .map_err(unavailable)?;
    let settlement = sqlx::query("SELECT * FROM settlements WHERE intent_id = $1")
        .bind(id)
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?;
    let mut intent = intent_of(&row)?;
    intent.attempts = attempts.iter().map(attempt).collect::<Result<_, _>>()?;
    intent.settlement = settlement.as_ref().map(settled).transpose()?;
    if matches!(intent.funding, Funding::MppCharge { .. } | Funding::MppPack { .. }) {
        intent.charge = charges::of_intent(connection, id).await?;
    }
    Ok(Some(intent))
}

/// The row alone, without what hangs on it.
pub(super) fn intent_of(row: &DbRow) -> Result<Intent, BooksError> {
    let id = id(row, "intents", "id")?;
    let corrupt = |column| BooksError::Corrupt { table: "intents", column, key: id.to_string() };
    let state = State::from_word(&text(row, "state")?).ok_or_else(|| corrupt("state"))?;
    let number = u8::try_from(int(row, "proof_version")?).map_err(|_| corrupt("proof_version"))?;
    let protocol = Protocol::from_stored(&text(row, "rail")?, number)
        .ok_or_else(|| corrupt("proof_version"))?;
    Ok(Intent {
        id,
        payer: text(row, "payer")?.parse().map_err(|_| corrupt("payer"))?,
        fingerprint: fingerprint(row, || id.to_string())?,
        funding: funding(row, id)?,
        price: amount(row, "price_minor", id)?,
        request: KeptRequest {
            route: text(row, "route")?,
            path_and_query: text(row, "path_and_query")?,
            body: Bytes::from(row.try_get::<Vec<u8>, _>("body").map_err(unavailable)?),
            content_type: text(row, "content_type")?,
        },
        protocol,
        state,
        guard: Guard { version: int(row, "version")?, fence: int(row, "fence")? },
        transfer: match protocol {
            Protocol::X402(_) => Some(terms(row, id)?),
            Protocol::Mpp => None,
        },
        attempts: Vec::new(),
        charge: None,
        settlement: None,
        failure: text_or_none(row, "failure")?
            .map(|word| PaymentFailure::from_word(&word).ok_or_else(|| corrupt("failure")))
            .transpose()?,
        answer: answer(row, id)?,
        launch_id: text_or_none(row, "launch_id")?,
        granted_balance: unsigned_or_none(row, "granted_balance", id)?.map(Credits::new),
        entitled_until: moment_or_none(row, "entitled_until_ms")?,
        forwarding_since: moment_or_none(row, "forwarding_since_ms")?,
        not_done: state == State::CoreUnknown && is_not_done(row)?,
        ended_by: text_or_none(row, "ended_by")?
            .map(|word| EndedBy::from_word(&word).ok_or_else(|| corrupt("ended_by")))
            .transpose()?,
        delivered: moment_or_none(row, "delivered_at_ms")?.is_some(),
        created_at: UnixMs::new(int(row, "created_at_ms")?),
        updated_at: UnixMs::new(int(row, "updated_at_ms")?),
    })
}

/// The note is of whoever has the lease, or of who had it before.
fn is_not_done(row: &DbRow) -> Result<bool, BooksError> {
    let noted = row.try_get::<Option<i64>, _>("not_done_fence").map_err(unavailable)?;
    let fence = int(row, "fence")?;
    Ok(noted.is_some_and(|noted| noted == fence || noted == fence.saturating_sub(1)))
}

fn funding(row: &DbRow, id: PaymentId) -> Result<Funding, BooksError> {
    let corrupt = |column| BooksError::Corrupt { table: "intents", column, key: id.to_string() };
    match text(row, "funding")?.as_str() {
        // Which slot it was is in `free_slots`, and nothing after the claim asks for it.
        "free" => Ok(Funding::Free),
        "x402" => Ok(Funding::X402),
        "entitlement" => {
            let source = text_or_none(row, "entitlement_source")?
                .ok_or_else(|| corrupt("entitlement_source"))?;
            Ok(Funding::Entitlement {
                source: source.parse().map_err(|_| corrupt("entitlement_source"))?,
            })
        }
        "mpp_charge" => {
            let word = text_or_none(row, "if_refused")?;
            Ok(Funding::MppCharge {
                if_refused: IfRefused::from_word(word.as_deref())
                    .ok_or_else(|| corrupt("if_refused"))?,
            })
        }
        "mpp_pack" => {
            let credits = unsigned_or_none(row, "pack_credits", id)?
                .ok_or_else(|| corrupt("pack_credits"))?;
            Ok(Funding::MppPack { credits: Credits::new(credits) })
        }
        "credit" => {
            let backing = unsigned_or_none(row, "backing_cents", id)?
                .ok_or_else(|| corrupt("backing_cents"))?;
            let Amount::Credits(count) = amount(row, "price_minor", id)? else {
                return Err(corrupt("currency"));
            };
            Ok(Funding::Credit { count, backing: UsdCents::new(backing) })
        }
        _ => Err(corrupt("funding")),
    }
}

fn terms(row: &DbRow, id: PaymentId) -> Result<TransferTerms, BooksError> {
    let corrupt = |column| BooksError::Corrupt { table: "intents", column, key: id.to_string() };
    let nonce = ChainHash::parse(&text(row, "nonce")?).ok_or_else(|| corrupt("nonce"))?.0;
    let value = match amount(row, "price_minor", id)? {
        Amount::Usdc(units) => units,
        Amount::Usd(_) | Amount::Credits(_) => return Err(corrupt("currency")),
    };
    Ok(TransferTerms {
        key: PaymentKey {
            chain_id: unsigned(row, "intents", "chain_id", || id.to_string())?,
            token: text(row, "asset")?.parse().map_err(|_| corrupt("asset"))?,
            from: text(row, "from_addr")?.parse().map_err(|_| corrupt("from_addr"))?,
            nonce,
        },
        pay_to: text(row, "pay_to")?.parse().map_err(|_| corrupt("pay_to"))?,
        value,
        valid_before_unix_s: unsigned(row, "intents", "valid_before_unix_s", || id.to_string())?,
        claimed_at_block: unsigned(row, "intents", "claimed_at_block", || id.to_string())?,
    })
}

fn answer(row: &DbRow, id: PaymentId) -> Result<Option<StoredAnswer>, BooksError> {
    let corrupt = |column| BooksError::Corrupt { table: "intents", column, key: id.to_string() };
    let Some(status) = row.try_get::<Option<i64>, _>("answer_status").map_err(unavailable)? else {
        return Ok(None);
    };
    let headers = text_or_none(row, "answer_headers")?.ok_or_else(|| corrupt("answer_headers"))?;
    let body = row
        .try_get::<Option<Vec<u8>>, _>("answer_body")
        .map_err(unavailable)?
        .ok_or_else(|| corrupt("answer_body"))?;
    Ok(Some(StoredAnswer {
        status: u16::try_from(status).map_err(|_| corrupt("answer_status"))?,
        headers: serde_json::from_str(&headers).map_err(|_| corrupt("answer_headers"))?,
        body: Bytes::from(body),
    }))
}

/// Writes one line of an intent's timeline.
pub(super) async fn event(
    connection: &mut Connection,
    id: &str,
    version: i64,
    state: State,
    at: UnixMs,
) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO intent_events (intent_id, version, state, at_ms) VALUES ($1, $2, $3, $4)",
    )
    .bind(id)
    .bind(version)
    .bind(state.word())
    .bind(at.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}
