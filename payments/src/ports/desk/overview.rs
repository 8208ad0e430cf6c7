//! The figures that an operator sees first.

use serde::Serialize;

use super::MoneyFlow;

/// What was posted to a family of accounts on a day: `liab:unearned:wallet:0x...` belongs to the
/// family `liab:unearned`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostedSum {
    /// The family.
    pub account: String,
    /// `USDC`, `USD`, `CREDIT`, or `ETH` in gwei.
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
    /// Came and went on the chain, in units of USDC.
    pub usdc: MoneyFlow,
    /// Came and went by card, in cents.
    pub usd: MoneyFlow,
    /// What transactions of ours were booked to cost, in thousand millionths of the chain's own
    /// coin.
    pub gas_gwei: i64,
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

impl DayTotals {
    /// Both days together, under the name of the first.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            day: self.day.clone(),
            earned_usdc_units: self.earned_usdc_units.saturating_add(other.earned_usdc_units),
            earned_usd_cents: self.earned_usd_cents.saturating_add(other.earned_usd_cents),
            usdc: self.usdc.plus(&other.usdc),
            usd: self.usd.plus(&other.usd),
            gas_gwei: self.gas_gwei.saturating_add(other.gas_gwei),
            settled_x402: self.settled_x402.saturating_add(other.settled_x402),
            settled_mpp: self.settled_mpp.saturating_add(other.settled_mpp),
            refunded: self.refunded.saturating_add(other.refunded),
            challenges: self.challenges.saturating_add(other.challenges),
            funded: self.funded.saturating_add(other.funded),
        }
    }

    /// Takes away what others' totals of the same day hold, but for challenges, fees and gas: they
    /// are for nobody, or for all together.
    fn without(&mut self, of: &Self) {
        self.earned_usdc_units = self.earned_usdc_units.saturating_sub(of.earned_usdc_units);
        self.earned_usd_cents = self.earned_usd_cents.saturating_sub(of.earned_usd_cents);
        self.usdc = self.usdc.without(&of.usdc);
        self.usd = self.usd.without(&of.usd);
        self.settled_x402 = self.settled_x402.saturating_sub(of.settled_x402);
        self.settled_mpp = self.settled_mpp.saturating_sub(of.settled_mpp);
        self.refunded = self.refunded.saturating_sub(of.refunded);
        self.funded = self.funded.saturating_sub(of.funded);
    }
}

impl Overview {
    /// The same without what some payers had on each day. Balances and what needs attention stay:
    /// they are everybody's.
    #[must_use]
    pub fn without(mut self, payers: &[DayTotals]) -> Self {
        for day in &mut self.days {
            if let Some(of) = payers.iter().find(|of| of.day == day.day) {
                day.without(of);
            }
        }
        self
    }
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
    /// Disputes and inquiries that are not decided.
    pub disputes_open: u64,
    /// What they hold, in cents; an inquiry holds nothing.
    pub disputed_cents: i64,
    /// Until when the first of them can be answered, RFC 3339.
    pub next_dispute_due_by: Option<String>,
    /// Accounts that are refused what costs money.
    pub blocked_accounts: u64,
    /// The last comparison that ended, RFC 3339.
    pub reconciled_at: Option<String>,
    /// What of it could not be compared.
    pub not_compared: Vec<String>,
}
