//! What a wallet has left of the free tier, as `GET /usage`, `GET /quote` and the answers of free launches say it: a call that is said to be free
//! here is free, as far as one look can tell.

use payments::{
    agent::Payer,
    ports::{BooksError, Usage},
    time::UnixMs,
};
use serde_json::{Value, json};

use super::Api;

/// A payer's free launches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FreeCalls {
    /// Of one month; none for a card account.
    pub(super) limit: u8,
    /// Taken this month.
    pub(super) used: u8,
    /// Left this month, whatever other wallets take.
    pub(super) left_this_month: u8,
    /// Left now: not more than all wallets together have left of the day.
    pub(super) left_now: u8,
    /// When the day's cap over all wallets starts afresh.
    pub(super) resets_at: UnixMs,
}

impl FreeCalls {
    /// Looks at the books.
    ///
    /// # Errors
    /// [`BooksError`] when they do not answer.
    pub(super) async fn of(api: &Api, payer: &Payer, usage: &Usage) -> Result<Self, BooksError> {
        let now = api.world.clock.now();
        let limit = match payer {
            Payer::Wallet(_) => api.settings.free_per_month,
            Payer::Card(_) => 0,
        };
        let left_this_month = limit.saturating_sub(usage.free_used);
        let left_now = match left_this_month {
            0 => 0,
            left => {
                let taken = api.world.books.free_calls_on(&now.day()).await?;
                let left_of_day = api.world.settings.free_tier.per_day_total.saturating_sub(taken);
                u8::try_from(left_of_day).map_or(left, |left_of_day| left.min(left_of_day))
            }
        };
        Ok(Self { limit, used: usage.free_used, left_this_month, left_now, resets_at: now.day_end() })
    }

    /// The wallet has free launches left this month, and none of them today.
    pub(super) fn exhausted_today(&self) -> bool {
        self.left_this_month > 0 && self.left_now == 0
    }

    /// As `GET /usage` shows it.
    pub(super) fn shown(&self) -> Value {
        let mut shown = json!({"limit": self.limit, "used": self.used, "remaining": self.left_now});
        if self.left_now < self.left_this_month {
            shown["remaining_this_month"] = self.left_this_month.into();
            shown["resets_at"] = self.resets_at.rfc3339_s().into();
        }
        shown
    }
}
