//! Settlements that a reorganisation took: at every moment they are booked as lost, and serve their
//! payer nothing more.

use crate::{
    memory::{Audit, minor},
    sim::Sim,
};
use payments::{
    intent::Intent,
    ledger::{Account, Posting},
};

impl Sim {
    /// A claim made an intent. Nothing was written since: what the books say of its payer is what
    /// the claim saw.
    pub(super) fn check_served(&self, new: &Intent) {
        if let Some(lost) = self.books.audit(|books| books.lost_of(&new.payer)) {
            self.violated(format!("{} is served, and the settlement of {lost} is lost", new.id));
        }
    }
}

/// The books hold what was settled and is not lost.
pub(super) fn held_is_settled(books: &Audit<'_>) -> Result<(), String> {
    let (mut held, mut lost) = (0_i64, 0_i64);
    for line in
        books.postings().iter().flat_map(Posting::lines).filter(|line| line.currency == "USDC")
    {
        if line.account == Account::UsdcHot {
            held += line.amount_minor;
        } else if line.account == Account::Loss {
            lost += line.amount_minor;
        }
    }
    let settled: i64 = books
        .intents()
        .filter(|intent| intent.transfer_proof().is_some())
        .map(|intent| minor(intent.price))
        .sum();
    let gone = books.lost_minor();
    if (held, lost) == (settled - gone, gone) {
        return Ok(());
    }
    Err(format!(
        "{settled} units are settled and {gone} of them are lost, and the accounts stand at {held} and {lost}"
    ))
}
