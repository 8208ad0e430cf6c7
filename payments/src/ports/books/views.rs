//! What the books answer when they are read: usage, lists, journal lines and the evidence of one
//! payment.

use std::collections::BTreeMap;

use crate::{
    agent::Payer,
    ids::PaymentId,
    intent::Intent,
    obligation::Entitlement,
    ports::{finality::Finding, obligation::ObligationRow},
    time::UnixMs,
};

/// What a payer has used and has left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Free slots held or used in the window that was asked about.
    pub free_used: u32,
    /// Creations of the month, however funded.
    pub launches: u32,
    /// Open entitlements, oldest first.
    pub entitlements: Vec<Entitlement>,
    /// A payment that a reorganisation took: until its finding is closed, the payer gets nothing.
    pub lost_settlement: Option<PaymentId>,
}

/// One row of the operator's list of intents, newest first.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct IntentSummary {
    /// Payment id.
    pub id: String,
    /// Canonical payer.
    pub payer: String,
    /// `x402` or `mpp`.
    pub rail: String,
    /// What funds it.
    pub funding: String,
    /// Where it stands.
    pub state: String,
    /// Price in minor units.
    pub price_minor: i64,
    /// Currency of the price.
    pub currency: String,
    /// The launch, once it exists.
    pub launch_id: Option<String>,
    /// The settling transaction, once proven.
    pub tx_hash: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
}

/// One journal line.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct JournalLine {
    /// The posting.
    pub txn_id: String,
    /// The account.
    pub account: String,
    /// The currency.
    pub currency: String,
    /// Minor units; a debit is positive.
    pub amount: i64,
}

impl JournalLine {
    /// What the lines of each currency sum to, in minor units: zero where the books balance.
    pub fn sums(lines: &[Self]) -> BTreeMap<&str, i128> {
        let mut sums = BTreeMap::new();
        for line in lines {
            let sum: &mut i128 = sums.entry(line.currency.as_str()).or_default();
            *sum = sum.saturating_add(i128::from(line.amount));
        }
        sums
    }

    /// The currencies whose lines do not sum to zero, each with its sum: `USDC -5`.
    pub fn imbalances(lines: &[Self]) -> Vec<String> {
        Self::sums(lines)
            .into_iter()
            .filter(|(_, sum)| *sum != 0)
            .map(|(currency, sum)| format!("{currency} {sum}"))
            .collect()
    }
}

/// Everything that the books hold of one intent, for `ledger show` and `GET /payments/:id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The intent.
    pub intent: Intent,
    /// Each state with the time it was entered.
    pub timeline: Vec<(String, UnixMs)>,
    /// Its journal lines.
    pub journal: Vec<JournalLine>,
    /// What is owed for it.
    pub obligation: Option<ObligationRow>,
    /// What was found wrong about it, open and closed.
    pub findings: Vec<Finding>,
}

/// Where a page of a list starts: strictly before this id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerPage {
    /// The last id of the page before.
    pub before: Option<PaymentId>,
    /// Only this payer.
    pub payer: Option<Payer>,
    /// Only this state.
    pub state: Option<String>,
    /// At most this many rows.
    pub limit: u32,
}
