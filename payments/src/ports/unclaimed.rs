//! Money that came to us by a proof which the books do not know: they are older than it, as books
//! are that were restored.

use crate::{
    agent::Wallet, ids::PaymentId, money::UsdcUnits, ports::LogPlace, ports::Receiver, time::UnixMs,
};

/// What the chain says of a proof that no claim of these books took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earlier {
    /// It paid us nothing: it is unused, or it was used for something else.
    NotPaid,
    /// It is used, and what for is not known yet.
    NotKnown,
    /// It paid us.
    Paid(Arrival),
}

/// The transfer that such a proof made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its log.
    pub place: LogPlace,
    /// Its block.
    pub block_number: u64,
    /// Sent by a relayer that is known to settle for other services.
    pub relayed: bool,
}

/// The same, to be booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnclaimedReceipt {
    /// A name for it, if it has none yet.
    pub id: PaymentId,
    /// Where it came in.
    pub receiver: Receiver,
    /// How it came.
    pub arrival: Arrival,
    /// Who signed for it.
    pub from: Wallet,
    /// How much.
    pub value: UsdcUnits,
    /// Until when it pays for a call, if it is owed.
    pub entitled_until: UnixMs,
}

/// What it is booked as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnclaimedBooked {
    /// Owed to its payer: his next call of exactly this price is paid with it.
    Open {
        /// Until then; afterwards it is a refund that is due.
        until: UnixMs,
    },
    /// It was owed, and is used or given back, or about to be.
    Over,
    /// In suspense: it came before these books, or through a relayer of others.
    Suspense,
}
