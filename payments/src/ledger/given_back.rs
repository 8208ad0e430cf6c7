//! Money on its way back to who paid it, and between our own wallets.

use super::{Account, LedgerError, Posting, moved};
use crate::{
    agent::{Payer, Wallet},
    ids::PaymentId,
    money::{Amount, UsdcUnits},
};

/// Which of our wallets a payer was paid from by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaidFrom {
    /// The address that payments arrive at.
    PayTo,
    /// Another one, which advanced the money.
    Another,
}

/// The direction of USDC between our wallets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalletMove {
    /// From the address that payments arrive at to the refund wallet.
    ToRefunds,
    /// The other way, or a move that a reorganisation took back.
    FromRefunds,
}

/// Where the money of a receipt stands in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptStanding {
    /// It is not booked.
    NotBooked,
    /// It is owed to its payer.
    Owed(Payer),
    /// It belongs to nothing that we know.
    Unmatched,
    /// What was given for it is gone.
    Lost,
}

// === impl PaidFrom ===

impl PaidFrom {
    const fn account(self) -> Account {
        match self {
            Self::PayTo => Account::UsdcHot,
            Self::Another => Account::UsdcRefund,
        }
    }
}

// === impl ReceiptStanding ===

impl ReceiptStanding {
    fn account(self) -> Account {
        match self {
            Self::NotBooked => Account::UsdcHot,
            Self::Owed(payer) => Account::RefundDue(payer),
            Self::Unmatched => Account::SuspenseUnmatched,
            Self::Lost => Account::Loss,
        }
    }
}

// === impl Posting ===

impl Posting {
    /// A refund went back: to the card out of what the processor holds, to a wallet out of the
    /// refund wallet. `name` is the refund's own.
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`] for an amount that the books cannot hold; so for every constructor
    /// here.
    pub fn refunded(
        intent: PaymentId,
        name: &str,
        payer: &Payer,
        amount: Amount,
    ) -> Result<Self, LedgerError> {
        let lines = moved(Account::RefundDue(payer.clone()), refunds_come_from(amount), amount)?;
        Self::of_lines(intent, "refunded", name, lines)
    }

    /// A refund that was booked did not stand: it is owed again.
    ///
    /// # Errors
    /// See [`Posting::refunded`].
    pub fn refund_reversed(
        intent: PaymentId,
        name: &str,
        payer: &Payer,
        amount: Amount,
    ) -> Result<Self, LedgerError> {
        let lines = moved(refunds_come_from(amount), Account::RefundDue(payer.clone()), amount)?;
        Self::of_lines(intent, "refund_reversed", name, lines)
    }

    /// An operator paid a wallet back by a transfer of its own, which `name` names.
    ///
    /// # Errors
    /// See [`Posting::refunded`].
    pub fn paid_by_hand(
        owed: PaymentId,
        name: &str,
        to: Wallet,
        from: PaidFrom,
        amount: UsdcUnits,
    ) -> Result<Self, LedgerError> {
        let lines =
            moved(Account::RefundDue(Payer::Wallet(to)), from.account(), Amount::Usdc(amount))?;
        Self::of_lines(owed, "paid_by_hand", name, lines)
    }

    /// A reorganisation took such a transfer back.
    ///
    /// # Errors
    /// See [`Posting::refunded`].
    pub fn paid_by_hand_lost(
        owed: PaymentId,
        name: &str,
        to: Wallet,
        from: PaidFrom,
        amount: UsdcUnits,
    ) -> Result<Self, LedgerError> {
        let lines =
            moved(from.account(), Account::RefundDue(Payer::Wallet(to)), Amount::Usdc(amount))?;
        Self::of_lines(owed, "paid_by_hand_lost", name, lines)
    }

    /// USDC moved between our wallets. `revision` counts the postings of the move.
    ///
    /// # Errors
    /// See [`Posting::refunded`].
    pub fn wallet_move(
        id: PaymentId,
        revision: i64,
        way: WalletMove,
        amount: UsdcUnits,
    ) -> Result<Self, LedgerError> {
        let (debit, credit) = match way {
            WalletMove::ToRefunds => (Account::UsdcRefund, Account::UsdcHot),
            WalletMove::FromRefunds => (Account::UsdcHot, Account::UsdcRefund),
        };
        Self::of_lines(
            id,
            "moved",
            &revision.to_string(),
            moved(debit, credit, Amount::Usdc(amount))?,
        )
    }

    /// What is known of USDC that came without a payment of ours changed. `revision` counts the
    /// postings of the receipt.
    ///
    /// # Errors
    /// See [`Posting::refunded`].
    pub fn receipt(
        id: PaymentId,
        revision: i64,
        before: ReceiptStanding,
        now: ReceiptStanding,
        amount: UsdcUnits,
    ) -> Result<Self, LedgerError> {
        Self::of_lines(
            id,
            "receipt",
            &revision.to_string(),
            moved(before.account(), now.account(), Amount::Usdc(amount))?,
        )
    }
}

const fn refunds_come_from(amount: Amount) -> Account {
    match amount {
        Amount::Usd(_) => Account::StripeClearing,
        Amount::Usdc(_) | Amount::Credits(_) => Account::UsdcRefund,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::money::UsdCents;

    fn shown(posting: &Posting) -> Vec<(String, i64)> {
        posting.lines().iter().map(|line| (line.account.to_string(), line.amount_minor)).collect()
    }

    fn is(posting: &Posting, lines: [(&str, i64); 2]) {
        assert_eq!(
            shown(posting),
            lines.map(|(account, minor)| (account.to_owned(), minor)),
            "{}",
            posting.txn_id()
        );
    }

    #[test]
    fn what_goes_back_leaves_the_account_that_its_currency_is_in() {
        let (id, wallet) = (PaymentId::new(uuid::Uuid::from_u128(1)), Wallet::new([7; 20]));
        let payer = Payer::Wallet(wallet);
        let owed = format!("liab:refund_due:{payer}");
        let (cents, units) = (Amount::Usd(UsdCents::new(60)), Amount::Usdc(UsdcUnits::new(9)));
        is(
            &Posting::refunded(id, "a", &payer, cents).unwrap(),
            [(&owed, 60), ("asset:stripe_clearing", -60)],
        );
        is(
            &Posting::refund_reversed(id, "a", &payer, units).unwrap(),
            [("asset:usdc_refund", 9), (&owed, -9)],
        );
        let by_hand =
            |from| Posting::paid_by_hand(id, "t", wallet, from, UsdcUnits::new(9)).unwrap();
        is(&by_hand(PaidFrom::PayTo), [(&owed, 9), ("asset:usdc_hot", -9)]);
        is(&by_hand(PaidFrom::Another), [(&owed, 9), ("asset:usdc_refund", -9)]);
        let lost = Posting::paid_by_hand_lost(id, "t", wallet, PaidFrom::PayTo, UsdcUnits::new(9))
            .unwrap();
        is(&lost, [("asset:usdc_hot", 9), (&owed, -9)]);
        assert_eq!(lost.txn_id(), format!("{id}:paid_by_hand_lost:t"));
    }

    #[test]
    fn a_receipt_goes_from_where_it_stood_to_where_it_stands() {
        let (id, units) = (PaymentId::new(uuid::Uuid::from_u128(1)), UsdcUnits::new(9));
        let arrived =
            Posting::receipt(id, 1, ReceiptStanding::NotBooked, ReceiptStanding::Unmatched, units)
                .unwrap();
        is(&arrived, [("asset:usdc_hot", 9), ("suspense:unmatched", -9)]);
        let payer = Payer::Wallet(Wallet::new([7; 20]));
        let owed = format!("liab:refund_due:{payer}");
        let gone = Posting::receipt(
            id,
            2,
            ReceiptStanding::Owed(payer),
            ReceiptStanding::NotBooked,
            units,
        )
        .unwrap();
        is(&gone, [(&owed, 9), ("asset:usdc_hot", -9)]);
        is(
            &Posting::wallet_move(id, 1, WalletMove::ToRefunds, units).unwrap(),
            [("asset:usdc_refund", 9), ("asset:usdc_hot", -9)],
        );
    }
}
