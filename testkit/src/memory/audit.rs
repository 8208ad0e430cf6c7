//! What an auditor sees of the books in memory: everything, and nothing to change.

use super::{MemoryBooks, tables::Tables};
use payments::{
    agent::{Payer, Wallet},
    free_quota::QuotaWindow,
    ids::PaymentId,
    intent::Intent,
    ledger::Posting,
    money::Amount,
    obligation::ObligationState,
    ports::SigningAccount,
    settlement::{Attempt, ChainHash},
};

/// In minor units; what no book holds is as much as one can hold.
pub fn minor(amount: Amount) -> i64 {
    amount.minor().unwrap_or(i64::MAX)
}

/// The books, held still.
pub struct Audit<'a> {
    tables: &'a Tables,
}

/// What is owed for one intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// The intent that was paid and refused.
    pub source: PaymentId,
    /// Its own id: that of its source, or of the payment that took its price and left this.
    pub id: PaymentId,
    /// How much.
    pub amount: Amount,
    /// `open`, `reserved`, `used` or `refund_due`.
    pub state: ObligationState,
    /// The intent that it pays for.
    pub reserved_by: Option<PaymentId>,
}

impl MemoryBooks {
    /// Holds the books still while somebody looks.
    pub fn audit<T>(&self, look: impl FnOnce(&Audit<'_>) -> T) -> T {
        look(&Audit { tables: &self.tables() })
    }

    /// How many intents have a signer nonce that no mined transaction is known to use.
    pub fn open_nonce_count(&self) -> usize {
        let tables = self.tables();
        tables.open_nonces(None, u32::MAX).len() + tables.open_fills().count()
    }

    /// How many settlements may still be taken back, as far as the books know.
    pub fn open_settlement_count(&self) -> usize {
        self.tables().looks.values().filter(|look| !look.is_final).count()
    }
}

impl Audit<'_> {
    /// Every intent, oldest first.
    pub fn intents(&self) -> impl Iterator<Item = &Intent> {
        self.tables.intents.values().map(|row| &row.intent)
    }

    /// The first nonce of each signer that was never given out.
    pub fn next_nonces(&self) -> impl Iterator<Item = (SigningAccount, u64)> {
        self.tables.next_nonces.iter().map(|(account, next)| (*account, *next))
    }

    /// Every empty transaction that filled a hole.
    pub fn fills(&self) -> impl Iterator<Item = &Attempt> {
        self.tables.fills.iter().map(|(_, fill)| fill)
    }

    /// Whether this transaction was saved to fill a hole.
    pub fn is_fill(&self, tx_hash: ChainHash) -> bool {
        self.fills().any(|fill| fill.tx_hash == tx_hash)
    }

    /// One intent.
    pub fn intent(&self, id: PaymentId) -> Option<&Intent> {
        self.tables.intents.get(&id).map(|row| &row.intent)
    }

    /// Every posting, in the order of booking.
    pub fn postings(&self) -> &[Posting] {
        &self.tables.postings
    }

    /// Every debt that ever was.
    pub fn debts(&self) -> impl Iterator<Item = Owed> {
        self.tables.obligations.iter().map(|(source, owed)| Owed {
            source: owed.part_of.unwrap_or(*source),
            id: *source,
            amount: owed.amount,
            state: owed.state,
            reserved_by: owed.reserved_by,
        })
    }

    /// Held and used slots, with the intent that has each.
    pub fn slots(&self) -> impl Iterator<Item = ((Wallet, QuotaWindow, u32), PaymentId)> {
        self.tables.slots.iter().map(|(slot, held)| (slot.clone(), held.intent))
    }

    /// What was settled and is booked as lost, in minor units.
    pub fn lost_minor(&self) -> i64 {
        let lost = self.tables.lost.iter().filter(|(_, (_, is_lost))| *is_lost);
        lost.filter_map(|(id, _)| self.tables.intents.get(id))
            .map(|row| minor(row.intent.price))
            .sum()
    }

    /// The payment of this payer whose finding says that it is lost.
    pub fn lost_of(&self, payer: &Payer) -> Option<PaymentId> {
        super::finality::lost_of(self.tables, payer)
    }

    /// Whether a transaction is saved, wiped or not.
    pub fn owner_of(&self, tx_hash: ChainHash) -> Option<&Intent> {
        self.intents()
            .find(|intent| intent.attempts.iter().any(|attempt| attempt.tx_hash == tx_hash))
    }
}
