//! Payouts to the bank: their state at the processor, and where the books stand with them.

use crate::time::UnixMs;

/// Money that the processor sent to the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// The processor's name of it, `po_...`.
    pub id: String,
    /// How much, ours or not, in the currency's minor unit.
    pub amount_minor: i64,
    /// Its currency, in lower case.
    pub currency: String,
    /// Made by the schedule, so that it names the entries in it.
    pub automatic: bool,
    /// The processor is not done naming them.
    pub still_naming: bool,
    /// Where it stands.
    pub state: PayoutState,
    /// The same in the processor's word.
    pub status: String,
    /// When the processor made it.
    pub created: UnixMs,
}

/// Where a payout stands at the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutState {
    /// Not with the bank yet.
    OnItsWay,
    /// With the bank.
    Paid,
    /// It failed or was cancelled: the money is in the balance again.
    Failed,
    /// The processor has a word for it that we do not know: nothing is booked.
    Unrecognised,
}

/// Where a payout stands in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutStanding {
    /// It was seen, and nothing of it is booked.
    Seen,
    /// Our entries in it are booked as money in the bank.
    Booked,
    /// An operator said how much of it is ours, and that is booked.
    Assigned,
    /// What was booked is taken back: it failed afterwards.
    TakenBack,
}

/// What is to be done about a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayoutStep {
    /// Nothing, now.
    Leave,
    /// Book our entries in it.
    Book,
    /// Have an operator say how much of it is ours: it names no entry.
    HaveAssigned,
    /// Take back what was booked.
    TakeBack,
    /// Have an operator look: its state has a word that we do not know.
    Report,
}

// === impl Payout ===

impl Payout {
    /// What is to be done, where the books stand so.
    pub fn step(&self, standing: PayoutStanding) -> PayoutStep {
        match (self.state, standing) {
            (PayoutState::Unrecognised, _) => PayoutStep::Report,
            (PayoutState::Failed, PayoutStanding::Booked | PayoutStanding::Assigned) => {
                PayoutStep::TakeBack
            }
            (PayoutState::Paid, PayoutStanding::Seen | PayoutStanding::TakenBack)
                if !self.automatic =>
            {
                PayoutStep::HaveAssigned
            }
            (PayoutState::Paid, PayoutStanding::Seen | PayoutStanding::TakenBack)
                if !self.still_naming =>
            {
                PayoutStep::Book
            }
            (PayoutState::Paid | PayoutState::Failed | PayoutState::OnItsWay, _) => {
                PayoutStep::Leave
            }
        }
    }
}

// === impl PayoutState ===

impl PayoutState {
    /// The word in tables and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::OnItsWay => "on_its_way",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Unrecognised => "unrecognised",
        }
    }

    /// The state that a word of a table names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::OnItsWay, Self::Paid, Self::Failed, Self::Unrecognised]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

// === impl PayoutStanding ===

impl PayoutStanding {
    /// The word in tables and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Booked => "booked",
            Self::Assigned => "assigned",
            Self::TakenBack => "taken_back",
        }
    }

    /// The standing that a word of a table names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Seen, Self::Booked, Self::Assigned, Self::TakenBack]
            .into_iter()
            .find(|standing| standing.word() == word)
    }
}
