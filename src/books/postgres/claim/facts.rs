//! Everything that a claim's decision rests on, in one look.

use payments::{
    agent::Payer,
    free_quota::FreeCall,
    funding::{Available, DayCap},
    ids::PaymentId,
    money::Credits,
    obligation::ObligationState,
    ports::{BooksError, CreditAccount, NewClaim},
    proof::ProofKey,
};
use sqlx::{
    Row,
    postgres::{PgExecutor, PgRow},
};

use super::super::{
    PostgresBooks,
    batch::Batch,
    cards::holders,
    gas,
    known::{self, Found},
    liveness::{ALL_KNOW_PARTS, ALL_KNOW_QUEUE, gone},
    rows, unavailable,
};
use super::{blocked, promised};

const DAY_MS: i64 = 86_400_000;
/// How far back reverted payments count.
const HOUR_MS: i64 = 3_600_000;

/// What one look showed.
pub(super) struct Facts {
    pub(super) known: Option<Found>,
    /// The newest equal request of this payer whose answer nobody got and nobody waits for.
    pub(super) joinable: Option<PaymentId>,
    pub(super) available: Available,
    /// The minor units of the entitlement.
    pub(super) entitled_minor: i64,
    pub(super) account: CreditAccount,
    /// All that was ever claimed of the wallet.
    pub(super) claimed_minor: i64,
    /// How many payments wait for a signer, as far as that is asked.
    pub(super) queued: u32,
    /// Every process that lives knows that payments may wait for one.
    pub(super) may_queue: bool,
    /// A payment that is proven failed holds the client's own key: its client was told to pay
    /// again, and does so under the same key.
    pub(super) frees_key: bool,
}

pub(super) async fn read(
    executor: impl PgExecutor<'_>,
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
) -> Result<Result<Facts, BooksError>, sqlx::Error> {
    let mut batch = Batch::default();
    let statement = select(&mut batch, books, claim);
    let row = batch.run(executor, &statement).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(facts(&row, claim))
}

fn select(batch: &mut Batch, books: &PostgresBooks, claim: &NewClaim<'_>) -> String {
    let known = known::select(batch, &claim.key).unwrap_or_else(|| {
        String::from("SELECT NULL::bytea AS fingerprint, NULL AS intent_id, NULL::int AS half")
    });
    // A price that no book can hold meets no debt.
    let price = batch.bind(claim.price.minor().unwrap_or(i64::MAX));
    let (payer, at, currency) = (
        batch.bind(claim.payer.to_string()),
        batch.bind(claim.at.ms()),
        batch.bind(claim.price.currency()),
    );
    let route = batch.bind(claim.request.route.clone());
    let joinable = joinable(batch, books, claim, &payer, &at);
    let frees_key = match &claim.key.idempotency {
        Some((owner, key)) => {
            let (owner, key) = (batch.bind(owner.to_string()), batch.bind(key.clone()));
            format!(
                "EXISTS (SELECT 1 FROM intents WHERE payer = {owner} AND client_idem_key = {key} AND state = 'pay_failed')"
            )
        }
        None => String::from("FALSE"),
    };
    let lost = blocked::select(&payer);
    let (slots, cap, reverted) =
        (slots(batch, claim), cap(batch, claim), reverted(batch, claim, &payer, &at));
    let promised = promised::select(batch, claim, &payer);
    let queue = queue(batch, claim);
    let open = ObligationState::Open.word();
    format!(
        "SELECT known.*, joinable.id AS joinable, owed.intent_id AS entitlement, owed.amount_minor AS entitled_minor,
            (SELECT count(*) FROM obligations o WHERE payer = {payer} AND created_at_ms > {at} - {DAY_MS} AND receipt_id IS NULL AND part_of IS NULL
                AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.id = o.intent_id AND i.ended_by IS NOT NULL)) AS refused,
            {slots}, {cap}, {reverted}, {promised}, {queue}, ({lost}) AS lost_settlement, account.balance, account.debt, account.backing_cents, {frees_key} AS frees_key
         FROM (SELECT 1) AS one LEFT JOIN LATERAL ({known}) AS known ON TRUE LEFT JOIN LATERAL ({joinable}) AS joinable ON TRUE
         LEFT JOIN LATERAL (SELECT intent_id, amount_minor FROM obligations WHERE payer = {payer} AND state = '{open}' AND currency = {currency}
            AND entitled_until_ms > {at} AND CASE WHEN receipt_id IS NULL
                THEN (amount_minor = {price} OR (amount_minor < {price} AND part_of IS NULL) OR (amount_minor > {price} AND {ALL_KNOW_PARTS}))
                    AND EXISTS (SELECT 1 FROM intents i WHERE i.id = obligations.intent_id AND i.route = {route})
                ELSE amount_minor = {price} END ORDER BY created_at_ms, intent_id LIMIT 1) AS owed ON TRUE
         LEFT JOIN credit_accounts AS account ON account.payer = {payer}"
    )
}

/// Two requests that their client names differently are two. The notes that wait in this process
/// count, and whoever waited in a process that is gone waits no longer.
fn joinable(
    batch: &mut Batch,
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
    payer: &str,
    at: &str,
) -> String {
    let (fingerprint, since) =
        (batch.bind(claim.fingerprint.as_bytes().to_vec()), batch.bind(claim.join_since.ms()));
    let unnamed = if claim.key.idempotency.is_some() { " AND client_idem_key IS NULL" } else { "" };
    let marks = books.marks.snapshot();
    let (delivered, unattended) = if marks.is_empty() {
        (String::new(), String::new())
    } else {
        let (delivered, unattended) =
            (batch.bind(marks.delivered()), batch.bind(marks.unattended()));
        (format!(" AND id <> ALL({delivered})"), format!(" OR id = ANY({unattended})"))
    };
    let gone = gone(&batch.bind(books.instance()));
    let own = match &claim.payer {
        Payer::Wallet(_) => String::new(),
        Payer::Card(_) => format!(" AND {}", holders::may_join(&batch.bind(claim.id.to_string()))),
    };
    format!(
        "SELECT id FROM intents WHERE payer = {payer} AND fingerprint = {fingerprint} AND delivered_at_ms IS NULL AND created_at_ms >= {since}
         AND state <> 'pay_failed'{unnamed}{delivered}{own} AND (attended_until_ms < {at}{unattended} OR {gone}) ORDER BY id DESC LIMIT 1"
    )
}

/// Only a transfer waits for a signer. More than may wait are not counted.
fn queue(batch: &mut Batch, claim: &NewClaim<'_>) -> String {
    let Some(payment) = claim.payment.transfer() else {
        return String::from("0::bigint AS queued, FALSE AS may_queue");
    };
    let max = batch.bind(i64::from(payment.queueing.max));
    format!(
        "(SELECT count(*) FROM (SELECT 1 FROM settlement_queue LIMIT {max}) AS waiting) AS queued, {ALL_KNOW_QUEUE} AS may_queue"
    )
}

/// Only a transfer costs gas.
fn reverted(batch: &mut Batch, claim: &NewClaim<'_>, payer: &str, at: &str) -> String {
    if claim.payment.transfer().is_none() {
        return String::from(
            "0::bigint AS reverts, 0::bigint AS unsettled, 0::bigint AS gwei, 0::bigint AS wei",
        );
    }
    let hour = batch.bind(HOUR_MS);
    let lost = |part: &str| {
        format!(
            "(SELECT coalesce(sum(a.fee_wei::bigint {part} 1000000000), 0)::bigint FROM intents i JOIN attempts a ON a.intent_id = i.id
              WHERE i.state = 'pay_failed' AND i.updated_at_ms > {at} - {hour} AND a.kind = 'transfer' AND a.fee_wei IS NOT NULL)"
        )
    };
    format!(
        "(SELECT count(*) FROM intents WHERE payer = {payer} AND state = 'pay_failed' AND failure = 'settlement_reverted'
            AND updated_at_ms > {at} - {hour}) AS reverts,
         (SELECT count(*) FROM intents WHERE payer = {payer} AND funding = 'x402' AND state IN ('claimed', 'signed', 'submitted', 'submit_unknown')) AS unsettled,
         {} AS gwei, {} AS wei",
        lost("/"),
        lost("%")
    )
}

fn slots(batch: &mut Batch, claim: &NewClaim<'_>) -> String {
    let (Some(offer), Payer::Wallet(wallet)) = (&claim.free, &claim.payer) else {
        return String::from("NULL::bigint[] AS slots, 0::bigint AS used_today");
    };
    let (wallet, day) = (batch.bind(wallet.to_string()), batch.bind(offer.day.clone()));
    let (quota, window) =
        (batch.bind(offer.window.quota.clone()), batch.bind(offer.window.window.clone()));
    format!(
        "ARRAY(SELECT slot FROM free_slots WHERE wallet = {wallet} AND quota = {quota} AND month = {window}) AS slots,
         (SELECT count(*) FROM free_slots WHERE day = {day}) AS used_today"
    )
}

/// What was noted about the day's cap: for the wallet today, and for this very proof.
fn cap(batch: &mut Batch, claim: &NewClaim<'_>) -> String {
    let Some(key) = claim.key.proof.as_ref().and_then(ProofKey::authorization) else {
        return String::from("FALSE AS cap_noted, FALSE AS proof_refused");
    };
    let (chain, token) = (batch.bind(rows::chain_id(key)), batch.bind(key.token.to_string()));
    let (from, nonce) = (batch.bind(key.from.to_string()), batch.bind(rows::nonce(key)));
    let day = batch.bind(claim.free.as_ref().map(|offer| offer.day.clone()).unwrap_or_default());
    format!(
        "EXISTS (SELECT 1 FROM refused_proofs WHERE from_addr = {from} AND day = {day} AND outcome = 'refused') AS cap_noted,
         EXISTS (SELECT 1 FROM refused_proofs WHERE chain_id = {chain} AND asset = {token} AND from_addr = {from} AND nonce = {nonce}
            AND outcome = 'refused') AS proof_refused"
    )
}

fn facts(row: &PgRow, claim: &NewClaim<'_>) -> Result<Facts, BooksError> {
    let id = |column: &'static str| match rows::text_or_none(row, column)? {
        Some(_) => rows::id(row, "obligations", column).map(Some),
        None => Ok(None),
    };
    let number = |column| {
        row.try_get::<Option<i64>, _>(column).map(Option::unwrap_or_default).map_err(unavailable)
    };
    let unsigned = |column| {
        u64::try_from(number(column)?).map_err(|_| BooksError::Corrupt {
            table: "credit_accounts",
            column,
            key: claim.payer.to_string(),
        })
    };
    let account = CreditAccount {
        balance: Credits::new(unsigned("balance")?),
        debt: Credits::new(unsigned("debt")?),
        backing_cents: unsigned("backing_cents")?,
    };
    let slots: Option<Vec<i64>> = row.try_get("slots").map_err(unavailable)?;
    let taken: Vec<u32> =
        slots.unwrap_or_default().into_iter().filter_map(|slot| u32::try_from(slot).ok()).collect();
    let used_today = rows::count(row, "used_today")?;
    let offer = claim.free.as_ref().filter(|_| matches!(claim.payer, Payer::Wallet(_)));
    let free = offer.map_or(FreeCall::UsedUp, |offer| offer.free_call(&taken, used_today));
    let flag = |column| row.try_get::<bool, _>(column).map_err(unavailable);
    Ok(Facts {
        known: known::found(row)?,
        joinable: id("joinable")?,
        available: Available {
            lost_settlement: id("lost_settlement")?,
            entitlement: id("entitlement")?,
            free_slot: offer.and_then(|offer| offer.slot(free)),
            day_cap: DayCap {
                reached: free == FreeCall::DayUsedUp,
                noted: flag("cap_noted")?,
                refused_this_proof: flag("proof_refused")?,
            },
            credits: account,
            frozen: account.debt != Credits::ZERO,
            refused_after_pay_today: rows::count(row, "refused")?,
            reverts_last_hour: rows::count(row, "reverts")?,
            unsettled: rows::count(row, "unsettled")?,
            gas_lost_last_hour_wei: gas::sum(row)?,
            promised_units: unsigned("promised")?,
        },
        entitled_minor: number("entitled_minor")?,
        account,
        claimed_minor: number("claimed")?,
        queued: rows::count(row, "queued")?,
        may_queue: flag("may_queue")?,
        frees_key: row.try_get("frees_key").map_err(unavailable)?,
    })
}
