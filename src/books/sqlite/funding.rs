//! What the claim takes to fund an intent: a slot, an entitlement, a credit, a nonce of the signer
//! for a settlement, or a charge.

use std::num::NonZeroI64;

use super::dialect::Connection;
use super::{
    credits, day_cap, entitlements, journal, lost::lost_of, reverts, rows, sequence, unavailable,
};
use payments::{
    agent::Payer,
    charge::Charge,
    free_quota::{FreeCall, FreeSlot},
    funding::{Available, DayCap, Funding},
    ids::PaymentId,
    intent::State,
    ledger::{LedgerError, Posting},
    money::{Amount, UsdcUnits},
    obligation::Share,
    ports::{BooksError, NewClaim, PreparationError},
    proof::ProofKey,
    settlement::Attempt,
};

const DAY_MS: i64 = 86_400_000;

/// What funds the new intent, with what must be written once its row exists.
pub(super) struct Funded {
    pub(super) funding: Funding,
    pub(super) price_minor: i64,
    pub(super) currency: &'static str,
    attempt: Option<Attempt>,
    /// The slot that a free call takes.
    slot: Option<FreeSlot>,
    /// What stays owed of the entitlement, in minor units.
    rest: Option<NonZeroI64>,
}

impl Funded {
    pub(super) fn state(&self) -> State {
        self.funding.claimed_state()
    }

    pub(super) fn entitlement_source(&self) -> Option<String> {
        match &self.funding {
            Funding::Entitlement { source } => Some(source.to_string()),
            _ => None,
        }
    }

    pub(super) fn pack_credits(&self) -> Option<i64> {
        match self.funding {
            Funding::MppPack { credits } => Some(rows::integer(credits.get())),
            _ => None,
        }
    }

    pub(super) fn backing_cents(&self) -> Option<i64> {
        match self.funding {
            Funding::Credit { backing, .. } => Some(rows::integer(backing.get())),
            _ => None,
        }
    }

    pub(super) fn if_refused(&self) -> Option<&'static str> {
        match self.funding {
            Funding::MppCharge { if_refused } => Some(if_refused.word()),
            _ => None,
        }
    }
}

/// What the payer has, read inside the transaction.
pub(super) async fn available(
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

/// Turns the decision into what the intent's row says; signs the settling transaction if it comes
/// to that.
pub(super) async fn take(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
    funding: Funding,
    slot: Option<FreeSlot>,
) -> Result<Result<Funded, PreparationError>, BooksError> {
    let price_minor = claim.price.minor().map_err(|_| too_large(claim))?;
    let currency = claim.price.currency();
    match funding {
        Funding::Free => {
            Ok(Ok(Funded { funding, price_minor, currency, attempt: None, slot, rest: None }))
        }
        Funding::Credit { count, .. } => {
            let price_minor = rows::integer(count.get());
            Ok(Ok(Funded {
                funding,
                price_minor,
                currency: "CREDIT",
                attempt: None,
                slot: None,
                rest: None,
            }))
        }
        Funding::MppCharge { .. } | Funding::MppPack { .. } => {
            Ok(Ok(Funded { funding, price_minor, currency, attempt: None, slot: None, rest: None }))
        }
        Funding::Entitlement { source } => {
            let share = entitlements::share(connection, source, price_minor).await?;
            Ok(Ok(Funded {
                funding,
                price_minor: share.taken,
                currency,
                attempt: None,
                slot: None,
                rest: share.rest,
            }))
        }
        Funding::X402 => {
            let payment = claim.payment.transfer().ok_or_else(|| nothing_to_send(claim))?;
            let eoa_nonce =
                sequence::take_nonce(connection, payment.account(), payment.chain_next_nonce)
                    .await?;
            let prepared = payment.preparer.prepare(claim.id, eoa_nonce, claim.at);
            Ok(prepared.map(|attempt| Funded {
                funding,
                price_minor,
                currency,
                attempt: Some(attempt),
                slot: None,
                rest: None,
            }))
        }
    }
}

/// Writes what hangs on the intent's row: the slot, the reserved entitlement or the held credit
/// with its posting, the signed attempt, or the charge.
pub(super) async fn book(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
    funded: &Funded,
) -> Result<(), BooksError> {
    match &funded.funding {
        Funding::Free => {
            let (Payer::Wallet(wallet), Some(offer), Some(taken)) =
                (&claim.payer, &claim.free, &funded.slot)
            else {
                return Err(nothing_to_send(claim));
            };
            sqlx::query("INSERT INTO free_slots (wallet, quota, month, slot, day, intent_id) VALUES ($1, $2, $3, $4, $5, $6)")
                .bind(wallet.to_string())
                .bind(&taken.of.quota)
                .bind(&taken.of.window)
                .bind(i64::from(taken.slot))
                .bind(&offer.day)
                .bind(claim.id.to_string())
                .execute(connection)
                .await
                .map(drop)
                .map_err(unavailable)
        }
        Funding::Entitlement { source } => {
            entitlements::reserve(
                connection,
                claim,
                *source,
                Share { taken: funded.price_minor, rest: funded.rest },
            )
            .await?;
            let amount = Amount::Usdc(UsdcUnits::new(
                u64::try_from(funded.price_minor).map_err(|_| too_large(claim))?,
            ));
            let posting = Posting::entitled(claim.id, &claim.payer, amount)
                .map_err(|_: LedgerError| too_large(claim))?;
            journal::post(connection, &posting, claim.at).await
        }
        Funding::Credit { count, backing } => {
            let entry = credits::Entry {
                payer: &claim.payer,
                delta: rows::integer(count.get()).saturating_neg(),
                kind: "deduct",
                intent: Some(claim.id),
                reference: None,
                at: claim.at,
            };
            credits::enter(connection, &entry).await?;
            credits::move_backing(
                connection,
                &claim.payer,
                rows::integer(backing.get()).saturating_neg(),
            )
            .await?;
            let posting = Posting::credit_held(claim.id, &claim.payer, *count)
                .map_err(|_: LedgerError| too_large(claim))?;
            journal::post(connection, &posting, claim.at).await
        }
        Funding::X402 => match &funded.attempt {
            Some(attempt) => rows::insert_attempt(connection, claim.id, attempt).await,
            None => Err(nothing_to_send(claim)),
        },
        Funding::MppCharge { .. } | Funding::MppPack { .. } => match claim.payment.charge() {
            Some(charge) => insert_charge(connection, claim.id, charge).await,
            None => Err(nothing_to_send(claim)),
        },
    }
}

/// The rules decided for a payment that the claim does not bring.
fn nothing_to_send(claim: &NewClaim<'_>) -> BooksError {
    BooksError::Corrupt { table: "intents", column: "funding", key: claim.id.to_string() }
}

pub(super) fn too_large(claim: &NewClaim<'_>) -> BooksError {
    BooksError::Corrupt { table: "intents", column: "price_minor", key: claim.id.to_string() }
}

async fn insert_charge(
    connection: &mut Connection,
    id: PaymentId,
    charge: &Charge,
) -> Result<(), BooksError> {
    sqlx::query(
        "INSERT INTO charges (intent_id, stripe_key, challenge_id, spt_sha256, sealed_params, agent_token_sha256, saved_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id.to_string())
    .bind(&charge.stripe_key)
    .bind(charge.key.challenge_id.to_string())
    .bind(charge.key.token_sha256.as_slice())
    .bind(charge.sealed_params.as_slice())
    .bind(charge.agent_token_sha256.as_slice())
    .bind(charge.saved_at.ms())
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}
