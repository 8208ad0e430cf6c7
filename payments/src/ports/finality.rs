//! Settlements that a reorganisation may still take back.

use crate::{
    ids::PaymentId,
    settlement::{ChainHash, SettlementProof},
    time::UnixMs,
};

/// Where a booked settlement stands on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In the block where it was seen, and nothing takes that block back any more.
    Final,
    /// In the block where it was seen.
    Stands,
    /// Another block has that block's number: the settlement is elsewhere, or nowhere.
    Displaced,
    /// The node that answered does not have the block yet.
    NotKnown,
}

/// What a look at a settlement showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing new: it stands, or the node could not say.
    Same {
        /// It stands where it was booked: a `settlement_lost` finding about it is closed.
        stands: bool,
    },
    /// It stands for good. Bytes that were kept to send it again are wiped once the intent is
    /// terminal.
    Final,
    /// It is in another block. The row is updated in its place; there is never a second one.
    Moved(SettlementProof),
    /// It is not on the chain: the finding `settlement_lost` is opened under the payment's id, and
    /// the signer's nonce is open again.
    Lost {
        /// What is being done about it, for operators.
        detail: &'static str,
    },
}

/// A look at one settlement, to be saved if its row still names the block that the look started
/// from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Whose settlement.
    pub intent: PaymentId,
    /// The block that the row named.
    pub booked_in: ChainHash,
    /// What was seen.
    pub seen: Seen,
    /// When.
    pub at: UnixMs,
    /// When to look again.
    pub next_at: UnixMs,
}

/// A difference between the books and the world that an operator should know of.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// `settlement_lost`, ...
    pub kind: String,
    /// What it is about; of a lost settlement the payment's id.
    pub key: String,
    /// What is being done about it.
    pub detail: String,
    /// RFC 3339.
    pub opened_at: String,
    /// RFC 3339, once it is no longer so.
    pub closed_at: Option<String>,
    /// Why an operator closed it, if one did.
    pub closed_reason: Option<String>,
}

/// The finding about a settlement that was counted and is not on the chain.
pub const SETTLEMENT_LOST: &str = "settlement_lost";

/// The finding about a transaction under our signer's nonce that is not ours. Only an operator
/// knows what to do about it, and closes it.
pub const FOREIGN_TRANSACTION: &str = "foreign_transaction";
