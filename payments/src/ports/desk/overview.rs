//! The figures that an operator sees first.

use serde::Serialize;

/// What was posted to a family of accounts on a day: `liab:unearned:wallet:0x...` belongs to the family `liab:unearned`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostedSum {
    /// The family.
    pub account: String,
    /// `USDC`, `USD` or `CREDIT`.
    pub currency: String,
    /// Debits less credits, in minor units.
    pub amount_minor: i64,
}

/// One day in UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DayTotals {
    /// `2026-01-31`.
    pub day: String,
    /// Earned on the chain, in units of USDC (6 decimals).
    pub earned_usdc_units: i64,
    /// Earned by card, in cents.
    pub earned_usd_cents: i64,
    /// Settlements on the chain.
    pub settled_x402: u64,
    /// Settled charges.
    pub settled_mpp: u64,
    /// Refunds that were given back.
    pub refunded: u64,
    /// Answers 402 with a challenge.
    pub challenges: u64,
    /// Creations and packs that were funded, free ones too.
    pub funded: u64,
}

/// The figures of the first page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// When it was read, RFC 3339.
    pub at: String,
    /// The last 30 days in UTC, today last; days without anything are there too.
    pub days: Vec<DayTotals>,
    /// Every family of accounts with its balance.
    pub accounts: Vec<PostedSum>,
    /// Payments whose outcome is not known.
    pub unknown: u64,
    /// When the oldest of them was claimed, RFC 3339.
    pub oldest_unknown_at: Option<String>,
    /// Payments that are not finished.
    pub open: u64,
    /// Obligations that wait for an operator: refunds that are due or whose outcome is not known.
    pub refunds_due: u64,
    /// Open findings.
    pub open_findings: u64,
    /// The last comparison that ended, RFC 3339.
    pub reconciled_at: Option<String>,
    /// What of it could not be compared.
    pub not_compared: Vec<String>,
}
