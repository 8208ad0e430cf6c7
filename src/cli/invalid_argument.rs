//! Why an argument of the command line is not taken.

use payments::{checkout::ResultName, ports::FindingKind};

/// What an argument must be, where it is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidArgument {
    /// A wallet where a card account is meant.
    #[error("a wallet has no credits; name a card account, card:...")]
    WalletWithoutCredits,
    /// No card account.
    #[error("a card account is card:...")]
    CardAccount,
    /// No name of a change.
    #[error("1 to 128 visible characters of ASCII")]
    ActionName,
    /// No name of a result.
    #[error("expected {}", ResultName::EXPECTED)]
    ResultName,
    /// No amount.
    #[error("US dollars with at most two decimals, 12.34")]
    Dollars,
    /// No kind of finding.
    #[error("one of {}", FindingKind::ALL.map(FindingKind::word).join(", "))]
    FindingKind,
    /// No month.
    #[error("a month in UTC, 2026-01")]
    Month,
    /// No day.
    #[error("a day in UTC, 2026-01-14")]
    Day,
    /// Neither a moment nor a span of time.
    #[error(
        "a moment (2026-01-31T12:00:00Z), a day in UTC (2026-01-31), or how long ago: a number with s, m, h or d"
    )]
    Moment,
    /// Further back than a moment can be.
    #[error("too long ago")]
    TooLongAgo,
    /// Nothing that can be exported.
    #[error("one of {0}")]
    ExportSource(String),
    /// No form of an export.
    #[error("csv or jsonl")]
    ExportForm,
    /// A value that a filter cannot have.
    #[error("expected {0}")]
    Filter(&'static str),
}
