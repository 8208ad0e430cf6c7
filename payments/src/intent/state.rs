//! The states of an intent, and their stored words.

/// Where an intent stands. The words are the contract of `audit_intents.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Claimed, and waiting for a signer: no nonce, no signature, and nothing has left the process.
    /// Tables and audit views have called a claim without a signature `claimed` from the first
    /// release on, and still do.
    Queued,
    /// The settling transaction is signed, sealed and saved; it may or may not have been sent.
    Signed,
    /// It was sent, and the node accepted it.
    Submitted,
    /// It was sent; whether the node accepted it is unknown.
    SubmitUnknown,
    /// Proven: this authorization did not pay us.
    PayFailed,
    /// Funded, booked, and being created upstream.
    Forwarding,
    /// The upstream gave no final answer yet.
    CoreUnknown,
    /// The launch exists and the answer is stored.
    Created,
    /// The upstream finally refused what was paid for: an entitlement is open, or a credit was
    /// given for it.
    Rejected,
    /// The upstream finally refused what cost nothing: the slot, credit or entitlement went back.
    Released,
    /// The pack is paid for and booked; its credits are not there yet.
    Charged,
    /// The pack's credits are on the account.
    Granted,
}

// === impl State ===

impl State {
    /// Every state, for suites that must meet each one.
    pub const ALL: [Self; 12] = [
        Self::Queued,
        Self::Signed,
        Self::Submitted,
        Self::SubmitUnknown,
        Self::PayFailed,
        Self::Forwarding,
        Self::CoreUnknown,
        Self::Created,
        Self::Rejected,
        Self::Released,
        Self::Charged,
        Self::Granted,
    ];

    /// The word in tables, views, logs and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "claimed",
            Self::Signed => "signed",
            Self::Submitted => "submitted",
            Self::SubmitUnknown => "submit_unknown",
            Self::PayFailed => "pay_failed",
            Self::Forwarding => "forwarding",
            Self::CoreUnknown => "core_unknown",
            Self::Created => "created",
            Self::Rejected => "rejected",
            Self::Released => "released",
            Self::Charged => "charged",
            Self::Granted => "granted",
        }
    }

    /// The state that a stored word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// A transfer that is claimed and may still take its payer's balance.
    pub const fn may_take_balance(self) -> bool {
        matches!(self, Self::Queued | Self::Signed | Self::Submitted | Self::SubmitUnknown)
    }

    /// Nothing more will happen to the intent by itself.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::PayFailed | Self::Created | Self::Rejected | Self::Released | Self::Granted
        )
    }
}
