//! What the claim takes to fund an intent: a slot, an entitlement, a credit, a nonce of the signer
//! for a settlement, or a charge.

mod available;

use std::num::NonZeroI64;

pub(super) use available::available;

use payments::{
    agent::Payer,
    charge::Charge,
    free_quota::FreeSlot,
    funding::Funding,
    ids::PaymentId,
    intent::State,
    ledger::{LedgerError, Posting},
    money::{Amount, UsdcUnits},
    obligation::Share,
    ports::{BooksError, ClaimRefusal, NewClaim, TransferPayment},
    settlement::Attempt,
    time::UnixMs,
};

use super::{
    credits, dialect::Connection, entitlements, journal, queue, rows, sequence, unavailable,
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
        self.funding.claimed_state(self.attempt.as_ref())
    }

    /// What waits for a signer is free for any settler.
    pub(super) fn lease_until(&self, claim: &NewClaim<'_>) -> UnixMs {
        if self.state() == State::Queued { UnixMs::new(0) } else { claim.lease_until }
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

/// Turns the decision into what the intent's row says; signs the settling transaction if it comes
/// to that.
pub(super) async fn take(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
    funding: Funding,
    slot: Option<FreeSlot>,
) -> Result<Result<Funded, ClaimRefusal>, BooksError> {
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
            let signed = sign(connection, claim, payment).await?;
            Ok(signed.map(|attempt| Funded {
                funding,
                price_minor,
                currency,
                attempt,
                slot: None,
                rest: None,
            }))
        }
    }
}

/// Signs the transfer under the signer's next nonce; none where it has to wait in the queue.
async fn sign(
    connection: &mut Connection,
    claim: &NewClaim<'_>,
    payment: &TransferPayment<'_>,
) -> Result<Result<Option<Attempt>, ClaimRefusal>, BooksError> {
    match queue::must_wait(connection, payment).await? {
        Err(refusal) => return Ok(Err(refusal)),
        Ok(true) => return Ok(Ok(None)),
        Ok(false) => {}
    }
    let (account, chain_next_nonce) = (payment.account(), payment.chain_next_nonce);
    let eoa_nonce = sequence::take_nonce(connection, account, chain_next_nonce).await?;
    let prepared = payment.preparer.prepare(claim.id, eoa_nonce, claim.at);
    Ok(prepared.map(Some).map_err(ClaimRefusal::from))
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
        Funding::X402 => match (&funded.attempt, claim.payment.transfer()) {
            (Some(attempt), _) => rows::insert_attempt(connection, claim.id, attempt).await,
            (None, Some(payment)) => queue::enter(connection, claim, payment).await,
            (None, None) => Err(nothing_to_send(claim)),
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
