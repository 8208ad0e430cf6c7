//! What a claim may be funded by, read inside its transaction.

use payments::{
    agent::Payer,
    free_quota::FreeCall,
    funding::{Available, DayCap},
    ids::PaymentId,
    ports::{BooksError, NewClaim},
    proof::ProofKey,
};

use super::{
    super::{
        credits, day_cap, dialect::Connection, entitlements, lost::lost_of, reverts, rows,
        unavailable,
    },
    DAY_MS,
};

/// What the payer has, read inside the transaction.
pub(in super::super) async fn available(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
) -> Result<Available, BooksError> {
    let payer = claim.payer.to_string();
    let refused = sqlx::query(
        "SELECT count(*) AS refused FROM obligations o WHERE payer = $1 AND created_at_ms > $2 AND receipt_id IS NULL AND part_of IS NULL
         AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.id = o.intent_id AND i.ended_by IS NOT NULL)",
    )
    .bind(&payer)
    .bind(claim.at.ms().saturating_sub(DAY_MS))
    .fetch_one(&mut *connection)
    .await
    .map_err(unavailable)?;
    let refused_after_pay_today = rows::count(&refused, "refused")?;
    let account = credits::account(connection, &claim.payer).await?;
    let free = free_call(connection, claim).await?;
    Ok(Available {
        lost_settlement: lost_settlement(connection, &payer).await?,
        entitlement: entitlements::oldest(connection, claim).await?,
        free_slot: claim.free.as_ref().and_then(|offer| offer.slot(free)),
        day_cap: cap_of_day(connection, claim, free).await?,
        credits: account,
        frozen: account.debt.get() > 0,
        refused_after_pay_today,
        ..reverts::of(connection, claim).await?
    })
}

/// The payment of this payer that a reorganisation took.
async fn lost_settlement(
    connection: &mut Connection,
    payer: &str,
) -> Result<Option<PaymentId>, BooksError> {
    let row = sqlx::query(lost_of!("$1"))
        .bind(payer)
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    row.map(|row| rows::id(&row, "lost_settlements", "intent_id")).transpose()
}

async fn cap_of_day(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
    free: FreeCall,
) -> Result<DayCap, BooksError> {
    let Some(key) = claim.key.proof.as_ref().and_then(ProofKey::authorization) else {
        return Ok(DayCap::default());
    };
    let reached = free == FreeCall::DayUsedUp;
    let day = claim.free.as_ref().map(|offer| offer.day.as_str());
    let noted = day_cap::noted(connection, key, day).await?;
    Ok(DayCap { reached, noted: noted.today, refused_this_proof: noted.this_proof })
}

async fn free_call(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
) -> Result<FreeCall, BooksError> {
    let (Some(offer), Payer::Wallet(wallet)) = (&claim.free, &claim.payer) else {
        return Ok(FreeCall::UsedUp);
    };
    let taken =
        sqlx::query("SELECT slot FROM free_slots WHERE wallet = $1 AND quota = $2 AND month = $3")
            .bind(wallet.to_string())
            .bind(&offer.window.quota)
            .bind(&offer.window.window)
            .fetch_all(&mut *connection)
            .await
            .map_err(unavailable)?;
    let slot = |row| {
        u32::try_from(rows::int(row, "slot")?).map_err(|_| BooksError::Corrupt {
            table: "free_slots",
            column: "slot",
            key: wallet.to_string(),
        })
    };
    let taken = taken.iter().map(slot).collect::<Result<Vec<_>, _>>()?;
    let today = sqlx::query("SELECT count(*) AS used FROM free_slots WHERE day = $1")
        .bind(&offer.day)
        .fetch_one(&mut *connection)
        .await
        .map_err(unavailable)?;
    let used_today = rows::count(&today, "used")?;
    Ok(offer.free_call(&taken, used_today))
}
