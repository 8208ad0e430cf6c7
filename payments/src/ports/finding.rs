//! What a comparison found: kinds, sources, and an operator's close.

use serde::Serialize;

use crate::{ports::BooksError, time::UnixMs};

/// Whom the books are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Themselves: what should have ended.
    Books,
    /// The chain.
    Chain,
    /// The card processor.
    Stripe,
    /// The upstream.
    Core,
}

/// What kind of difference it is. The words are the contract of `audit_findings.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Money came by a proof that was not to be settled, or after its payment had failed.
    UnearnedReceipt,
    /// Money came and belongs to nothing that we know.
    UnmatchedReceipt,
    /// A settlement that was counted is not on the chain.
    SettlementLost,
    /// The books name a settlement that the other side does not have.
    PhantomSettlement,
    /// A transaction that is not ours used a nonce of our signer: another program has its key.
    ForeignTransaction,
    /// A transaction that is neither ours nor a known relayer's settled a payment: somebody else
    /// has its proof too.
    StrangerSettled,
    /// The node refuses a question that a payment waits for, however small it is.
    QuestionRefused,
    /// Both sides have it, with different amounts.
    AmountMismatch,
    /// The books name a launch that the upstream does not have.
    MissingLaunch,
    /// The upstream has a launch that the books do not.
    ExtraLaunch,
    /// The upstream has a launch for a payment that was ended as not done.
    LateResult,
    /// The card network warns that a charge was probably made with a stolen card.
    FraudWarning,
    /// The other side has a word for it that we do not know.
    UnknownState,
    /// It should have ended by now.
    Stuck,
    /// A refund failed, perhaps after it had succeeded: its amount is due again.
    RefundFailed,
    /// What was approved and what went back by other means differ.
    RefundDiffers,
    /// A payout that was asked for by hand names nothing in it: an operator says how much of it is
    /// ours.
    UnassignedPayout,
    /// The account at the processor is ours alone, and moved by something that is not one of our payments.
    ForeignEntry,
    /// The other side did not say.
    CouldNotCheck,
}

/// A difference, under the name that makes it one finding however often it is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What kind.
    pub kind: FindingKind,
    /// What it is about.
    pub key: String,
    /// Who was asked.
    pub source: Source,
    /// What is asked for to see whether it is gone: a key or a name of the source.
    pub subject: String,
    /// What an operator should know.
    pub detail: String,
}

/// A finding that is open, as the next run needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFinding {
    /// What kind.
    pub kind: FindingKind,
    /// What it is about.
    pub key: String,
    /// What is asked for.
    pub subject: String,
}

/// Why an operator's close was not made. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum CloseRefusal {
    /// There is none.
    #[error("there is no such finding")]
    Unknown,
    /// It is closed.
    #[error("the finding is closed already")]
    Closed,
    /// It says that nothing was compared; only a comparison ends that.
    #[error("it closes by itself once the source can be checked")]
    ByItselfOnly,
    /// The books failed.
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// A close that an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFinding {
    /// What kind.
    pub kind: FindingKind,
    /// What it is about.
    pub key: String,
    /// Why; kept with the finding.
    pub reason: String,
    /// `page`, `api` or `cli`.
    pub via: &'static str,
    /// Now.
    pub at: UnixMs,
    /// Only says what would come of it; nothing changes.
    pub dry_run: bool,
}

/// How the comparison with one source went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceReport {
    /// Who was asked.
    pub source: Source,
    /// `checked`, `could_not_check`, `not_offered`.
    pub outcome: &'static str,
    /// How many things were compared.
    pub compared: u64,
    /// Why it could not be checked, or what was not offered.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

// === impl Source ===

impl Source {
    /// The word in tables and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Books => "books",
            Self::Chain => "chain",
            Self::Stripe => "stripe",
            Self::Core => "core",
        }
    }
}

// === impl FindingKind ===

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 19] = [
        Self::UnearnedReceipt,
        Self::UnmatchedReceipt,
        Self::SettlementLost,
        Self::PhantomSettlement,
        Self::ForeignTransaction,
        Self::StrangerSettled,
        Self::QuestionRefused,
        Self::AmountMismatch,
        Self::MissingLaunch,
        Self::ExtraLaunch,
        Self::LateResult,
        Self::FraudWarning,
        Self::UnknownState,
        Self::Stuck,
        Self::RefundFailed,
        Self::RefundDiffers,
        Self::UnassignedPayout,
        Self::ForeignEntry,
        Self::CouldNotCheck,
    ];

    /// The word in tables, views and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::UnearnedReceipt => "unearned_receipt",
            Self::UnmatchedReceipt => "unmatched_receipt",
            Self::SettlementLost => super::SETTLEMENT_LOST,
            Self::PhantomSettlement => "phantom_settlement",
            Self::ForeignTransaction => super::FOREIGN_TRANSACTION,
            Self::StrangerSettled => "stranger_settled",
            Self::QuestionRefused => "question_refused",
            Self::AmountMismatch => "amount_mismatch",
            Self::MissingLaunch => "missing_launch",
            Self::ExtraLaunch => "extra_launch",
            Self::LateResult => "late_result",
            Self::FraudWarning => "fraud_warning",
            Self::UnknownState => "unknown_state",
            Self::Stuck => "stuck",
            Self::RefundFailed => "refund_failed",
            Self::RefundDiffers => "refund_differs",
            Self::UnassignedPayout => "unassigned_payout",
            Self::ForeignEntry => "foreign_entry",
            Self::CouldNotCheck => "could_not_check",
        }
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}
