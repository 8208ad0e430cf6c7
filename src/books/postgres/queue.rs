//! Claimed transfers that wait for a signer. Settlers of all processes take them, each those that no
//! other one holds; what one round signs is written by two statements of one transaction.

use async_trait::async_trait;
use payments::{
    intent::{Intent, State},
    ports::{BooksError, PreparationError, QueuedPayment, SettlementQueue, SigningRound, ToSign},
    settlement::Attempt,
    time::UnixMs,
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    PostgresBooks,
    batch::Batch,
    claim::{Turn, after},
    dialect::BEGIN,
    faults::{self, TRIES, Unwritten},
    liveness::gone,
    rows, unavailable,
    write::commit,
};

/// How a round ended.
enum Signed {
    /// Written; each payment's id with its transaction.
    Written(Vec<(String, Attempt)>),
    Refused(PreparationError),
    /// Another process with the same key was first at the nonce.
    Lost,
}

#[async_trait]
impl SettlementQueue for PostgresBooks {
    async fn take_queued(
        &self,
        now: UnixMs,
        lease_until: UnixMs,
        limit: u32,
    ) -> Result<Vec<QueuedPayment>, BooksError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        // A round that finds nothing writes nothing.
        let any = sqlx::query("SELECT 1 FROM settlement_queue LIMIT 1");
        if any.fetch_optional(&mut *connection).await.map_err(unavailable)?.is_none() {
            return Ok(Vec::new());
        }
        drop(connection);
        let taken = take(self, now, lease_until, limit).await?;
        let mut payments = taken.iter().map(queued).collect::<Result<Vec<_>, _>>()?;
        payments.sort_by_key(|payment| {
            let terms = payment.intent.transfer.as_ref();
            (terms.map(|terms| terms.valid_before_unix_s), payment.intent.id)
        });
        Ok(payments)
    }

    async fn sign_queued(
        &self,
        round: SigningRound<'_>,
    ) -> Result<Result<Vec<Intent>, PreparationError>, BooksError> {
        for _ in 0..TRIES {
            match sign(self, &round).await {
                Ok(Signed::Written(attempts)) => return loaded(self, attempts).await.map(Ok),
                Ok(Signed::Refused(refusal)) => return Ok(Err(refusal)),
                Ok(Signed::Lost) => {}
                Err(Unwritten::Proven(error)) if faults::is_raced(&error) => {}
                Err(unwritten) => return Err(unwritten.into()),
            }
        }
        Err(super::contended())
    }
}

/// A client that waits at another process may be gone with it, and nothing would say so once the
/// payment has another owner: an equal request joins it from here on.
async fn take(
    books: &PostgresBooks,
    now: UnixMs,
    lease_until: UnixMs,
    limit: u32,
) -> Result<Vec<PgRow>, BooksError> {
    let mut batch = Batch::default();
    let (until, now) = (batch.bind(lease_until.ms()), batch.bind(now.ms()));
    let (owner, limit) = (batch.bind(books.instance()), batch.bind(i64::from(limit)));
    let queued = batch.bind(State::Queued.word());
    let waiting = format!(
        "SELECT intents.id, q.sealed_authorization FROM settlement_queue q JOIN intents ON intents.id = q.intent_id
         WHERE intents.state = {queued} AND (intents.lease_until_ms < {now} OR (intents.lease_until_ms > 0 AND {}))
         ORDER BY q.valid_before_unix_s, q.intent_id LIMIT {limit} FOR UPDATE OF intents SKIP LOCKED",
        gone(&owner)
    );
    let take = format!(
        "UPDATE intents SET fence = fence + 1, lease_until_ms = {until}, lease_owner = {owner},
            attended_until_ms = CASE WHEN lease_owner = {owner} THEN attended_until_ms ELSE 0 END FROM waiting
         WHERE intents.id = waiting.id RETURNING intents.*, waiting.sealed_authorization"
    );
    batch.part("waiting", &waiting);
    batch.part("taken", &take);
    let taken = batch.run_all(&books.writer, "SELECT * FROM taken").await;
    taken.map_err(unavailable)
}

/// The row alone: nothing hangs on a payment that waits.
fn queued(row: &PgRow) -> Result<QueuedPayment, BooksError> {
    let sealed_authorization = row.try_get("sealed_authorization").map_err(unavailable)?;
    Ok(QueuedPayment { intent: rows::intent_of(row)?, sealed_authorization })
}

/// The payments with the one transaction that each of them has now, in one look.
async fn loaded(
    books: &PostgresBooks,
    attempts: Vec<(String, Attempt)>,
) -> Result<Vec<Intent>, BooksError> {
    let ids: Vec<&str> = attempts.iter().map(|(id, _)| id.as_str()).collect();
    let found = sqlx::query("SELECT * FROM intents WHERE id = ANY($1)").bind(ids);
    let found = found.fetch_all(&books.readers).await.map_err(unavailable)?;
    let mut intents = Vec::with_capacity(found.len());
    for row in &found {
        let mut intent = rows::intent_of(row)?;
        let id = intent.id.to_string();
        let own = attempts.iter().filter(|(of, _)| *of == id);
        intent.attempts.extend(own.map(|(_, attempt)| attempt.clone()));
        intents.push(intent);
    }
    intents.sort_by_key(|intent| intent.attempts.first().map(|attempt| attempt.eoa_nonce));
    Ok(intents)
}

/// First the rows whose guard holds, which stay locked; so exactly those take a nonce each.
async fn sign(books: &PostgresBooks, round: &SigningRound<'_>) -> Result<Signed, Unwritten> {
    let (account, chain_next_nonce) = (round.account, round.chain_next_nonce);
    let mut turn = books.nonces.turn(&books.readers, account, chain_next_nonce).await?;
    let mut transaction = books.writer.begin_with(BEGIN).await?;
    let held = mark_signed(&mut transaction, round).await?;
    let to_sign: Vec<&ToSign<'_>> =
        round.payments.iter().filter(|payment| held.contains(&payment.id.to_string())).collect();
    let attempts = match prepare(&to_sign, turn.nonce(), round.at) {
        Ok(attempts) => attempts,
        Err(refusal) => {
            turn.unused();
            transaction.rollback().await?;
            return Ok(Signed::Refused(refusal));
        }
    };
    let Some((_, last)) = attempts.last() else {
        turn.unused();
        transaction.rollback().await?;
        return Ok(Signed::Written(Vec::new()));
    };
    let next_nonce = last.eoa_nonce.saturating_add(1);
    if !write(&mut transaction, round, &turn, &attempts).await? {
        transaction.rollback().await?;
        return Ok(Signed::Lost);
    }
    commit(transaction).await?;
    turn.used_up_to(next_nonce);
    Ok(Signed::Written(attempts))
}

fn prepare(
    to_sign: &[&ToSign<'_>],
    first_nonce: u64,
    at: UnixMs,
) -> Result<Vec<(String, Attempt)>, PreparationError> {
    (first_nonce..)
        .zip(to_sign)
        .map(|(eoa_nonce, payment)| {
            let attempt = payment.preparer.prepare(payment.id, eoa_nonce, at)?;
            Ok((payment.id.to_string(), attempt))
        })
        .collect()
}

async fn mark_signed(
    connection: &mut PgConnection,
    round: &SigningRound<'_>,
) -> Result<Vec<String>, sqlx::Error> {
    let of = |part: fn(&ToSign<'_>) -> i64| round.payments.iter().map(part).collect::<Vec<i64>>();
    let ids: Vec<String> = round.payments.iter().map(|payment| payment.id.to_string()).collect();
    let rows = sqlx::query(
        "UPDATE intents SET state = $1, version = intents.version + 1, updated_at_ms = $2
         FROM unnest($3::text[], $4::bigint[], $5::bigint[]) AS asked (id, version, fence)
         WHERE intents.id = asked.id AND intents.state = $6 AND intents.version = asked.version AND intents.fence = asked.fence
         RETURNING intents.id",
    )
    .bind(State::Signed.word())
    .bind(round.at.ms())
    .bind(ids)
    .bind(of(|payment| payment.guard.version))
    .bind(of(|payment| payment.guard.fence))
    .bind(State::Queued.word())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| row.try_get("id")).collect()
}

/// The nonces, guarded as a claim's is, the signed transactions, the timeline, and the end of the
/// queue for all of them. False where somebody else was first at the nonces.
async fn write(
    connection: &mut PgConnection,
    round: &SigningRound<'_>,
    turn: &Turn,
    attempts: &[(String, Attempt)],
) -> Result<bool, sqlx::Error> {
    let Some((_, last)) = attempts.last() else { return Ok(true) };
    let mut batch = Batch::default();
    let (chain_id, signer) = (
        batch.bind(rows::integer(round.account.chain_id)),
        batch.bind(round.account.address.to_string()),
    );
    let (first, next) =
        (batch.bind(rows::integer(turn.nonce())), batch.bind(after(last.eoa_nonce)));
    batch.part("held", &format!(
        "INSERT INTO signer_nonces (chain_id, signer, next_nonce) VALUES ({chain_id}, {signer}, {next})
         ON CONFLICT (chain_id, signer) DO UPDATE SET next_nonce = excluded.next_nonce WHERE signer_nonces.next_nonce <= {first} RETURNING 1"
    ));
    let at = batch.bind(round.at.ms());
    let (ids, kinds) = (
        batch.bind(each(attempts, |id, _| id.to_owned())),
        batch.bind(each(attempts, |_, attempt| attempt.kind.word())),
    );
    let (nonces, hashes) = (
        batch.bind(each(attempts, |_, attempt| rows::integer(attempt.eoa_nonce))),
        batch.bind(each(attempts, |_, attempt| attempt.tx_hash.to_string())),
    );
    let (fees, sealed) = (
        batch.bind(each(attempts, |_, attempt| attempt.max_fee_per_gas_wei.to_string())),
        batch.bind(each(attempts, |_, attempt| attempt.sealed_tx.clone())),
    );
    batch.part("signed", &format!(
        "SELECT * FROM unnest({ids}::text[], {kinds}::text[], {nonces}::bigint[], {hashes}::text[], {fees}::text[], {sealed}::bytea[])
            AS each (id, kind, eoa_nonce, tx_hash, fee, sealed_tx) WHERE EXISTS (SELECT 1 FROM held)"
    ));
    batch.part("saved", &format!(
        "INSERT INTO attempts (intent_id, kind, signer, eoa_nonce, tx_hash, max_fee_per_gas_wei, sealed_tx, saved_at_ms)
         SELECT id, kind, {signer}, eoa_nonce, tx_hash, fee, sealed_tx, {at} FROM signed ORDER BY eoa_nonce"
    ));
    let state = batch.bind(State::Signed.word());
    batch.part("event", &format!(
        "INSERT INTO intent_events (intent_id, version, state, at_ms)
         SELECT intents.id, intents.version, {state}, {at} FROM intents JOIN signed ON signed.id = intents.id"
    ));
    batch.part(
        "left_queue",
        "DELETE FROM settlement_queue USING signed WHERE intent_id = signed.id",
    );
    // Replicas of the release before read their own table.
    batch.part("signers_before", &format!(
        "INSERT INTO signers (addr, next_nonce) SELECT {signer}, {next} FROM held
         ON CONFLICT (addr) DO UPDATE SET next_nonce = greatest(signers.next_nonce, excluded.next_nonce)"
    ));
    Ok(batch.run(connection, "SELECT 1 FROM held").await?.is_some())
}

fn each<T>(attempts: &[(String, Attempt)], part: impl Fn(&str, &Attempt) -> T) -> Vec<T> {
    attempts.iter().map(|(id, attempt)| part(id, attempt)).collect()
}
