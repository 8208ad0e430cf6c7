//! The free tier: a number of creations per wallet and UTC month, x402 only.

use crate::time::{Month, UnixMs};

/// What the free tier offers to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeTierOffer {
    /// The month whose slots count.
    pub month: Month,
    /// The UTC day, `YYYY-MM-DD`, for the cap over all wallets.
    pub day: String,
    /// Slots per wallet and month; a slot is a row, so one more than this is impossible by key.
    pub per_month: u8,
    /// Free creations per day over all wallets together, so that one coin passed around buys little.
    pub per_day_total: u32,
}

/// The settings of the free tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeTier {
    /// Slots per wallet and month.
    pub per_month: u8,
    /// Free creations per day over all wallets together.
    pub per_day_total: u32,
}

impl FreeTier {
    /// The offer at a moment.
    pub fn at(self, now: UnixMs) -> FreeTierOffer {
        FreeTierOffer { month: now.month(), day: now.day(), per_month: self.per_month, per_day_total: self.per_day_total }
    }
}

/// What the free tier holds for one wallet at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreeCall {
    /// The lowest slot of the month that the wallet has not taken.
    Slot(u8),
    /// The wallet has taken all its slots of the month.
    MonthUsedUp,
    /// The wallet has slots left, but all wallets together have used up the day's total.
    DayUsedUp,
}

impl FreeTierOffer {
    /// What is left. `taken` are this wallet's slots of the month; `used_today` counts all wallets.
    pub fn free_call(&self, taken: &[u8], used_today: u32) -> FreeCall {
        match (1..=self.per_month).find(|slot| !taken.contains(slot)) {
            None => FreeCall::MonthUsedUp,
            Some(_) if used_today >= self.per_day_total => FreeCall::DayUsedUp,
            Some(slot) => FreeCall::Slot(slot),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_slots_a_month_and_no_sixth() {
        let offer = FreeTier { per_month: 5, per_day_total: 10 }.at(UnixMs::from_s(1_767_225_600));
        assert_eq!(offer.free_call(&[], 0), FreeCall::Slot(1));
        assert_eq!(offer.free_call(&[1, 2, 4, 5], 4), FreeCall::Slot(3), "a slot that went back is given again");
        assert_eq!(offer.free_call(&[1, 2, 3, 4, 5], 5), FreeCall::MonthUsedUp);
        assert_eq!(offer.free_call(&[], 10), FreeCall::DayUsedUp, "the day's total binds every wallet");
        assert_eq!(offer.free_call(&[1, 2, 3, 4, 5], 10), FreeCall::MonthUsedUp, "nothing was promised to this wallet");
    }
}
