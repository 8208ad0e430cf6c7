//! The claim, in memory.

mod available;

use available::available;
use payments::{
    agent::Payer,
    free_quota::FreeSlot,
    funding::{self, Funding, FundingRefusal},
    ids::PaymentId,
    intent::{Guard, Intent, State},
    ledger::Posting,
    money::{Amount, UsdcUnits},
    obligation::{Entitlement, ObligationStep, Share},
    ports::{
        BooksError, ClaimKey, ClaimRefusal, Claimed, HalfKnown, Known, NewClaim, PreparationError,
        Renewal,
    },
    proof::ProofKey,
    settlement::Attempt,
    time::UnixMs,
};

use super::{
    credits,
    tables::{Auth, Obligation, Row, Slot, Tables, refused_by_key},
};

const DAY_MS: i64 = 86_400_000;

const HOUR_MS: i64 = 3_600_000;

pub(super) fn known(tables: &Tables, key: &ClaimKey) -> Option<Known> {
    if let Some(known) = key.proof.and_then(|proof| known_proof(tables, proof)) {
        return Some(known);
    }
    let (payer, client_key) = key.idempotency.as_ref()?;
    let same = |row: &&Row| {
        row.intent.payer == *payer
            && row.idempotency.as_ref() == Some(client_key)
            && row.intent.state != State::PayFailed
    };
    tables
        .intents
        .values()
        .find(same)
        .map(|row| Known::of(row.intent.fingerprint, Some(row.intent.clone())))
}

fn known_proof(tables: &Tables, proof: ProofKey) -> Option<Known> {
    let load = |id: PaymentId| tables.intents.get(&id).map(|row| row.intent.clone());
    let known = |auth: &Auth| Known::of(auth.fingerprint, auth.intent.and_then(load));
    match proof {
        ProofKey::Authorization(key) => tables.auths.get(&key).map(known),
        ProofKey::Charge(key) => {
            if let Some(auth) = tables.challenges.get(&key) {
                return Some(known(auth));
            }
            let same_challenge =
                tables.challenges.iter().find(|(other, _)| other.challenge_id == key.challenge_id);
            let same_token = || {
                tables.challenges.iter().find(|(other, _)| other.token_sha256 == key.token_sha256)
            };
            match same_challenge {
                Some((_, auth)) => {
                    Some(Known { half_known: Some(HalfKnown::Challenge), ..known(auth) })
                }
                None => same_token()
                    .map(|(_, auth)| Known { half_known: Some(HalfKnown::Token), ..known(auth) }),
            }
        }
    }
}

pub(super) fn claim(tables: &mut Tables, claim: NewClaim<'_>) -> Result<Claimed, BooksError> {
    if let Some(known) = known(tables, &claim.key) {
        return Ok(Claimed::Known(known));
    }
    let available = available(tables, &claim);
    if !available.day_cap.refused_this_proof
        && let Some(intent) = joinable(tables, &claim)
    {
        tables.take_proof(claim.key.proof, claim.fingerprint, Some(intent.id));
        return Ok(Claimed::Joined(intent));
    }
    let funding = match funding::decide(&available, &claim.pay_terms) {
        Ok(funding) => funding,
        Err(refusal) => {
            if let (FundingRefusal::FreeCallsExhaustedToday, Some(refused)) =
                (refusal, claim.refused_by_day_cap())
            {
                tables.refused_proofs.entry(refused.key).or_insert(refused);
            }
            return Ok(Claimed::Refused(ClaimRefusal::Funding(refusal)));
        }
    };
    let (price, attempt) = match fund(tables, &claim, &funding, available.free_slot)? {
        Ok(funded) => funded,
        Err(refusal) => return Ok(Claimed::Refused(refusal)),
    };
    let intent = claim.intent(funding, price, attempt);
    tables.take_proof(claim.key.proof, claim.fingerprint, Some(claim.id));
    tables.timeline.push((claim.id, intent.state, claim.at));
    let idempotency = claim.key.idempotency.map(|(_, key)| key);
    let attended_until = claim.lease_until;
    // Whoever settles it takes a lease of its own.
    let lease_until =
        if intent.state == State::Queued { UnixMs::new(0) } else { claim.lease_until };
    tables.intents.insert(
        claim.id,
        Row {
            intent: intent.clone(),
            idempotency,
            lease_until,
            parked_until: UnixMs::new(0),
            attended_until,
        },
    );
    Ok(Claimed::New(intent))
}

/// Takes what the decision needs: what it costs, and the transaction that is signed for it.
fn fund(
    tables: &mut Tables,
    claim: &NewClaim<'_>,
    funding: &Funding,
    slot: Option<FreeSlot>,
) -> Result<Result<(Amount, Option<Attempt>), ClaimRefusal>, BooksError> {
    let mut price = claim.price;
    let mut attempt = None;
    match funding {
        Funding::Free => {
            let (Payer::Wallet(wallet), Some(offer), Some(taken)) =
                (&claim.payer, &claim.free, slot)
            else {
                return Err(refused_by_key("free_slots"));
            };
            tables.slots.insert(
                (*wallet, taken.of, taken.slot),
                Slot { day: offer.day.clone(), intent: claim.id },
            );
        }
        Funding::Entitlement { source } => price = reserve(tables, claim, *source)?,
        Funding::Credit { count, backing } => {
            price = Amount::Credits(*count);
            credits::deduct(tables, &claim.payer, claim.id, *count, *backing)?;
            tables.postings.push(
                Posting::credit_held(claim.id, &claim.payer, *count)
                    .map_err(|_| refused_by_key("amount"))?,
            );
        }
        Funding::MppCharge { .. } | Funding::MppPack { .. } => {}
        Funding::X402 => {
            let Some(payment) = claim.payment.transfer() else {
                return Err(refused_by_key("attempts"));
            };
            let queueing = &payment.queueing;
            if queueing.always || !tables.queue.is_empty() {
                if tables.queue.len() >= queueing.max as usize {
                    return Ok(Err(ClaimRefusal::QueueFull));
                }
                if let Err(refusal) = payment.preparer.can_sign() {
                    return Ok(Err(refusal.into()));
                }
                tables.queue.insert(claim.id, queueing.sealed_authorization.clone());
                return Ok(Ok((price, None)));
            }
            let next = tables.next_nonces.entry(payment.account()).or_default();
            let eoa_nonce = (*next).max(payment.chain_next_nonce);
            match payment.preparer.prepare(claim.id, eoa_nonce, claim.at) {
                Ok(signed) => attempt = Some(signed),
                Err(refusal) => return Ok(Err(refusal.into())),
            }
            *next = eoa_nonce + 1;
        }
    }
    Ok(Ok((price, attempt)))
}

/// Takes the call's price of what is owed; the rest stays owed under the claim's own id.
fn reserve(
    tables: &mut Tables,
    claim: &NewClaim<'_>,
    source: PaymentId,
) -> Result<Amount, BooksError> {
    let owed = tables.obligations.get_mut(&source).ok_or(BooksError::Stale(source))?;
    let minor = |amount: Amount| amount.minor().map_err(|_| refused_by_key("amount"));
    let share = Share::of(minor(owed.amount)?, minor(claim.price)?);
    let rest = share.rest.map(|rest| Obligation {
        amount: usdc(rest.get()),
        part_of: Some(owed.part_of.unwrap_or(source)),
        ..owed.clone()
    });
    (owed.state, owed.reserved_by, owed.amount) =
        (ObligationStep::RESERVE.to(), Some(claim.id), usdc(share.taken));
    tables.obligations.extend(rest.map(|rest| (claim.id, rest)));
    let price = usdc(share.taken);
    tables.postings.push(
        Posting::entitled(claim.id, &claim.payer, price).map_err(|_| refused_by_key("amount"))?,
    );
    Ok(price)
}

/// Only wallets have entitlements.
fn usdc(minor: i64) -> Amount {
    Amount::Usdc(UsdcUnits::new(minor.unsigned_abs()))
}

fn joinable(tables: &Tables, claim: &NewClaim<'_>) -> Option<Intent> {
    let named_apart = |row: &Row| row.idempotency.is_some() && claim.key.idempotency.is_some();
    let fits = |row: &&Row| {
        let intent = &row.intent;
        let equal = intent.payer == claim.payer && intent.fingerprint == claim.fingerprint;
        let open =
            !intent.delivered && row.attended_until < claim.at && intent.state != State::PayFailed;
        equal && open && !named_apart(row) && intent.created_at >= claim.join_since
    };
    tables.intents.values().rev().find(fits).map(|row| row.intent.clone())
}

/// What a debt funds.
pub(super) fn entitlement(tables: &Tables, id: PaymentId, owed: &Obligation) -> Entitlement {
    let route = tables.intents.get(&id).map(|row| row.intent.request.route.clone());
    Entitlement { amount: owed.amount, route, is_rest: owed.part_of.is_some() }
}

/// Signs an intent anew under the next nonce of the account.
pub(super) fn renew(
    tables: &mut Tables,
    id: PaymentId,
    guard: Guard,
    renewal: Renewal<'_>,
) -> Result<Result<Intent, PreparationError>, BooksError> {
    if tables.row(id)?.intent.guard != guard {
        return Err(BooksError::Stale(id));
    }
    let eoa_nonce = tables
        .next_nonces
        .get(&renewal.account)
        .copied()
        .unwrap_or_default()
        .max(renewal.resigning.chain_next_nonce);
    let attempt = match renewal.resigning.preparer.prepare(id, eoa_nonce, renewal.at) {
        Ok(attempt) => attempt,
        Err(refusal) => return Ok(Err(refusal)),
    };
    tables.next_nonces.insert(renewal.account, eoa_nonce + 1);
    super::finality::note_foreign(tables, id, renewal.detail, renewal.at);
    let intent = &mut tables.row(id)?.intent;
    intent.guard.version += 1;
    intent.updated_at = renewal.at;
    intent.attempts.push(attempt);
    Ok(Ok(intent.clone()))
}
