//! Credits of card accounts, and what becomes of them and of their money after the sale.

use super::{Account, LedgerError, Line, Posting, moved};
use crate::{
    agent::Payer,
    ids::PaymentId,
    money::{Amount, Credits, UsdCents},
};

/// One credit: what a refused call by card is turned into.
const ONE: Credits = Credits::new(1);

/// What happened to a charge after it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChargeEvent {
    /// Money went back that nobody asked of us, or came again where such a refund failed.
    RefundedElsewhere,
    /// What was lost before pays a debt that is due.
    LossPaidDebt,
    /// A bank took the money until the dispute is decided.
    DisputeOpened,
    /// It came back.
    DisputeWon,
    /// It did not.
    DisputeLost,
}

/// What such an event moves. Cents; below zero where it goes the other way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChargeMoves {
    /// With the card processor.
    pub cash_cents: i64,
    /// Taken from us while a charge is disputed.
    pub receivable_cents: i64,
    /// A debt of ours that it pays; below zero where it is due again.
    pub debt_paid_cents: i64,
    /// Money behind credits that are gone.
    pub unearned_cents: i64,
    /// Credits that the account has again; below zero where they were taken.
    pub credits_back: i64,
}

// === impl ChargeEvent ===

impl ChargeEvent {
    /// The kind in the journal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::RefundedElsewhere => "refunded_elsewhere",
            Self::LossPaidDebt => "loss_paid_debt",
            Self::DisputeOpened => "dispute_opened",
            Self::DisputeWon => "dispute_won",
            Self::DisputeLost => "dispute_lost",
        }
    }
}

// === impl Posting ===

impl Posting {
    /// Credits of a pack, all of which was issued, paid the account's debt and are gone again.
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`] for an amount that the books cannot hold; so for every constructor
    /// here.
    pub fn credit_debt_paid(
        intent: PaymentId,
        payer: &Payer,
        credits: Credits,
    ) -> Result<Self, LedgerError> {
        let lines = moved(
            Account::CreditsIssued,
            Account::CreditsOf(payer.clone()),
            Amount::Credits(credits),
        )?;
        Self::of_lines(intent, "credit_debt_paid", "pack", lines)
    }

    /// An operator gave credits.
    ///
    /// # Errors
    /// See [`Posting::credit_debt_paid`].
    pub fn credits_granted(
        change: PaymentId,
        payer: &Payer,
        credits: Credits,
    ) -> Result<Self, LedgerError> {
        let lines = moved(
            Account::CreditsOf(payer.clone()),
            Account::CreditsIssued,
            Amount::Credits(credits),
        )?;
        Self::of_lines(change, "manual_grant", "operator", lines)
    }

    /// An operator took credits.
    ///
    /// # Errors
    /// See [`Posting::credit_debt_paid`].
    pub fn credits_voided(
        change: PaymentId,
        payer: &Payer,
        credits: Credits,
    ) -> Result<Self, LedgerError> {
        let lines = moved(
            Account::CreditsIssued,
            Account::CreditsOf(payer.clone()),
            Amount::Credits(credits),
        )?;
        Self::of_lines(change, "void", "operator", lines)
    }

    /// A refused call that is owed in money ends with a credit instead, with that money behind it.
    ///
    /// # Errors
    /// See [`Posting::credit_debt_paid`].
    pub fn credited_instead(
        intent: PaymentId,
        name: &str,
        payer: &Payer,
        owed: UsdCents,
    ) -> Result<Self, LedgerError> {
        let mut lines = unless_nothing(
            Account::RefundDue(payer.clone()),
            Account::Unearned(payer.clone()),
            Amount::Usd(owed),
        )?;
        lines.extend(moved(
            Account::CreditsOf(payer.clone()),
            Account::CreditsIssued,
            Amount::Credits(ONE),
        )?);
        Self::of_lines(intent, "credited_instead", name, lines)
    }

    /// The credit of a refused call is taken back, and its money is owed: what stood behind it, and
    /// what was lost meanwhile.
    ///
    /// # Errors
    /// See [`Posting::credit_debt_paid`].
    pub fn credit_clawed_back(
        intent: PaymentId,
        name: &str,
        payer: &Payer,
        backed: UsdCents,
        lost: UsdCents,
    ) -> Result<Self, LedgerError> {
        let owed = Account::RefundDue(payer.clone());
        let mut lines =
            unless_nothing(Account::Unearned(payer.clone()), owed.clone(), Amount::Usd(backed))?;
        lines.extend(unless_nothing(Account::Loss, owed, Amount::Usd(lost))?);
        lines.extend(moved(
            Account::CreditsIssued,
            Account::CreditsOf(payer.clone()),
            Amount::Credits(ONE),
        )?);
        Self::of_lines(intent, "credit_clawed_back", name, lines)
    }

    /// Something happened to a charge after it was taken; what nothing stood behind is lost.
    /// Nothing for what moves nothing.
    ///
    /// # Errors
    /// See [`Posting::credit_debt_paid`].
    pub fn of_charge(
        intent: PaymentId,
        event: ChargeEvent,
        name: &str,
        payer: &Payer,
        moves: ChargeMoves,
    ) -> Result<Option<Self>, LedgerError> {
        let cents =
            [moves.cash_cents, moves.receivable_cents, moves.debt_paid_cents, moves.unearned_cents];
        let lost = cents
            .into_iter()
            .try_fold(0_i64, i64::checked_add)
            .and_then(i64::checked_neg)
            .ok_or(LedgerError::TooLarge)?;
        let issued = moves.credits_back.checked_neg().ok_or(LedgerError::TooLarge)?;
        let usd = |account, amount_minor| Line { account, currency: "USD", amount_minor };
        let credit = |account, amount_minor| Line { account, currency: "CREDIT", amount_minor };
        let mut lines = vec![
            usd(Account::StripeClearing, moves.cash_cents),
            usd(Account::DisputeReceivable, moves.receivable_cents),
            usd(Account::RefundDue(payer.clone()), moves.debt_paid_cents),
            usd(Account::Unearned(payer.clone()), moves.unearned_cents),
            usd(Account::Loss, lost),
            credit(Account::CreditsOf(payer.clone()), moves.credits_back),
            credit(Account::CreditsIssued, issued),
        ];
        lines.retain(|line| line.amount_minor != 0);
        if lines.is_empty() {
            return Ok(None);
        }
        Self::of_lines(intent, event.word(), name, lines).map(Some)
    }
}

fn unless_nothing(
    debit: Account,
    credit: Account,
    amount: Amount,
) -> Result<Vec<Line>, LedgerError> {
    if amount.minor() == Ok(0) { Ok(Vec::new()) } else { moved(debit, credit, amount) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(posting: &Posting) -> Vec<String> {
        posting
            .lines()
            .iter()
            .map(|line| format!("{} {} {}", line.account, line.amount_minor, line.currency))
            .collect()
    }

    #[test]
    fn a_charge_that_moves_nothing_is_no_posting_and_what_nothing_stands_behind_is_lost() {
        let (id, payer) =
            (PaymentId::new(uuid::Uuid::from_u128(1)), Payer::Card(String::from("a")));
        let of = |moves| Posting::of_charge(id, ChargeEvent::DisputeOpened, "dp_1", &payer, moves);
        assert_eq!(of(ChargeMoves::default()), Ok(None));
        let taken = of(ChargeMoves {
            cash_cents: -60,
            unearned_cents: 40,
            credits_back: -1,
            ..ChargeMoves::default()
        })
        .unwrap()
        .unwrap();
        let lines = [
            "asset:stripe_clearing -60 USD",
            "liab:unearned:card:a 40 USD",
            "exp:loss 20 USD",
            "payer:card:a -1 CREDIT",
            "sys:issued 1 CREDIT",
        ];
        assert_eq!(
            (shown(&taken), taken.txn_id()),
            (lines.map(str::to_owned).to_vec(), format!("{id}:dispute_opened:dp_1").as_str())
        );
        assert_eq!(
            of(ChargeMoves { credits_back: i64::MIN, ..ChargeMoves::default() }),
            Err(LedgerError::TooLarge)
        );
    }

    #[test]
    fn a_credit_comes_in_the_place_of_a_debt_and_goes_back_to_one() {
        let (id, payer) =
            (PaymentId::new(uuid::Uuid::from_u128(1)), Payer::Card(String::from("a")));
        let instead =
            Posting::credited_instead(id, "approval_1", &payer, UsdCents::new(60)).unwrap();
        let lines = [
            "liab:refund_due:card:a 60 USD",
            "liab:unearned:card:a -60 USD",
            "payer:card:a 1 CREDIT",
            "sys:issued -1 CREDIT",
        ];
        assert_eq!(shown(&instead), lines.map(str::to_owned));
        let back =
            Posting::credit_clawed_back(id, "refund", &payer, UsdCents::ZERO, UsdCents::new(60))
                .unwrap();
        let lines = [
            "exp:loss 60 USD",
            "liab:refund_due:card:a -60 USD",
            "sys:issued 1 CREDIT",
            "payer:card:a -1 CREDIT",
        ];
        assert_eq!(shown(&back), lines.map(str::to_owned));
    }
}
