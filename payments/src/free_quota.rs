//! Free calls: a number per wallet, quota and window of the UTC calendar, and a cap of the day over
//! all wallets. x402 only: cards are not known before they pay.

use std::fmt;

use crate::{
    route::{Quota, Window},
    time::UnixMs,
};

/// The most calls that a quota can give in a window: five where it is called `launches`, whose
/// count the tables have known since their first version.
pub fn most(quota: &str) -> u32 {
    if quota == "launches" { 5 } else { 1_000 }
}

/// One window of a quota. A wallet's slots of it are rows with this as their key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuotaWindow {
    /// The quota's name.
    pub quota: String,
    /// The UTC month, `2026-03`, or day, `2026-03-14`.
    pub window: String,
}

/// A slot that a claim takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeSlot {
    /// Of which window.
    pub of: QuotaWindow,
    /// Which one, from 1.
    pub slot: u32,
}

/// The quota of a route, and what binds all quotas together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeTerms {
    /// The route's own.
    pub quota: Quota,
    /// Free calls per UTC day over all wallets and quotas together.
    pub per_day_total: u32,
}

/// What is free for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeOffer {
    /// The window whose slots count.
    pub window: QuotaWindow,
    /// Slots per wallet in it; a slot is a row, so one more than this is impossible by key.
    pub count: u32,
    /// The UTC day, `YYYY-MM-DD`, for the cap over all wallets.
    pub day: String,
    /// Free calls of that day over all wallets together, so that one coin passed around buys
    /// little.
    pub per_day_total: u32,
}

/// What is left for one wallet at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreeCall {
    /// The lowest slot of the window that the wallet has not taken.
    Slot(u32),
    /// The wallet has taken all its slots of the window.
    UsedUp,
    /// The wallet has slots left, but all wallets together have used up the day's total.
    DayUsedUp,
}

// === impl Quota ===

impl Quota {
    /// Its window at a moment.
    pub fn at(&self, now: UnixMs) -> QuotaWindow {
        let window = match self.window {
            Window::Day => now.day(),
            Window::Month => now.month().to_string(),
        };
        QuotaWindow { quota: self.name.clone(), window }
    }

    /// What it limits, in a word: `launches_per_month`.
    pub fn per_window(&self) -> String {
        format!("{}_per_{}", self.name, self.window.word())
    }
}

// === impl FreeTerms ===

impl FreeTerms {
    /// The offer at a moment.
    pub fn at(&self, now: UnixMs) -> FreeOffer {
        let Self { quota, per_day_total } = self;
        FreeOffer {
            window: quota.at(now),
            count: quota.count.get(),
            day: now.day(),
            per_day_total: *per_day_total,
        }
    }
}

// === impl FreeOffer ===

impl FreeOffer {
    /// What is left. `taken` are this wallet's slots of the window; `used_today` counts all
    /// wallets.
    pub fn free_call(&self, taken: &[u32], used_today: u32) -> FreeCall {
        match (1..=self.count).find(|slot| !taken.contains(slot)) {
            None => FreeCall::UsedUp,
            Some(_) if used_today >= self.per_day_total => FreeCall::DayUsedUp,
            Some(slot) => FreeCall::Slot(slot),
        }
    }

    /// The slot that such a call takes.
    pub fn slot(&self, call: FreeCall) -> Option<FreeSlot> {
        match call {
            FreeCall::Slot(slot) => Some(FreeSlot { of: self.window.clone(), slot }),
            FreeCall::UsedUp | FreeCall::DayUsedUp => None,
        }
    }
}

impl fmt::Display for QuotaWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.quota, self.window)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::num::NonZeroU32;

    use super::*;

    fn terms(window: Window) -> FreeTerms {
        let count = NonZeroU32::new(5).unwrap();
        FreeTerms {
            quota: Quota { name: String::from("launches"), count, window },
            per_day_total: 10,
        }
    }

    #[test]
    fn five_slots_a_window_and_no_sixth() {
        let offer = terms(Window::Month).at(UnixMs::from_s(1_767_225_600));
        assert_eq!(offer.free_call(&[], 0), FreeCall::Slot(1));
        assert_eq!(
            offer.free_call(&[1, 2, 4, 5], 4),
            FreeCall::Slot(3),
            "a slot that went back is given again"
        );
        assert_eq!(offer.free_call(&[1, 2, 3, 4, 5], 5), FreeCall::UsedUp);
        assert_eq!(
            offer.free_call(&[], 10),
            FreeCall::DayUsedUp,
            "the day's total binds every wallet"
        );
        assert_eq!(
            offer.free_call(&[1, 2, 3, 4, 5], 10),
            FreeCall::UsedUp,
            "nothing was promised to this wallet"
        );
    }

    #[test]
    fn a_window_is_a_month_or_a_day_of_the_calendar_in_utc() {
        let last = UnixMs::from_s(1_767_225_600).plus_ms(-1);
        let windows =
            |window| [last, last.plus_ms(1)].map(|at| terms(window).at(at).window.to_string());
        assert_eq!(windows(Window::Month), ["launches in 2025-12", "launches in 2026-01"]);
        assert_eq!(windows(Window::Day), ["launches in 2025-12-31", "launches in 2026-01-01"]);
    }
}
