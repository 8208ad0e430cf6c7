//! What a claim may be funded by.

use payments::{
    agent::Payer,
    free_quota::FreeCall,
    funding::{Available, DayCap, Funding},
    ids::PaymentId,
    intent::{Intent, State},
    money::Credits,
    obligation::ObligationStep,
    ports::{NewClaim, TransferPayment},
    proof::ProofKey,
    settlement::{AttemptKind, PaymentFailure},
};

use super::{
    super::{finality, tables::Tables},
    DAY_MS, HOUR_MS, entitlement,
};

pub(super) fn available(tables: &Tables, claim: &NewClaim<'_>) -> Available {
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
        lost_settlement: finality::lost_of(tables, &claim.payer),
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
    let in_flight =
        |intent: &&Intent| intent.funding == Funding::X402 && intent.state.may_take_balance();
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
        let open = intent.state.may_take_balance();
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
