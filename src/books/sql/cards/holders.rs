//! Who holds the tokens of card accounts, and what each of them paid for.

mod write;

use std::collections::BTreeSet;

use async_trait::async_trait;
use payments::{
    agent::Payer,
    holder::{Holder, KnownToken, Reach, Scope, UsedCredential},
    ids::PaymentId,
    ports::{BooksError, HolderBooks, HolderChange, HolderRefusal, HolderRow},
    proof::ChargeKey,
    time::UnixMs,
};
use sqlx::Row;
use write::{apply, hold, is_current, rotate};

use super::super::{
    Store,
    dialect::{self, DbRow},
    rows,
    store::in_transaction,
    unavailable,
};
use crate::books::doubt::{Attempt, until_known};

/// Tokens of the release before: those of payments that nobody holds.
const BEFORE: &str =
    "SELECT a.intent_id AS id, a.payer, 'account' AS reach, CAST(0 AS BIGINT) AS rotation, a.token_sha256, a.created_at_ms,
        CAST(NULL AS BIGINT) AS revoked_at_ms
     FROM agent_tokens a
     WHERE NOT EXISTS (SELECT 1 FROM holders h WHERE h.id = a.intent_id)
       AND NOT EXISTS (SELECT 1 FROM holder_payments p WHERE p.intent_id = a.intent_id)";

const COLUMNS: &str =
    "h.id, h.payer, h.reach, h.rotation, h.token_sha256, h.created_at_ms, h.revoked_at_ms";

/// Whether a claim may join a row of `intents`: whoever names a holder gets that holder's answers
/// only. A claim that begins a holder may be the one whose answer was lost.
pub(in super::super) fn may_join(claim_id: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM holder_payments mine JOIN holder_payments theirs ON theirs.holder_id <> mine.holder_id
            WHERE mine.intent_id = {claim_id} AND mine.holder_id <> {claim_id} AND theirs.intent_id = intents.id)"
    )
}

#[async_trait]
impl HolderBooks for Store {
    async fn holder_of_token(
        &self,
        agent_token_sha256: &[u8; 32],
        now: UnixMs,
    ) -> Result<Option<KnownToken>, BooksError> {
        let found = format!(
            "SELECT t.*, (SELECT f.since_ms FROM frozen_accounts f WHERE f.payer = t.payer) AS frozen_ms FROM (
                SELECT {COLUMNS} FROM holders h
                WHERE h.revoked_at_ms IS NULL AND (h.token_sha256 = $1 OR h.before_sha256 = $1 AND h.before_until_ms > $2)
                UNION ALL {BEFORE} AND a.token_sha256 = $1
             ) t"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(found))
            .bind(agent_token_sha256.as_slice())
            .bind(now.ms());
        let Some(row) = query.fetch_optional(&self.readers).await.map_err(unavailable)? else {
            return Ok(None);
        };
        let holder = holder(&row)?;
        let is_current = holder.token_sha256 == *agent_token_sha256;
        Ok(Some(KnownToken { holder, is_current, frozen_since: moment(&row, "frozen_ms")? }))
    }

    /// Both halves of the credential: a settlement, or a credit that was taken. One that only
    /// joined a request paid nothing.
    async fn used_credential(&self, key: &ChargeKey) -> Result<Option<UsedCredential>, BooksError> {
        let query = sqlx::query(
            "SELECT i.id, i.payer, coalesce(s.settled_at_ms, i.created_at_ms) AS since_ms, h.revoked_at_ms,
                (SELECT f.since_ms FROM frozen_accounts f WHERE f.payer = i.payer) AS frozen_ms
             FROM challenges c JOIN intents i ON i.id = c.intent_id LEFT JOIN settlements s ON s.intent_id = i.id
                LEFT JOIN holder_payments p ON p.intent_id = i.id LEFT JOIN holders h ON h.id = p.holder_id
             WHERE c.challenge_id = $1 AND c.spt_sha256 = $2 AND (c.purpose = 'pay' AND s.intent_id IS NOT NULL OR c.purpose = 'credit')",
        );
        let query = query.bind(key.challenge_id.to_string()).bind(key.token_sha256.as_slice());
        let Some(row) = query.fetch_optional(&self.readers).await.map_err(unavailable)? else {
            return Ok(None);
        };
        Ok(Some(UsedCredential {
            payment: rows::id(&row, "intents", "id")?,
            payer: payer(&row, "intents")?,
            since: UnixMs::new(rows::int(&row, "since_ms")?),
            is_revoked: moment(&row, "revoked_at_ms")?.is_some(),
            frozen_since: moment(&row, "frozen_ms")?,
        }))
    }

    async fn hold(
        &self,
        payment: PaymentId,
        holder: &Holder,
        at: UnixMs,
    ) -> Result<(), BooksError> {
        in_transaction!(self, Some(at.ms()), write => hold(&mut write.transaction, payment, holder, at).await)
    }

    async fn holder_of_payment(&self, payment: PaymentId) -> Result<Option<Holder>, BooksError> {
        let found = format!(
            "SELECT {COLUMNS} FROM holder_payments p JOIN holders h ON h.id = p.holder_id WHERE p.intent_id = $1 AND h.revoked_at_ms IS NULL"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(found)).bind(payment.to_string());
        query
            .fetch_optional(&self.readers)
            .await
            .map_err(unavailable)?
            .as_ref()
            .map(holder)
            .transpose()
    }

    async fn results_of(
        &self,
        payer: &Payer,
        scope: Scope,
        only: Option<&str>,
    ) -> Result<BTreeSet<String>, BooksError> {
        let owner = match scope {
            Scope::Account => "i.payer = $1",
            Scope::Holder(_) => {
                "i.payer = $1 AND i.id IN (SELECT p.intent_id FROM holder_payments p WHERE p.holder_id = $2)"
            }
            Scope::Payment(_) => "i.payer = $1 AND i.id = $2",
        };
        let named = match scope {
            Scope::Account => String::new(),
            Scope::Holder(id) | Scope::Payment(id) => id.to_string(),
        };
        let one = if only.is_some() { " AND i.launch_id = $3" } else { " AND $3 = ''" };
        // Every parameter has its place, whether the scope needs it or not.
        let found = format!(
            "SELECT i.launch_id FROM intents i WHERE {owner} AND i.launch_id IS NOT NULL{one} AND $2 = $2"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(found))
            .bind(payer.to_string())
            .bind(named)
            .bind(only.unwrap_or_default());
        let list = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        list.iter().map(|row| rows::text(row, "launch_id")).collect()
    }

    async fn rotate_token(
        &self,
        holder: &Holder,
        next_sha256: &[u8; 32],
        at: UnixMs,
        until: UnixMs,
    ) -> Result<bool, BooksError> {
        let attempt = |in_doubt| -> Attempt<'_, bool, BooksError> {
            Box::pin(async move {
                let mut write = self.write(Some(at.ms())).await?;
                let rotated = rotate(&mut write.transaction, holder, next_sha256, at, until).await;
                let rotated = match rotated {
                    // The try before may have been ours, and its answer was lost.
                    Ok(false) if in_doubt => {
                        is_current(&mut write.transaction, holder, next_sha256).await
                    }
                    rotated => rotated,
                };
                self.finish(write, rotated).await
            })
        };
        until_known(dialect::DOUBT, attempt).await
    }

    async fn holders(&self, payer: &Payer, limit: u32) -> Result<Vec<HolderRow>, BooksError> {
        let found = format!(
            "SELECT t.*, (SELECT count(*) FROM holder_payments p JOIN intents i ON i.id = p.intent_id WHERE p.holder_id = t.id) AS payments
             FROM (SELECT {COLUMNS} FROM holders h WHERE h.payer = $1 UNION ALL {BEFORE} AND a.payer = $1) t
             WHERE EXISTS (SELECT 1 FROM intents i WHERE i.id = t.id) ORDER BY t.created_at_ms DESC, t.id DESC LIMIT $2"
        );
        let query =
            sqlx::query(sqlx::AssertSqlSafe(found)).bind(payer.to_string()).bind(i64::from(limit));
        let list = query.fetch_all(&self.readers).await.map_err(unavailable)?;
        let one = |row: &DbRow| -> Result<HolderRow, BooksError> {
            Ok(HolderRow {
                holder: holder(row)?,
                payments: rows::count(row, "payments")?,
                since: UnixMs::new(rows::int(row, "created_at_ms")?),
                revoked_at: moment(row, "revoked_at_ms")?,
            })
        };
        list.iter().map(one).collect()
    }

    async fn frozen_since(&self, payer: &Payer) -> Result<Option<UnixMs>, BooksError> {
        let query = sqlx::query("SELECT since_ms FROM frozen_accounts WHERE payer = $1")
            .bind(payer.to_string());
        let row = query.fetch_optional(&self.readers).await.map_err(unavailable)?;
        row.map(|row| Ok(UnixMs::new(rows::int(&row, "since_ms")?))).transpose()
    }

    async fn change_holders(&self, change: &HolderChange) -> Result<(), HolderRefusal> {
        let mut write = self.write(Some(change.at.ms())).await?;
        let changed = apply(&mut write.transaction, change).await;
        self.finish_unless(change.dry_run, write, changed).await
    }
}

fn holder(row: &DbRow) -> Result<Holder, BooksError> {
    let id = rows::id(row, "holders", "id")?;
    let corrupt = |column| BooksError::Corrupt { table: "holders", column, key: id.to_string() };
    let sha256: Vec<u8> = row.try_get("token_sha256").map_err(unavailable)?;
    Ok(Holder {
        id,
        payer: payer(row, "holders")?,
        reach: Reach::from_word(&rows::text(row, "reach")?).ok_or_else(|| corrupt("reach"))?,
        rotation: u32::try_from(rows::int(row, "rotation")?).map_err(|_| corrupt("rotation"))?,
        token_sha256: sha256.try_into().map_err(|_| corrupt("token_sha256"))?,
    })
}

fn payer(row: &DbRow, table: &'static str) -> Result<Payer, BooksError> {
    let key = rows::text(row, "id")?;
    rows::text(row, "payer")?.parse().map_err(|_| BooksError::Corrupt {
        table,
        column: "payer",
        key,
    })
}

fn moment(row: &DbRow, column: &'static str) -> Result<Option<UnixMs>, BooksError> {
    Ok(row.try_get::<Option<i64>, _>(column).map_err(unavailable)?.map(UnixMs::new))
}
