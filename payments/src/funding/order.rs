//! The order in which the ways to pay for a creation are tried.

use std::num::NonZeroU32;

use super::{Available, Funding, FundingRefusal, IfRefused, Means, PayTerms, Product};
use crate::money::{Credits, UsdCents};

/// Entitlement first, then the free slot or a credit, then pay. A pack is always paid for.
///
/// # Errors
/// [`FundingRefusal`] when nothing is left but a payment that may not be taken.
pub fn decide(available: &Available, terms: &PayTerms) -> Result<Funding, FundingRefusal> {
    if let Some(lost) = available.lost_settlement {
        return Err(FundingRefusal::SettlementLost(lost));
    }
    if available.day_cap.refused_this_proof {
        return Err(FundingRefusal::FreeCallsExhaustedToday);
    }
    if let Product::Call { credits } = terms.product
        && let Some(funding) = prepaid(available, credits.map(in_credits))
    {
        return Ok(funding);
    }
    if terms.means == Means::Nothing {
        return Err(nothing_left(available, terms.product));
    }
    if available.refused_after_pay_today >= terms.refused_after_pay_per_day {
        return Err(FundingRefusal::TooManyRefused);
    }
    if matches!(terms.product, Product::Call { .. })
        && available.day_cap.reached
        && !available.day_cap.noted
    {
        return Err(FundingRefusal::FreeCallsExhaustedToday);
    }
    match (terms.product, terms.means) {
        _ if !terms.proof_covers_price => Err(FundingRefusal::ProofBelowPrice),
        (Product::Call { credits }, Means::Charge) => {
            Ok(Funding::MppCharge { if_refused: IfRefused::of(credits) })
        }
        (Product::Call { .. }, Means::Transfer | Means::Nothing) => settlement(available, terms),
        (Product::Pack { credits }, Means::Charge) => Ok(Funding::MppPack { credits }),
        (Product::Pack { .. }, Means::Transfer | Means::Nothing) => {
            Err(FundingRefusal::ProofBelowPrice)
        }
    }
}

/// A settlement costs gas whether or not it succeeds. A payer whose payments revert has no further
/// ones in flight than those that may revert yet.
fn settlement(available: &Available, terms: &PayTerms) -> Result<Funding, FundingRefusal> {
    let in_flight = if available.reverts_last_hour > 0 { available.unsettled } else { 0 };
    if available.reverts_last_hour.saturating_add(in_flight) >= terms.reverts.per_payer_and_hour {
        return Err(FundingRefusal::TooManyReverts);
    }
    if available.gas_lost_last_hour_wei >= terms.reverts.gas_wei_per_hour {
        return Err(FundingRefusal::GasBudgetSpent);
    }
    if available.promised_units > terms.beside_price_units {
        return Err(FundingRefusal::BalancePromised);
    }
    Ok(Funding::X402)
}

/// What the payer has already: paid for earlier, free, or prepaid.
fn prepaid(available: &Available, credits: Option<Credits>) -> Option<Funding> {
    if let Some(source) = available.entitlement {
        return Some(Funding::Entitlement { source });
    }
    if available.free_slot.is_some() {
        return Some(Funding::Free);
    }
    let count = credits.filter(|count| !available.frozen && available.credits.balance >= *count)?;
    Some(Funding::Credit { count, backing: UsdCents::new(available.credits.backing_of(count)) })
}

fn in_credits(count: NonZeroU32) -> Credits {
    Credits::new(count.get().into())
}

/// Why an account that brought nothing to pay with is refused.
fn nothing_left(available: &Available, product: Product) -> FundingRefusal {
    let left = available.credits.balance;
    match product {
        _ if available.frozen => FundingRefusal::Frozen,
        Product::Call { credits: Some(needed) } if left != Credits::ZERO => {
            FundingRefusal::TooFewCredits { needed: in_credits(needed), left }
        }
        Product::Call { .. } | Product::Pack { .. } => FundingRefusal::NoCredit,
    }
}
