//! Who pays for a creation: decided once, inside the transaction that claims the proof, and never
//! again.

mod if_refused;
mod order;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

pub use if_refused::IfRefused;
pub use order::decide;

use crate::{
    free_quota::FreeSlot,
    ids::PaymentId,
    intent::State,
    money::{Credits, UsdCents},
    ports::CreditAccount,
    settlement::Attempt,
};

/// What funds one intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Funding {
    /// A slot of the route's quota. Which one is decided with it ([`Available::free_slot`]) and
    /// kept with the slots.
    Free,
    /// What this payer paid earlier for a call that the upstream refused, or what a cheaper call
    /// left of it.
    Entitlement {
        /// The obligation's own id: the payment that was refused, or the one that left the rest.
        source: PaymentId,
    },
    /// Prepaid credits.
    Credit {
        /// How many: the route's own number.
        count: Credits,
        /// The money that stands behind them: earned when the call is done.
        backing: UsdCents,
    },
    /// A settlement on the chain.
    X402,
    /// A charge of the card for this one call.
    MppCharge {
        /// What becomes of it when the upstream refuses the call.
        if_refused: IfRefused,
    },
    /// A charge of the card for a pack: it buys credits and creates nothing.
    MppPack {
        /// How many credits it buys.
        credits: Credits,
    },
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// One call upstream.
    Call {
        /// The credits that pay for it instead of money; none: no credit does.
        credits: Option<NonZeroU32>,
    },
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

/// What the books hold for a payer at the moment of the claim. The backend reads it; this module
/// decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Available {
    /// A payment of this payer that was counted and that a reorganisation took, as long as its
    /// finding is open.
    pub lost_settlement: Option<PaymentId>,
    /// The oldest open entitlement.
    pub entitlement: Option<PaymentId>,
    /// A free slot of the route's quota.
    pub free_slot: Option<FreeSlot>,
    /// What keeps the wallet from a free slot that it has left.
    pub day_cap: DayCap,
    /// The payer's credits, with the money behind them.
    pub credits: CreditAccount,
    /// The account owes credits after a dispute: none is spent until that is resolved.
    pub frozen: bool,
    /// Payments of this payer that the upstream refused within the last day.
    pub refused_after_pay_today: u32,
    /// Payments of this payer that reverted on the chain within the last hour.
    pub reverts_last_hour: u32,
    /// Payments of this payer that are sent or about to be sent, and neither settled nor failed.
    pub unsettled: u32,
    /// What all payments that reverted within the last hour cost in gas, in wei.
    pub gas_lost_last_hour_wei: u128,
    /// Units of the wallet's balance, as the claim saw it, that other payments of it may still
    /// take: those that are open, and those in blocks after that view.
    pub promised_units: u64,
}

/// Bounds of what payments cost us that the token reverts: each of them takes our gas and brings
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevertBounds {
    /// Payments of one payer that may revert within an hour before no further one is sent.
    pub per_payer_and_hour: u32,
    /// What all payments that revert within an hour may cost in gas, in wei, before none is sent.
    pub gas_wei_per_hour: u128,
}

/// The day's cap over all wallets' free calls, as one wallet meets it. A wallet that was promised a
/// free call is not charged in its place before a 402 said so.
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
    /// What reverted payments may cost us.
    pub reverts: RevertBounds,
    /// The proof is for the full price. A proof of amount 0 identifies, and can pay for nothing.
    pub proof_covers_price: bool,
    /// How the request could pay.
    pub means: Means,
    /// What it is for.
    pub product: Product,
    /// What the wallet holds beside the price, in units of the token; `u64::MAX` for a card.
    pub beside_price_units: u64,
}

/// No way to fund the creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FundingRefusal {
    /// The upstream refused too many paid creations of this payer today; taking more money would
    /// only be owed back.
    #[error("too many paid creations were refused today")]
    TooManyRefused,
    /// Too many payments of this payer were reverted by the token within an hour: each of them cost
    /// our gas.
    #[error("too many payments of this payer reverted on the chain")]
    TooManyReverts,
    /// Reverted payments of all payers cost what they may cost within an hour.
    #[error("the gas for reverted payments is spent")]
    GasBudgetSpent,
    /// The wallet holds the price, and other payments of it may take that: the second transfer
    /// would revert at our cost.
    #[error("the wallet's balance is promised to other payments")]
    BalancePromised,
    /// Nothing is free any more and the proof does not cover the price.
    #[error("the proof does not cover the price")]
    ProofBelowPrice,
    /// The wallet's next call was promised free, and the day's cap over all wallets is reached. The
    /// books keep which proof was refused: a later one is a consent to pay.
    #[error("the free calls of all wallets are used up for today")]
    FreeCallsExhaustedToday,
    /// A payment that served this payer is not on the chain any more, and nobody has settled that:
    /// nothing more is given, free or paid.
    #[error("a settlement of this payer was taken back by a reorganisation")]
    SettlementLost(PaymentId),
    /// The account has no credit left, and the request brought nothing to pay with.
    #[error("no credits are left")]
    NoCredit,
    /// The account has fewer credits than the call takes, and the request brought nothing to pay
    /// with.
    #[error("{left} credits are left, and this call takes {needed}")]
    TooFewCredits {
        /// What the call takes.
        needed: Credits,
        /// What is left.
        left: Credits,
    },
    /// The account owes credits after a dispute, and the request brought nothing to pay with.
    #[error("the account's credits are frozen by a dispute")]
    Frozen,
}

impl Funding {
    /// The word of `audit_intents.funding`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Entitlement { .. } => "entitlement",
            Self::Credit { .. } => "credit",
            Self::X402 => "x402",
            Self::MppCharge { .. } => "mpp_charge",
            Self::MppPack { .. } => "mpp_pack",
        }
    }

    /// What the books take the claim's proof for: `pay`, `credit` or `free`.
    pub fn proof_purpose(&self) -> &'static str {
        match self {
            Self::X402 | Self::MppCharge { .. } | Self::MppPack { .. } => "pay",
            Self::Credit { .. } => "credit",
            Self::Free | Self::Entitlement { .. } => "free",
        }
    }

    /// The state in which the claim leaves its intent: what must be paid for first is signed, or
    /// waits for a signer; everything else is being created.
    pub fn claimed_state(&self, attempt: Option<&Attempt>) -> State {
        match self {
            Self::X402 if attempt.is_none() => State::Queued,
            Self::X402 | Self::MppCharge { .. } | Self::MppPack { .. } => State::Signed,
            Self::Credit { .. } | Self::Free | Self::Entitlement { .. } => State::Forwarding,
        }
    }
}
