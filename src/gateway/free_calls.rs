//! What a wallet has left of a quota, as `GET /usage`, `GET /quote` and the answers of free calls
//! say it: a call that is said to be free here is free, as far as one look can tell.

use payments::{
    agent::Payer,
    ports::{BooksError, Usage},
    route::{Quota, Window},
    time::UnixMs,
};
use serde_json::{Value, json};

use super::state::Gateway;

/// A payer's free calls of one quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeCalls {
    /// Of one window; none for a card account and where nothing is free.
    pub limit: u32,
    /// Taken in this window.
    pub used: u32,
    /// Left in this window, whatever other wallets take.
    pub left_in_window: u32,
    /// Left now: not more than all wallets together have left of the day.
    pub left_now: u32,
    /// When the day's cap over all wallets starts afresh.
    pub resets_at: UnixMs,
    window: Window,
}

impl FreeCalls {
    /// Looks at the books: what the payer used in the month of `at`, and what it has left of this
    /// quota in its window then.
    ///
    /// # Errors
    /// [`BooksError`] when they do not answer.
    pub async fn of(
        gateway: &Gateway,
        payer: &Payer,
        quota: Option<&Quota>,
        at: UnixMs,
    ) -> Result<(Usage, Self), BooksError> {
        let now = gateway.world.clock.now();
        let quota = match payer {
            Payer::Wallet(_) => quota,
            Payer::Card(_) => None,
        };
        let usage = gateway
            .world
            .books
            .usage(payer, at.month(), quota.map(|quota| quota.at(at)).as_ref())
            .await?;
        let limit = quota.map_or(0, |quota| quota.count.get());
        let left_in_window = limit.saturating_sub(usage.free_used);
        let left_now = match left_in_window {
            0 => 0,
            left => {
                let taken = gateway.world.books.free_calls_on(&now.day()).await?;
                left.min(gateway.world.settings.free_per_day_total.saturating_sub(taken))
            }
        };
        let window = quota.map_or(Window::Month, |quota| quota.window);
        let free = Self {
            limit,
            used: usage.free_used,
            left_in_window,
            left_now,
            resets_at: now.day_end(),
            window,
        };
        Ok((usage, free))
    }

    /// The wallet has free calls left in this window, and none of them today.
    pub fn exhausted_today(&self) -> bool {
        self.left_in_window > 0 && self.left_now == 0
    }

    /// The window as a part of a member's name, for example `this_month`.
    pub fn this_window(&self) -> String {
        format!("this_{}", self.window.word())
    }

    /// As `GET /usage` shows it.
    pub fn shown(&self) -> Value {
        let mut shown = json!({"limit": self.limit, "used": self.used, "remaining": self.left_now});
        if self.left_now < self.left_in_window {
            shown[format!("remaining_{}", self.this_window())] = self.left_in_window.into();
            shown["resets_at"] = self.resets_at.rfc3339_s().into();
        }
        shown
    }
}
