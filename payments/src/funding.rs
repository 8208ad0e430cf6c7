//! Who pays for a creation: decided once, inside the transaction that claims the proof, and never again.

use crate::{ids::PaymentId, time::Month};

/// What funds one intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Funding {
    /// A slot of the free tier.
    Free {
        /// The UTC month of the slot.
        month: Month,
        /// Which slot, from 1.
        slot: u8,
    },
    /// What this payer paid earlier for a creation that the upstream refused.
    Entitlement {
        /// The intent that was paid and refused.
        source: PaymentId,
    },
    /// A settlement on the chain.
    X402,
}

/// What the books hold for a payer at the moment of the claim. The backend reads it; this module decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Available {
    /// The oldest open entitlement.
    pub entitlement: Option<PaymentId>,
    /// A free slot of this month.
    pub free_slot: Option<(Month, u8)>,
    /// Payments of this payer that the upstream refused within the last day.
    pub refused_after_pay_today: u32,
}

/// What stands between this payer and a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayTerms {
    /// How many refused-after-pay a payer may have within a day before no further payment is taken.
    pub refused_after_pay_per_day: u32,
    /// The proof is for the full price. A proof of amount 0 identifies, and can pay for nothing.
    pub proof_covers_price: bool,
}

/// No way to fund the creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FundingRefusal {
    /// The upstream refused too many paid creations of this payer today; taking more money would only be owed back.
    #[error("too many paid creations were refused today")]
    TooManyRefused,
    /// Nothing is free any more and the proof does not cover the price.
    #[error("the proof does not cover the price")]
    ProofBelowPrice,
}

/// Entitlement first, then the free slot, then pay.
///
/// # Errors
/// [`FundingRefusal`] when nothing is left but a payment that may not be taken.
pub fn decide(available: &Available, terms: PayTerms) -> Result<Funding, FundingRefusal> {
    if let Some(source) = available.entitlement {
        return Ok(Funding::Entitlement { source });
    }
    if let Some((month, slot)) = available.free_slot {
        return Ok(Funding::Free { month, slot });
    }
    if available.refused_after_pay_today >= terms.refused_after_pay_per_day {
        return Err(FundingRefusal::TooManyRefused);
    }
    if !terms.proof_covers_price {
        return Err(FundingRefusal::ProofBelowPrice);
    }
    Ok(Funding::X402)
}

impl Funding {
    /// The word of `audit_intents.funding`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Free { .. } => "free",
            Self::Entitlement { .. } => "entitlement",
            Self::X402 => "x402",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMs;

    const TERMS: PayTerms = PayTerms { refused_after_pay_per_day: 3, proof_covers_price: true };

    #[test]
    fn an_entitlement_comes_before_a_free_slot_and_a_free_slot_before_money() {
        let id = PaymentId::new(uuid::Uuid::from_u128(9));
        let month = UnixMs::from_s(0).month();
        let mut available = Available { entitlement: Some(id), free_slot: Some((month, 2)), refused_after_pay_today: 9 };
        assert_eq!(decide(&available, TERMS), Ok(Funding::Entitlement { source: id }));
        available.entitlement = None;
        assert_eq!(decide(&available, TERMS), Ok(Funding::Free { month, slot: 2 }));
        available.free_slot = None;
        assert_eq!(decide(&available, TERMS), Err(FundingRefusal::TooManyRefused));
        available.refused_after_pay_today = 2;
        assert_eq!(decide(&available, TERMS), Ok(Funding::X402));
        assert_eq!(decide(&available, PayTerms { proof_covers_price: false, ..TERMS }), Err(FundingRefusal::ProofBelowPrice));
    }
}
