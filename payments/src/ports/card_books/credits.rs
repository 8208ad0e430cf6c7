//! Accounts of credits, their entries, and corrections by an operator.

use crate::{
    agent::Payer,
    ids::PaymentId,
    money::Credits,
    ports::{ActionName, BooksError},
    time::UnixMs,
};

/// A payer's prepaid launches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CreditAccount {
    /// What can be spent: the sum of the entries.
    pub balance: Credits,
    /// Credits that were clawed back after they were spent. While there are any, none is spent.
    pub debt: Credits,
    /// The money that stands behind the balance, in cents.
    pub backing_cents: u64,
}

/// One change of a balance.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CreditEntry {
    /// Its place in the list; newer ones are larger.
    pub seq: i64,
    /// What it added, or took.
    pub delta: i64,
    /// `grant`, `deduct`, `refund`, `compensation`, `claw_back`, `restore`, `manual_grant`, `void`.
    pub kind: String,
    /// The payment that it belongs to.
    pub intent_id: Option<String>,
    /// A pack, a dispute, or an operator's reason.
    pub reference: Option<String>,
}

/// An operator's change of a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditAdjustment {
    /// Its own id, for the journal.
    pub id: PaymentId,
    /// What it is called before it is made: the same change under the same name is made once.
    pub name: ActionName,
    /// Whose balance.
    pub payer: Payer,
    /// What is done.
    pub kind: AdjustmentKind,
    /// How many credits.
    pub credits: Credits,
    /// Why; kept with the entry.
    pub reason: String,
    /// `page`, `api` or `cli`.
    pub via: &'static str,
    /// Now.
    pub at: UnixMs,
    /// Only says what would come of it; nothing changes.
    pub dry_run: bool,
}

/// What an operator does to a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdjustmentKind {
    /// Gives credits; a debt is paid from them first.
    Grant,
    /// Takes credits; never below zero.
    Void,
}

/// Why an operator's change was not made. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum AdjustmentError {
    /// Fewer credits are there than should be taken.
    #[error("the account has {0} credits")]
    TooFew(Credits),
    /// Another change was made under this name.
    #[error("another change was made under this name")]
    NameTaken,
    /// The books failed.
    #[error(transparent)]
    Books(#[from] BooksError),
}

// === impl CreditAccount ===

impl CreditAccount {
    /// The money behind so many of the credits, in cents: an equal share of each, and for the last
    /// ones all that is left.
    pub fn backing_of(&self, credits: Credits) -> u64 {
        let (backing, part, whole) = (
            u128::from(self.backing_cents),
            u128::from(credits.get()),
            u128::from(self.balance.get()),
        );
        let share = backing.saturating_mul(part).checked_div(whole).unwrap_or(0);
        u64::try_from(share).unwrap_or(self.backing_cents)
    }
}
