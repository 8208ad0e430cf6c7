//! The claim, in memory.

use super::{
    credits,
    tables::{Auth, Obligation, Row, Slot, Tables, refused_by_key},
};
use payments::{
    agent::Payer,
    free_quota::{FreeCall, FreeSlot},
    funding::{self, Available, DayCap, Funding, FundingRefusal},
    ids::PaymentId,
    intent::{Guard, Intent, State},
    ledger::Posting,
    money::{Amount, Credits, UsdcUnits},
    obligation::{Entitlement, ObligationStep, Share},
    ports::{
        BooksError, ClaimKey, ClaimRefusal, Claimed, HalfKnown, Known, NewClaim, PreparationError,
        Renewal, TransferPayment,
    },
    proof::ProofKey,
    settlement::{Attempt, AttemptKind, PaymentFailure},
    time::UnixMs,
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
        Err(refusal) => return Ok(Claimed::Refused(ClaimRefusal::Preparation(refusal))),
    };
    let intent = claim.intent(funding, price, attempt);
    tables.take_proof(claim.key.proof, claim.fingerprint, Some(claim.id));
    tables.timeline.push((claim.id, intent.state, claim.at));
    let idempotency = claim.key.idempotency.map(|(_, key)| key);
    let (lease_until, attended_until) = (claim.lease_until, claim.lease_until);
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
) -> Result<Result<(Amount, Option<Attempt>), PreparationError>, BooksError> {
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
            let next = tables.next_nonces.entry(payment.account()).or_default();
            let eoa_nonce = (*next).max(payment.chain_next_nonce);
            match payment.preparer.prepare(claim.id, eoa_nonce, claim.at) {
                Ok(signed) => attempt = Some(signed),
                Err(refusal) => return Ok(Err(refusal)),
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

fn available(tables: &Tables, claim: &NewClaim<'_>) -> Available {
    let mine = || tables.obligations.iter().filter(|(_, owed)| owed.payer == claim.payer);
    let open = mine().filter(|(id, owed)| {
        owed.state == ObligationStep::RESERVE.from()
            && owed.entitled_until > claim.at
            && entitlement(tables, **id, owed).funds(&claim.request.route, claim.price)
    });
    let day_ago = claim.at.plus_ms(-DAY_MS);
    let account = tables.credits.get(&claim.payer).copied().unwrap_or_default();
    let free = free_call(tables, claim);
    Available {
        lost_settlement: super::finality::lost_of(tables, &claim.payer),
        entitlement: open.min_by_key(|(id, owed)| (owed.created_at, **id)).map(|(id, _)| *id),
        free_slot: claim.free.as_ref().and_then(|offer| offer.slot(free)),
        day_cap: day_cap(tables, claim, free),
        credits: account,
        frozen: account.debt != Credits::ZERO,
        refused_after_pay_today: mine()
            .filter(|(id, owed)| {
                owed.created_at > day_ago && owed.part_of.is_none() && by_upstream(tables, **id)
            })
            .count()
            .try_into()
            .unwrap_or(u32::MAX),
        ..reverted(tables, claim)
    }
}

/// The upstream itself refused: what was ended without its answer is not held against the payer.
fn by_upstream(tables: &Tables, id: PaymentId) -> bool {
    tables.intents.get(&id).is_none_or(|row| row.intent.ended_by.is_none())
}

/// What reverted within the last hour: of this payer, and what that of all payers cost.
fn reverted(tables: &Tables, claim: &NewClaim<'_>) -> Available {
    let hour_ago = claim.at.plus_ms(-HOUR_MS);
    let failed =
        |intent: &&Intent| intent.state == State::PayFailed && intent.updated_at > hour_ago;
    let intents = || tables.intents.values().map(|row| &row.intent);
    let count =
        |intents: &mut dyn Iterator<Item = &Intent>| intents.count().try_into().unwrap_or(u32::MAX);
    let mine = || intents().filter(|intent| intent.payer == claim.payer);
    let in_flight = |intent: &&Intent| {
        intent.funding == Funding::X402
            && matches!(intent.state, State::Signed | State::Submitted | State::SubmitUnknown)
    };
    let transfers = intents()
        .filter(failed)
        .flat_map(|intent| &intent.attempts)
        .filter(|attempt| attempt.kind == AttemptKind::Transfer);
    Available {
        reverts_last_hour: count(
            &mut mine()
                .filter(failed)
                .filter(|intent| intent.failure == Some(PaymentFailure::Reverted)),
        ),
        unsettled: count(&mut mine().filter(in_flight)),
        gas_lost_last_hour_wei: transfers
            .fold(0_u128, |sum, attempt| sum.saturating_add(attempt.fee_wei.unwrap_or(0))),
        promised_units: promised(tables, claim),
        ..Available::default()
    }
}

/// What other payments of this wallet may still take of the balance that the claim saw.
fn promised(tables: &Tables, claim: &NewClaim<'_>) -> u64 {
    let Some(TransferPayment { transfer: seen, .. }) = claim.payment.transfer() else { return 0 };
    let promises = |intent: &&Intent| {
        let Some(terms) = &intent.transfer else { return false };
        let same = intent.payer == claim.payer
            && terms.key.chain_id == seen.key.chain_id
            && terms.key.token == seen.key.token;
        let open = matches!(intent.state, State::Signed | State::Submitted | State::SubmitUnknown);
        let later =
            intent.transfer_proof().is_some_and(|proof| proof.block_number > seen.claimed_at_block);
        same && intent.funding == Funding::X402 && (open || later)
    };
    tables
        .intents
        .values()
        .map(|row| &row.intent)
        .filter(promises)
        .map(|intent| intent.transfer.as_ref().map_or(0, |terms| terms.value.get()))
        .sum()
}

fn day_cap(tables: &Tables, claim: &NewClaim<'_>, free: FreeCall) -> DayCap {
    let Some(key) = claim.key.proof.as_ref().and_then(ProofKey::authorization) else {
        return DayCap::default();
    };
    let day = claim.free.as_ref().map(|offer| offer.day.as_str());
    DayCap {
        reached: free == FreeCall::DayUsedUp,
        noted: tables
            .refused_proofs
            .values()
            .any(|refused| refused.key.from == key.from && Some(refused.day.as_str()) == day),
        refused_this_proof: tables.refused_proofs.contains_key(key),
    }
}

fn free_call(tables: &Tables, claim: &NewClaim<'_>) -> FreeCall {
    let (Some(offer), Payer::Wallet(wallet)) = (&claim.free, &claim.payer) else {
        return FreeCall::UsedUp;
    };
    let taken: Vec<u32> = tables
        .slots
        .keys()
        .filter(|(owner, of, _)| owner == wallet && *of == offer.window)
        .map(|(_, _, slot)| *slot)
        .collect();
    let used_today = tables
        .slots
        .values()
        .filter(|slot| slot.day == offer.day)
        .count()
        .try_into()
        .unwrap_or(u32::MAX);
    offer.free_call(&taken, used_today)
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
