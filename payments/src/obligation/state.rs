//! The states of an obligation, the steps between them, and their stored words.

/// The stored word of an [`ObligationState`] by its name, as a literal for the texts of statements:
/// `concat!("... state = '", obligation_word!(Open), "'")`. A state that there is not does not
/// compile.
#[macro_export]
macro_rules! obligation_word {
    (Open) => {
        "open"
    };
    (Reserved) => {
        "reserved"
    };
    (Used) => {
        "used"
    };
    (RefundDue) => {
        "refund_due"
    };
    (RefundSent) => {
        "refund_sent"
    };
    (RefundUnknown) => {
        "refund_unknown"
    };
    (Refunded) => {
        "refunded"
    };
}

/// Where what is owed for one payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObligationState {
    /// An entitlement: it funds a call of the payer until its deadline.
    Open,
    /// A call that runs now is funded by it.
    Reserved,
    /// It funded a call, or a credit was given for it.
    Used,
    /// It is to go back, once an operator approves that.
    RefundDue,
    /// Its refund is approved and on its way.
    RefundSent,
    /// Whether the card processor took the refund is not known.
    RefundUnknown,
    /// It went back.
    Refunded,
}

/// One step of an obligation; made only of those that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObligationStep {
    from: ObligationState,
    to: ObligationState,
}

/// A step that the drawing of obligations does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an obligation never goes from {} to {}", .from.word(), .to.word())]
pub struct NoSuchStep {
    /// Where it stands.
    pub from: ObligationState,
    /// Where it was to go.
    pub to: ObligationState,
}

// === impl ObligationState ===

impl ObligationState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::Reserved,
        Self::Used,
        Self::RefundDue,
        Self::RefundSent,
        Self::RefundUnknown,
        Self::Refunded,
    ];

    /// The word in tables, answers and `audit_obligations`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => obligation_word!(Open),
            Self::Reserved => obligation_word!(Reserved),
            Self::Used => obligation_word!(Used),
            Self::RefundDue => obligation_word!(RefundDue),
            Self::RefundSent => obligation_word!(RefundSent),
            Self::RefundUnknown => obligation_word!(RefundUnknown),
            Self::Refunded => obligation_word!(Refunded),
        }
    }

    /// The state that a stored word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether it is a liability: money that is the payer's.
    pub const fn is_owed(self) -> bool {
        match self {
            Self::Open
            | Self::Reserved
            | Self::RefundDue
            | Self::RefundSent
            | Self::RefundUnknown => true,
            Self::Used | Self::Refunded => false,
        }
    }

    /// The step from here to there.
    ///
    /// # Errors
    /// [`NoSuchStep`].
    pub const fn step(self, to: Self) -> Result<ObligationStep, NoSuchStep> {
        use ObligationState::{
            Open, RefundDue, RefundSent, RefundUnknown, Refunded, Reserved, Used,
        };
        let exists = match self {
            // A call takes it, or its deadline passes.
            Open => matches!(to, Reserved | RefundDue),
            // The call is done, or refused.
            Reserved => matches!(to, Used | Open),
            // A refund takes the credit back that was given for it.
            Used => matches!(to, RefundSent),
            // Approved; a credit instead; paid by hand, or by money that went back elsewhere.
            RefundDue => matches!(to, RefundSent | Used | Refunded),
            RefundSent => matches!(to, RefundUnknown | Refunded | RefundDue),
            RefundUnknown => matches!(to, RefundSent | Refunded | RefundDue),
            // What went back did not stand.
            Refunded => matches!(to, RefundSent | RefundDue),
        };
        if exists {
            Ok(ObligationStep { from: self, to })
        } else {
            Err(NoSuchStep { from: self, to })
        }
    }

    /// What comes of it, or what an operator can do about it. `refund_wallet`: the gateway has one,
    /// and sends USDC back itself.
    pub fn outlook(self, currency: &str, refund_wallet: bool) -> &'static str {
        match (self, currency == "USDC") {
            (Self::Open, true) => "funds the payer's next call of its route until its time is over",
            (Self::Open, false) => "due back in a moment; then approve the refund",
            (Self::Reserved, _) => "funds a call that runs now",
            (Self::Used, true) => "funded another call; nothing is owed",
            (Self::Used, false) => "a credit was given for it; a refund takes that credit back",
            (Self::RefundDue, true) if refund_wallet => {
                "approve the refund from the refund wallet, or pay it back by hand and book the transfer; until then it is a liability"
            }
            (Self::RefundDue, true) => {
                "pay it back by hand and book the transfer; until then it is a liability"
            }
            (Self::RefundDue, false) => "approve the refund; the gateway asks Stripe",
            (Self::RefundSent, true) => {
                "the refund wallet sends it; it is done once the chain shows the transfer"
            }
            (Self::RefundSent, false) => "Stripe has the refund; it is done once Stripe says so",
            (Self::RefundUnknown, _) => {
                "whether Stripe took the refund is not known; the gateway asks under the same key"
            }
            (Self::Refunded, _) => "given back",
        }
    }

    /// Whether an approval of a refund by card can change something.
    pub const fn can_refund_card(self) -> bool {
        match self {
            Self::RefundDue | Self::Used => true,
            Self::Open
            | Self::Reserved
            | Self::RefundSent
            | Self::RefundUnknown
            | Self::Refunded => false,
        }
    }
}

// === impl ObligationStep ===

impl ObligationStep {
    /// A call takes an entitlement.
    pub const RESERVE: Self = Self { from: ObligationState::Open, to: ObligationState::Reserved };
    /// The call that took it is done.
    pub const USE: Self = Self { from: ObligationState::Reserved, to: ObligationState::Used };
    /// The call that took it was refused.
    pub const REOPEN: Self = Self { from: ObligationState::Reserved, to: ObligationState::Open };
    /// Its deadline passed.
    pub const EXPIRE: Self = Self { from: ObligationState::Open, to: ObligationState::RefundDue };
    /// A credit is given instead of a refund.
    pub const CREDIT: Self = Self { from: ObligationState::RefundDue, to: ObligationState::Used };
    /// A refund is approved.
    pub const APPROVE: Self =
        Self { from: ObligationState::RefundDue, to: ObligationState::RefundSent };
    /// Its transfer is proven.
    pub const PROVE: Self =
        Self { from: ObligationState::RefundSent, to: ObligationState::Refunded };
    /// A reorganisation took the transfer back; it is sent again.
    pub const LOSE: Self =
        Self { from: ObligationState::Refunded, to: ObligationState::RefundSent };
    /// The refund can not be carried out.
    pub const FAIL: Self =
        Self { from: ObligationState::RefundSent, to: ObligationState::RefundDue };
    /// An operator paid it back by a transfer of its own.
    pub const PAY_BY_HAND: Self =
        Self { from: ObligationState::RefundDue, to: ObligationState::Refunded };
    /// That transfer did not stand.
    pub const UNPAY: Self =
        Self { from: ObligationState::Refunded, to: ObligationState::RefundDue };

    /// Where it must stand before: the guard of the write.
    pub const fn from(self) -> ObligationState {
        self.from
    }

    /// Where it stands after.
    pub const fn to(self) -> ObligationState {
        self.to
    }
}
