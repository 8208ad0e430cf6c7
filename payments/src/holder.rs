//! Holders of card accounts: whoever was given an agent token. Every holder of an account spends
//! its credits and sees its balance; what was bought is read and changed by the holder that paid
//! for it.

use crate::{agent::Payer, ids::PaymentId, time::UnixMs};

/// How long a token that was rotated is good beside the new one, in milliseconds.
pub const ROTATED_FOR_MS: i64 = 60_000;

/// Who holds an agent token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its name: its first payment.
    pub id: PaymentId,
    /// The account.
    pub payer: Payer,
    /// What it may read and change.
    pub reach: Reach,
    /// How often its token was rotated.
    pub rotation: u32,
    /// SHA-256 of the token that is good.
    pub token_sha256: [u8; 32],
}

/// What a holder may read and change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// What it paid for.
    Own,
    /// All that is the account's, as the tokens of earlier releases.
    Account,
}

/// What a caller may read and change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All that is the payer's.
    Account,
    /// What this holder paid for.
    Holder(PaymentId),
    /// What this one payment made.
    Payment(PaymentId),
}

/// A token that the books know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownToken {
    /// Whose it is.
    pub holder: Holder,
    /// It was not rotated since.
    pub is_current: bool,
    /// Since when the account is frozen, if it is.
    pub frozen_since: Option<UnixMs>,
}

/// A credential that made a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedCredential {
    /// What it made.
    pub payment: PaymentId,
    /// The account.
    pub payer: Payer,
    /// When it was settled, or its credit taken.
    pub since: UnixMs,
    /// Its holder was revoked.
    pub is_revoked: bool,
    /// Since when the account is frozen, if it is.
    pub frozen_since: Option<UnixMs>,
}

// === impl Holder ===

impl Holder {
    /// The holder that begins with this payment.
    #[must_use]
    pub const fn beginning(id: PaymentId, payer: Payer, token_sha256: [u8; 32]) -> Self {
        Self { id, payer, reach: Reach::Own, rotation: 0, token_sha256 }
    }

    /// What it may read and change.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match self.reach {
            Reach::Own => Scope::Holder(self.id),
            Reach::Account => Scope::Account,
        }
    }
}

// === impl Reach ===

impl Reach {
    /// The word in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Account => "account",
        }
    }

    /// The reach that a stored word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Own, Self::Account].into_iter().find(|reach| reach.word() == word)
    }
}
