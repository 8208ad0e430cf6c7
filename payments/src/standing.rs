//! How many of the credits that a charge bought may stand, and where the money behind the others
//! belongs: one function of what was paid, refunded, disputed and lost, whatever the order in which
//! it became known.
//!
//! | money that is gone | credits that go with it |
//! |---|---|
//! | refunded | its share, rounded down: a payer never loses a credit to a fraction |
//! | disputed, open or lost | its share of the rest, rounded up: nothing is served for money that the bank holds |
//! | all of it | all of them |
//!
//! A launch that was delivered is worth one credit to whoever disputes it; a refund of one is
//! goodwill and takes none.

use crate::{money::Credits, ports::CreditAccount};

/// What became of the money of a settled charge, in cents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChargeMoney {
    /// What was charged.
    pub paid: u64,
    /// Given back, by whatever means.
    pub refunded: u64,
    /// Taken by disputes that are not decided.
    pub dispute_open: u64,
    /// Taken by disputes that were lost.
    pub dispute_lost: u64,
}

/// What a charge bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purchase {
    /// So many credits: a pack, or the one that was given for a launch that was refused.
    Credits(u64),
    /// A launch that was delivered.
    Delivered,
    /// Nothing any more: the credit that was given for it was taken back by its refund.
    Nothing,
}

/// What was taken back for one charge so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// Credits taken from the balance.
    pub clawed: u64,
    /// Credits that were spent before: the payer's debt, or what has paid it since.
    pub owed: u64,
    /// Cents that stood behind the clawed credits, while a dispute is not decided.
    pub held_cents: u64,
    /// Cents that stood behind them and are booked against money that is gone.
    pub used_cents: u64,
}

/// What makes an account agree with the money again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adjustment {
    /// Credits to take from the balance.
    pub claw: u64,
    /// Credits that become a debt.
    pub owe: u64,
    /// Credits that go back to the balance.
    pub restore: u64,
    /// Debt that is one no more.
    pub forgive: u64,
    /// What the money behind the balance changes by, in cents.
    pub backing_cents: i64,
    /// What is no longer unearned, because its money is gone, in cents; below zero where it is
    /// unearned again.
    pub unearned_cents: i64,
    /// What is taken back from now on.
    pub after: TakenBack,
}

// === impl ChargeMoney ===

impl ChargeMoney {
    /// How many of the credits may not stand.
    pub fn credits_gone(&self, purchase: Purchase) -> u64 {
        let disputed = self.open().saturating_add(self.lost());
        match purchase {
            Purchase::Nothing => 0,
            Purchase::Delivered => u64::from(disputed > 0),
            Purchase::Credits(bought) => {
                let by_refund =
                    share(bought, self.refunded.min(self.paid), self.paid, Rounding::Down);
                by_refund
                    .saturating_add(share(bought, disputed, self.paid, Rounding::Up))
                    .min(bought)
            }
        }
    }

    /// What is gone for good: refunded and lost, no more than was paid.
    fn gone(&self) -> u64 {
        self.refunded.saturating_add(self.dispute_lost).min(self.paid)
    }

    /// What is lost of the money that was not refunded.
    fn lost(&self) -> u64 {
        self.gone().saturating_sub(self.refunded)
    }

    /// What an open dispute still decides: nothing of what is gone already.
    fn open(&self) -> u64 {
        self.dispute_open.min(self.paid.saturating_sub(self.gone()))
    }

    /// What an account must change by, once the money stands so.
    pub fn adjust(
        &self,
        purchase: Purchase,
        before: TakenBack,
        account: &CreditAccount,
    ) -> Adjustment {
        let mut step = self.adjust_credits(purchase, before, account);
        let pool = before.held_cents.saturating_add(before.used_cents);
        let taken_now = account.backing_of(Credits::new(step.claw));
        // Credits of another purchase may be worth more than this one's money: the rest stays
        // behind the credits that are left.
        let taken_now = taken_now.min(self.gone().saturating_add(self.open()).saturating_sub(pool));
        let pool = pool.saturating_add(taken_now);
        let used = pool.min(self.gone());
        let held = (pool - used).min(self.open());
        step.after.used_cents = used;
        step.after.held_cents = held;
        step.backing_cents = signed(pool - used - held).saturating_sub(signed(taken_now));
        step.unearned_cents = signed(used).saturating_sub(signed(before.used_cents));
        step
    }

    fn adjust_credits(
        &self,
        purchase: Purchase,
        before: TakenBack,
        account: &CreditAccount,
    ) -> Adjustment {
        let (due, taken) = (self.credits_gone(purchase), before.clawed.saturating_add(before.owed));
        if due >= taken {
            let more = due - taken;
            let claw = more.min(account.balance.get());
            let owe = more - claw;
            let after = TakenBack {
                clawed: before.clawed.saturating_add(claw),
                owed: before.owed.saturating_add(owe),
                ..before
            };
            return Adjustment { claw, owe, after, ..Adjustment::default() };
        }
        let fewer = taken - due;
        let forgive = fewer.min(before.owed).min(account.debt.get());
        let restore = fewer - forgive;
        let from_clawed = restore.min(before.clawed);
        // The rest was a debt that something else has paid since: it comes back as credits.
        let after = TakenBack {
            clawed: before.clawed - from_clawed,
            owed: before.owed.saturating_sub(forgive).saturating_sub(restore - from_clawed),
            ..before
        };
        Adjustment { restore, forgive, after, ..Adjustment::default() }
    }
}

enum Rounding {
    Down,
    Up,
}

/// `whole * part / of`.
fn share(whole: u64, part: u64, of: u64, rounding: Rounding) -> u64 {
    let (product, of) = (u128::from(whole).saturating_mul(u128::from(part)), u128::from(of.max(1)));
    let share = match rounding {
        Rounding::Down => product / of,
        Rounding::Up => product.div_ceil(of),
    };
    u64::try_from(share).unwrap_or(whole)
}

fn signed(cents: u64) -> i64 {
    i64::try_from(cents).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
