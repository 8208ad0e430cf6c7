//! What must hold: always of the books by themselves, at rest of the books and the processor.

use payments::ports::{Books, CardBooks, DisputeState};
use testkit::suite::Draft;

use super::{CARDS, Paid, World, processor::Charged};
use crate::books::Inspect;

impl World<'_> {
    pub(super) async fn check_step(&self, seed: u64) -> Result<(), String> {
        let agreements = self.books.agreements().await.unwrap();
        match agreements.iter().find(|agreement| !agreement.differences.is_empty()) {
            Some(agreement) => Err(format!("seed {seed}: {agreement:?} after {:#?}", self.story)),
            None => Ok(()),
        }
    }

    pub(super) async fn check_end(&self, seed: u64) -> Result<(), String> {
        self.check_step(seed).await?;
        self.compare().await.map_err(|what| format!("seed {seed}: {what} after {:#?}", self.story))
    }

    async fn compare(&self) -> Result<(), String> {
        let (mut clearing, mut disputed) = (0, 0);
        let mut credits = [0_i64; CARDS as usize];
        for paid in &self.paid {
            let owed = self.owed(paid).await;
            let inner = self.processor.inner();
            let charged = &inner.charges[&paid.payment_intent];
            let (open, lost) =
                (charged.disputed(DisputeState::Open), charged.disputed(DisputeState::Lost));
            clearing += signed(charged.paid) - signed(charged.refunded() + open + lost);
            disputed += signed(open);
            check_once(paid, charged, owed.as_ref())?;
            credits[usize::try_from(paid.card).unwrap()] += stand(paid, charged, owed.as_ref());
        }
        for (account, expected) in [("asset:stripe_clearing", clearing), ("recv:dispute", disputed)]
        {
            let booked = super::super::cards::balance(self.books, account, "USD").await;
            if booked != expected {
                return Err(format!("{account} is {booked}, and the processor says {expected}"));
            }
        }
        for card in 0..CARDS {
            let account =
                self.books.credit_account(&Draft::numbered(1).by_card(card).payer()).await.unwrap();
            let at = usize::try_from(card).unwrap();
            let (has, expected) = (
                signed(account.balance.get()) - signed(account.debt.get()),
                credits[at] - signed(self.spent[at]),
            );
            if has != expected {
                return Err(format!("card {card} has {has} credits, and {expected} may stand"));
            }
        }
        Ok(())
    }

    /// The state and the amount of what is owed for a payment.
    async fn owed(&self, paid: &Paid) -> Option<(String, u64)> {
        let evidence = self.books.evidence(paid.intent.id).await.unwrap().unwrap();
        evidence.obligation.map(|owed| (owed.state, u64::try_from(owed.amount_minor).unwrap()))
    }
}

/// A payer gets the money of a refused payment back once: from us, from the bank, or as what is
/// still due.
fn check_once(paid: &Paid, charged: &Charged, owed: Option<&(String, u64)>) -> Result<(), String> {
    if let Some((state, _)) =
        owed.filter(|(state, _)| ["refund_sent", "refund_unknown"].contains(&state.as_str()))
    {
        return Err(format!("the refund of {} never ends: it is {state}", paid.intent.id));
    }
    let due = owed.filter(|(state, _)| state == "refund_due").map_or(0, |(_, cents)| *cents);
    let back = charged.refunded() + charged.disputed(DisputeState::Lost);
    if back + due > charged.paid {
        return Err(format!(
            "{} paid {}, {back} went back, and {due} are due",
            paid.intent.id, charged.paid
        ));
    }
    Ok(())
}

/// How many of the credits of a payment may stand.
fn stand(paid: &Paid, charged: &Charged, owed: Option<&(String, u64)>) -> i64 {
    let disputed = charged.disputed(DisputeState::Open) + charged.disputed(DisputeState::Lost);
    let is_credit = paid.refused && owed.is_some_and(|(state, _)| state == "used");
    let bought = if is_credit { 1 } else { paid.pack_credits };
    if bought > 0 {
        let gone =
            bought * charged.refunded() / charged.paid + (bought * disputed).div_ceil(charged.paid);
        return signed(bought.saturating_sub(gone));
    }
    // A launch that was delivered is worth a credit to whoever disputes it.
    if !paid.refused && disputed > 0 { -1 } else { 0 }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap()
}
