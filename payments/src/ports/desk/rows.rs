//! The rows of operators' lists. Moments are RFC 3339 in UTC, amounts are minor units of the
//! currency beside them.

use serde::Serialize;

use crate::ports::JournalLine;

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaymentRow {
    /// Payment id.
    pub id: String,
    /// When it was claimed.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Canonical payer.
    pub payer: String,
    /// `x402` or `mpp`.
    pub rail: String,
    /// The route's key.
    pub route: String,
    /// What funds it.
    pub funding: String,
    /// The state's word.
    pub state: String,
    /// The price.
    pub price_minor: i64,
    /// Of what.
    pub currency: String,
    /// What was settled; none before, and for what costs nothing.
    pub settled_minor: Option<i64>,
    /// Of what.
    pub settled_currency: Option<String>,
    /// When it was settled.
    pub settled_at: Option<String>,
    /// The transaction, or `pi_...`.
    pub reference: Option<String>,
    /// The chain of the transaction.
    pub chain_id: Option<i64>,
    /// Whether it was real money; none before it was settled.
    pub live: Option<bool>,
    /// The launch, once it exists.
    pub launch_id: Option<String>,
    /// Why it failed.
    pub failure: Option<String>,
    /// What is owed for it: `open`, `refund_due`, ...
    pub obligation: Option<String>,
}

/// Settlements in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettledSum {
    /// `USDC` or `USD`.
    pub currency: String,
    /// How many.
    pub settled: u64,
    /// What they come to.
    pub settled_minor: i64,
}

/// What the payments of a filter come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PaymentSums {
    /// How many there are.
    pub payments: u64,
    /// What was settled, per currency, sorted.
    pub settled: Vec<SettledSum>,
}

/// What is owed, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwedRow {
    /// The payment, or the receipt that settles nothing.
    pub id: String,
    /// To whom.
    pub payer: String,
    /// How much.
    pub amount_minor: i64,
    /// Of what.
    pub currency: String,
    /// `open` (an entitlement), `reserved`, `used`, `refund_due`, `refund_sent`, `refund_unknown`,
    /// `refunded`.
    pub state: String,
    /// Since when.
    pub since: String,
    /// Until when the payer may use it for another launch.
    pub entitled_until: Option<String>,
}

/// A card account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CreditAccountRow {
    /// Whose.
    pub payer: String,
    /// Credits that can be spent.
    pub balance: i64,
    /// Credits that were clawed back after they were spent.
    pub debt: i64,
    /// The money behind the balance, in cents.
    pub backing_cents: i64,
}

/// All card accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CreditTotals {
    /// How many accounts there are.
    pub accounts: u64,
    /// Credits that can be spent.
    pub balance: i64,
    /// Credits that are owed to us.
    pub debt: i64,
    /// The liability, in cents.
    pub backing_cents: i64,
}

/// A free call that is held or used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FreeSlotRow {
    /// The quota that gave it.
    pub quota: String,
    /// The quota's window: a month, `2026-01`, or a day, `2026-01-14`.
    pub month: String,
    /// From 1.
    pub slot: i64,
    /// The payment.
    pub intent_id: String,
    /// Its state's word.
    pub state: String,
    /// The launch, once it exists.
    pub launch_id: Option<String>,
    /// When it was claimed.
    pub created_at: String,
}

/// One line of a payer's statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementLine {
    /// Its place in the statement.
    pub seq: i64,
    /// When.
    pub at: String,
    /// `paid`, `earned`, `owed`, `refunded`, `credit_grant`, ...: what was booked.
    pub kind: String,
    /// The payment that it belongs to.
    pub intent_id: String,
    /// `USDC`, `USD` or `CREDIT`.
    pub currency: String,
    /// What the payer gave (positive) or got for it (negative).
    pub amount_minor: i64,
    /// What the payer has with us after it, in that currency: paid and not yet served, owed back,
    /// or credits.
    pub balance_minor: i64,
}

/// A posting with its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostingRow {
    /// Its place in the journal.
    pub seq: i64,
    /// Its name.
    pub txn_id: String,
    /// `settled`, `earned`, ...
    pub kind: String,
    /// The payment that it belongs to.
    pub intent_id: String,
    /// When.
    pub posted_at: String,
    /// Debits (positive) and credits (negative), in their order.
    pub lines: Vec<JournalLine>,
}

/// A comparison with the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// Its name.
    pub run_id: String,
    /// `recent`, `since`, `full`.
    pub scope: String,
    /// When it began.
    pub started_at: String,
    /// When it ended; none while it runs, and for ever if it died.
    pub ended_at: Option<String>,
    /// Per source, as JSON.
    pub sources: serde_json::Value,
    /// Findings that were opened.
    pub opened: i64,
    /// Findings that were closed.
    pub closed: i64,
}
