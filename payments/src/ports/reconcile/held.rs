//! What the books hold of the things that the chain, the card processor and the upstream list.

use crate::{
    agent::Wallet,
    ids::PaymentId,
    intent::{EndedBy, State},
    money::UsdcUnits,
    ports::LogPlace,
    settlement::SettlementProof,
    time::UnixMs,
};

/// Where USDC comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receiver {
    /// The chain.
    pub chain_id: u64,
    /// The token.
    pub token: Wallet,
    /// Our address.
    pub pay_to: Wallet,
    /// The wallet that refunds are paid from, where there is one.
    pub refund_wallet: Option<Wallet>,
}

/// What an authorization was claimed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedAuthorization {
    /// It was to be settled.
    pub pays: bool,
    /// The intent that it belongs to; none for a free read.
    pub intent: Option<(PaymentId, State)>,
    /// The intent has a settlement.
    pub settled: bool,
}

/// A settlement on the chain, as the books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedTransfer {
    /// The payment.
    pub intent: PaymentId,
    /// Where it stands.
    pub proof: SettlementProof,
    /// Whose money it was.
    pub from: Wallet,
    /// How much.
    pub amount: UsdcUnits,
    /// The books call it final.
    pub is_final: bool,
}

/// What a transfer to us is booked as, beside settlements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptKind {
    /// Owed to the signer of the transfer.
    Unearned,
    /// Owed to whoever signed for it, and good for his next call of its price: what it paid for is
    /// not in these books.
    Entitled,
    /// In suspense.
    Unmatched,
}

/// A transfer to us with what it is to be booked as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptNote {
    /// A name for it, if it has none yet.
    pub id: PaymentId,
    /// The chain.
    pub chain_id: u64,
    /// Its log.
    pub place: LogPlace,
    /// Its block.
    pub block_number: u64,
    /// Whose money it was.
    pub from: Wallet,
    /// How much.
    pub value: UsdcUnits,
    /// None: it is no receipt any more, and what was booked is taken back.
    pub kind: Option<ReceiptKind>,
}

/// What the books say that the receiving address holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// The journal's balance of the account, up to the block.
    pub journal_minor: i64,
    /// Of the transfers that were asked for: not booked yet.
    pub unbooked_minor: i64,
}

/// A charge, as the books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedCharge {
    /// The payment.
    pub intent: PaymentId,
    /// `pi_...`.
    pub payment_intent: String,
    /// `ch_...`.
    pub charge: String,
    /// How much, in minor units.
    pub amount_minor: u64,
    /// `USD`.
    pub currency: String,
}

/// What the books know of a payment at the card processor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownCharge {
    /// The settlement that it made.
    pub settlement: Option<BookedCharge>,
    /// Where the intent stands that its metadata names.
    pub state: Option<State>,
    /// It took something else than was asked for, and a refund of it is kept.
    pub mischarged: bool,
}

/// A launch, as the books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedLaunch {
    /// The payment; its text is the key at the upstream.
    pub intent: PaymentId,
    /// Where it stands.
    pub state: State,
    /// The launch, once it is created; empty where it has none that is known.
    pub launch_id: Option<String>,
    /// What ended it, where that was no answer of the upstream.
    pub ended_by: Option<EndedBy>,
}

/// An intent on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTransit {
    /// The payment.
    pub intent: PaymentId,
    /// Where it stands.
    pub state: State,
    /// When it was claimed.
    pub created_at: UnixMs,
    /// From this second on its authorization is refused; none for a card.
    pub valid_before_unix_s: Option<u64>,
    /// When it was first allowed to go upstream.
    pub forwarding_since: Option<UnixMs>,
}

// === impl Receiver ===

impl Receiver {
    /// The name of a mark about what came in here.
    pub fn mark(&self, what: &str) -> String {
        format!("chain:{}:{}:{}:{what}", self.chain_id, self.token, self.pay_to)
    }
}

// === impl ReceiptKind ===

impl ReceiptKind {
    /// The word in the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unearned => "unearned",
            Self::Entitled => "entitled",
            Self::Unmatched => "unmatched",
        }
    }
}
