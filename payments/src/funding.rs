//! Who pays for a creation: decided once, inside the transaction that claims the proof, and never again.

use crate::{
    ids::PaymentId,
    intent::State,
    money::{Credits, UsdCents},
    time::Month,
};

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
    /// One prepaid launch.
    Credit {
        /// The money that stands behind this credit: earned when the launch exists.
        backing: UsdCents,
    },
    /// A settlement on the chain.
    X402,
    /// A charge of the card for this one launch.
    MppCharge,
    /// A charge of the card for a pack: it buys credits and creates nothing.
    MppPack {
        /// How many credits it buys.
        credits: Credits,
    },
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// One creation upstream.
    Launch,
    /// A pack of credits.
    Pack {
        /// How many.
        credits: Credits,
    },
}

/// How the request could pay, if it comes to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// An authorization of the token contract.
    Transfer,
    /// A shared payment token of a card.
    Charge,
    /// Nothing: an agent token only says who asks.
    Nothing,
}

/// What the books hold for a payer at the moment of the claim. The backend reads it; this module decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Available {
    /// The oldest open entitlement.
    pub entitlement: Option<PaymentId>,
    /// A free slot of this month.
    pub free_slot: Option<(Month, u8)>,
    /// What keeps the wallet from a free slot that it has left.
    pub day_cap: DayCap,
    /// The money behind the payer's next credit, if there is a credit and its account is not frozen.
    pub credit: Option<UsdCents>,
    /// The account owes credits after a dispute: none is spent until that is resolved.
    pub frozen: bool,
    /// Payments of this payer that the upstream refused within the last day.
    pub refused_after_pay_today: u32,
}

/// The day's cap over all wallets' free calls, as one wallet meets it. A wallet that was promised a free call is not charged in its place
/// before a 402 said so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayCap {
    /// The wallet has free calls left this month, and the cap is reached.
    pub reached: bool,
    /// A 402 said so to this wallet today.
    pub noted: bool,
    /// Such a 402 refused this very proof: it stays refused as long as it is valid.
    pub refused_this_proof: bool,
}

/// What stands between this payer and a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayTerms {
    /// How many refused-after-pay a payer may have within a day before no further payment is taken.
    pub refused_after_pay_per_day: u32,
    /// The proof is for the full price. A proof of amount 0 identifies, and can pay for nothing.
    pub proof_covers_price: bool,
    /// How the request could pay.
    pub means: Means,
    /// What it is for.
    pub product: Product,
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
    /// The wallet's next call was promised free, and the day's cap over all wallets is reached. The books keep which proof was refused: a later
    /// one is a consent to pay.
    #[error("the free calls of all wallets are used up for today")]
    FreeCallsExhaustedToday,
    /// The account has no credit left, and the request brought nothing to pay with.
    #[error("no credits are left")]
    NoCredit,
    /// The account owes credits after a dispute, and the request brought nothing to pay with.
    #[error("the account's credits are frozen by a dispute")]
    Frozen,
}

/// Entitlement first, then the free slot or a credit, then pay. A pack is always paid for.
///
/// # Errors
/// [`FundingRefusal`] when nothing is left but a payment that may not be taken.
pub fn decide(available: &Available, terms: PayTerms) -> Result<Funding, FundingRefusal> {
    if available.day_cap.refused_this_proof {
        return Err(FundingRefusal::FreeCallsExhaustedToday);
    }
    if terms.product == Product::Launch
        && let Some(funding) = prepaid(available)
    {
        return Ok(funding);
    }
    if terms.means == Means::Nothing {
        return Err(if available.frozen { FundingRefusal::Frozen } else { FundingRefusal::NoCredit });
    }
    if available.refused_after_pay_today >= terms.refused_after_pay_per_day {
        return Err(FundingRefusal::TooManyRefused);
    }
    if terms.product == Product::Launch && available.day_cap.reached && !available.day_cap.noted {
        return Err(FundingRefusal::FreeCallsExhaustedToday);
    }
    match (terms.product, terms.means) {
        _ if !terms.proof_covers_price => Err(FundingRefusal::ProofBelowPrice),
        (Product::Launch, Means::Charge) => Ok(Funding::MppCharge),
        (Product::Launch, _) => Ok(Funding::X402),
        (Product::Pack { credits }, Means::Charge) => Ok(Funding::MppPack { credits }),
        (Product::Pack { .. }, _) => Err(FundingRefusal::ProofBelowPrice),
    }
}

/// What the payer has already: paid for earlier, free, or prepaid.
fn prepaid(available: &Available) -> Option<Funding> {
    if let Some(source) = available.entitlement {
        return Some(Funding::Entitlement { source });
    }
    if let Some((month, slot)) = available.free_slot {
        return Some(Funding::Free { month, slot });
    }
    available.credit.filter(|_| !available.frozen).map(|backing| Funding::Credit { backing })
}

impl Funding {
    /// The word of `audit_intents.funding`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Free { .. } => "free",
            Self::Entitlement { .. } => "entitlement",
            Self::Credit { .. } => "credit",
            Self::X402 => "x402",
            Self::MppCharge => "mpp_charge",
            Self::MppPack { .. } => "mpp_pack",
        }
    }

    /// What the books take the claim's proof for: `pay`, `credit` or `free`.
    pub fn proof_purpose(&self) -> &'static str {
        match self {
            Self::X402 | Self::MppCharge | Self::MppPack { .. } => "pay",
            Self::Credit { .. } => "credit",
            Self::Free { .. } | Self::Entitlement { .. } => "free",
        }
    }

    /// The state in which the claim leaves its intent: what must be paid for first is signed, everything else is being created.
    pub fn claimed_state(&self) -> State {
        match self {
            Self::X402 | Self::MppCharge | Self::MppPack { .. } => State::Signed,
            Self::Credit { .. } | Self::Free { .. } | Self::Entitlement { .. } => State::Forwarding,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMs;

    const TERMS: PayTerms =
        PayTerms { refused_after_pay_per_day: 3, proof_covers_price: true, means: Means::Transfer, product: Product::Launch };
    const CARD: PayTerms = PayTerms { means: Means::Charge, ..TERMS };
    const TOKEN: PayTerms = PayTerms { means: Means::Nothing, ..TERMS };

    #[test]
    fn an_entitlement_comes_before_a_free_slot_and_a_free_slot_before_money() {
        let id = PaymentId::new(uuid::Uuid::from_u128(9));
        let month = UnixMs::from_s(0).month();
        let mut available =
            Available { entitlement: Some(id), free_slot: Some((month, 2)), refused_after_pay_today: 9, ..Available::default() };
        assert_eq!(decide(&available, TERMS), Ok(Funding::Entitlement { source: id }));
        available.entitlement = None;
        assert_eq!(decide(&available, TERMS), Ok(Funding::Free { month, slot: 2 }));
        available.free_slot = None;
        assert_eq!(decide(&available, TERMS), Err(FundingRefusal::TooManyRefused));
        available.refused_after_pay_today = 2;
        assert_eq!(decide(&available, TERMS), Ok(Funding::X402));
        assert_eq!(decide(&available, PayTerms { proof_covers_price: false, ..TERMS }), Err(FundingRefusal::ProofBelowPrice));
    }

    #[test]
    fn a_promised_free_call_is_charged_only_for_another_proof_than_the_refused_one() {
        let refused = Err(FundingRefusal::FreeCallsExhaustedToday);
        let capped =
            |noted, refused_this_proof| Available { day_cap: DayCap { reached: true, noted, refused_this_proof }, ..Available::default() };
        assert_eq!(decide(&capped(false, false), TERMS), refused);
        assert_eq!(decide(&capped(true, true), TERMS), refused);
        assert_eq!(decide(&capped(true, false), TERMS), Ok(Funding::X402));
        let below = PayTerms { proof_covers_price: false, ..TERMS };
        assert_eq!(decide(&capped(false, false), below), refused);
        assert_eq!(decide(&capped(true, false), below), Err(FundingRefusal::ProofBelowPrice));
        let id = PaymentId::new(uuid::Uuid::from_u128(9));
        let owed = Available { entitlement: Some(id), ..capped(false, false) };
        assert_eq!(decide(&owed, TERMS), Ok(Funding::Entitlement { source: id }));
        let month = UnixMs::from_s(0).month();
        let freed = Available { free_slot: Some((month, 1)), day_cap: DayCap { refused_this_proof: true, ..DayCap::default() }, ..owed };
        assert_eq!(decide(&freed, TERMS), refused, "a refused proof is claimed by nothing");
    }

    #[test]
    fn a_credit_comes_before_a_charge_and_a_frozen_account_spends_none() {
        let backing = UsdCents::new(60);
        let mut available = Available { credit: Some(backing), ..Available::default() };
        assert_eq!(decide(&available, CARD), Ok(Funding::Credit { backing }));
        assert_eq!(decide(&available, TOKEN), Ok(Funding::Credit { backing }));
        available.frozen = true;
        assert_eq!(decide(&available, CARD), Ok(Funding::MppCharge));
        assert_eq!(decide(&available, TOKEN), Err(FundingRefusal::Frozen));
        let nothing = Available::default();
        assert_eq!(decide(&nothing, CARD), Ok(Funding::MppCharge));
        assert_eq!(decide(&nothing, TOKEN), Err(FundingRefusal::NoCredit));
    }

    #[test]
    fn a_pack_is_paid_for_whatever_its_payer_has() {
        let credits = Credits::new(20);
        let pack = PayTerms { product: Product::Pack { credits }, ..CARD };
        let month = UnixMs::from_s(0).month();
        let id = PaymentId::new(uuid::Uuid::from_u128(9));
        let rich = Available { credit: Some(UsdCents::ZERO), entitlement: Some(id), free_slot: Some((month, 1)), ..Available::default() };
        assert_eq!(decide(&rich, pack), Ok(Funding::MppPack { credits }));
        assert_eq!(decide(&rich, PayTerms { means: Means::Nothing, ..pack }), Err(FundingRefusal::NoCredit));
        assert_eq!(decide(&rich, PayTerms { means: Means::Transfer, ..pack }), Err(FundingRefusal::ProofBelowPrice));
        let refused = Available { refused_after_pay_today: 3, ..rich };
        assert_eq!(decide(&refused, pack), Err(FundingRefusal::TooManyRefused));
    }
}
