//! The members of Stripe's objects that are read. The library's full types refuse objects of a
//! preview version.

use std::collections::HashMap;

use miniserde::{Deserialize, json::Value};
use payments::ids::PaymentId;

use super::history::Listed;

/// The name of our payment id in the metadata of what we make.
pub(super) const PAYMENT_ID: &str = "gateway_payment_id";

/// The name of our books in the metadata of what we make: another gateway of the same account has
/// others.
pub(super) const BOOKS: &str = "gateway_books";

/// The account that a key belongs to (<https://docs.stripe.com/api/accounts/object>).
#[derive(Deserialize)]
pub(super) struct Account {
    pub id: String,
}

/// A payment (<https://docs.stripe.com/api/payment_intents/object>).
#[derive(Deserialize)]
pub(super) struct PaymentIntent {
    pub id: String,
    pub status: String,
    pub amount: u64,
    pub amount_received: u64,
    pub currency: String,
    pub livemode: bool,
    pub metadata: Option<HashMap<String, String>>,
    pub latest_charge: Option<String>,
    pub last_payment_error: Option<LastError>,
}

/// Why the last try of a payment failed.
#[derive(Deserialize)]
pub(super) struct LastError {
    pub code: Option<String>,
    pub decline_code: Option<String>,
}

/// A charge (<https://docs.stripe.com/api/charges/object>).
#[derive(Deserialize)]
pub(super) struct Charge {
    pub amount_refunded: u64,
    pub livemode: bool,
    pub payment_method_details: Option<MethodDetails>,
}

/// A refund (<https://docs.stripe.com/api/refunds/object>).
#[derive(Deserialize)]
pub(super) struct Refund {
    pub id: String,
    pub status: Option<String>,
    pub amount: u64,
    pub created: i64,
    pub metadata: Option<HashMap<String, String>>,
}

/// A dispute (<https://docs.stripe.com/api/disputes/object>).
#[derive(Deserialize)]
pub(super) struct Dispute {
    pub id: String,
    pub amount: u64,
    pub status: String,
    pub reason: Option<String>,
    pub evidence_details: Option<EvidenceDetails>,
    pub livemode: bool,
}

/// Until when a dispute can be answered.
#[derive(Deserialize)]
pub(super) struct EvidenceDetails {
    pub due_by: Option<i64>,
}

/// The card network's warning (<https://docs.stripe.com/api/radar/early_fraud_warnings/object>).
#[derive(Deserialize)]
pub(super) struct EarlyFraudWarning {
    pub id: String,
    pub fraud_type: Option<String>,
    pub livemode: bool,
}

/// A page of a list or of search results.
#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub data: Vec<T>,
    pub has_more: bool,
}

/// A shared payment token, as its seller sees it
/// (<https://docs.stripe.com/api/shared-payment/granted-token>).
#[derive(Deserialize)]
pub(super) struct GrantedToken {
    pub livemode: bool,
    pub deactivated_at: Option<i64>,
    pub deactivated_reason: Option<String>,
    pub agent_details: Option<AgentDetails>,
    pub payment_method_details: Option<MethodDetails>,
    pub usage_limits: Option<UsageLimits>,
    pub usage_details: Option<UsageDetails>,
}

/// Whose agent was granted the token.
#[derive(Deserialize)]
pub(super) struct AgentDetails {
    pub network_business_profile: Option<String>,
}

/// What stands behind the token.
#[derive(Deserialize)]
pub(super) struct MethodDetails {
    pub card: Option<Card>,
    pub link: Option<Link>,
}

/// A card.
#[derive(Deserialize)]
pub(super) struct Card {
    pub fingerprint: Option<String>,
}

/// A Link account.
#[derive(Deserialize)]
pub(super) struct Link {
    pub email: Option<String>,
}

/// What the token may be used for.
#[derive(Deserialize)]
pub(super) struct UsageLimits {
    pub currency: Option<String>,
    pub max_amount: Option<u64>,
    pub expires_at: Option<u64>,
}

/// What the token was used for.
#[derive(Deserialize)]
pub(super) struct UsageDetails {
    pub amount_captured: Option<Captured>,
}

/// How much was taken with the token.
#[derive(Deserialize)]
pub(super) struct Captured {
    pub value: u64,
}

/// What names the payment that it belongs to.
#[derive(Deserialize)]
pub(super) struct OfPayment {
    pub payment_intent: Option<String>,
    pub livemode: Option<bool>,
}

/// Whether metadata names this payment of ours.
pub(super) fn names(metadata: Option<&HashMap<String, String>>, intent: PaymentId) -> bool {
    metadata
        .and_then(|metadata| metadata.get(PAYMENT_ID))
        .is_some_and(|id| *id == intent.to_string())
}

/// A payment in a list, with its charge in it.
#[derive(Deserialize)]
pub(super) struct ListedPayment {
    pub id: String,
    pub status: String,
    pub amount_received: u64,
    pub currency: String,
    pub livemode: bool,
    pub metadata: Option<HashMap<String, String>>,
    pub latest_charge: Option<Charge>,
}

/// A refund or dispute in a list.
#[derive(Deserialize)]
pub(super) struct ListedMove {
    pub id: String,
    pub payment_intent: Option<String>,
}

/// An entry of our balance (<https://docs.stripe.com/api/balance_transactions/object>).
#[derive(Deserialize)]
pub(super) struct ListedEntry {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub reporting_category: Option<String>,
    pub amount: i64,
    pub fee: i64,
    pub net: i64,
    pub currency: String,
    pub created: i64,
    /// A name, or the object itself.
    pub source: Option<Value>,
}

/// Money sent to the bank (<https://docs.stripe.com/api/payouts/object>).
#[derive(Deserialize)]
pub(super) struct ListedPayout {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub automatic: bool,
    pub reconciliation_status: Option<String>,
    pub status: String,
    pub created: i64,
    pub livemode: bool,
}

/// What an account holds (<https://docs.stripe.com/api/balance/balance_object>).
#[derive(Deserialize)]
pub(super) struct Balance {
    pub available: Vec<Held>,
    pub pending: Vec<Held>,
    pub livemode: bool,
}

/// Of it in one currency.
#[derive(Deserialize)]
pub(super) struct Held {
    pub amount: i64,
    pub currency: String,
}

impl Listed for ListedPayment {
    fn id(&self) -> &str {
        &self.id
    }

    fn livemode(&self) -> Option<bool> {
        Some(self.livemode)
    }
}

impl Listed for ListedMove {
    fn id(&self) -> &str {
        &self.id
    }

    fn livemode(&self) -> Option<bool> {
        None
    }
}

impl Listed for ListedPayout {
    fn id(&self) -> &str {
        &self.id
    }

    fn livemode(&self) -> Option<bool> {
        Some(self.livemode)
    }
}

impl Listed for ListedEntry {
    fn id(&self) -> &str {
        &self.id
    }

    fn livemode(&self) -> Option<bool> {
        None
    }
}
