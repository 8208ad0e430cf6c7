//! What the emulator remembers. Rows are kept as JSON in its log; what a client sees of them is in
//! `json.rs`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::behaviour::Behaviour;

/// What a client wrote beside an object.
pub(super) type Metadata = BTreeMap<String, String>;

/// A granted token.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Token {
    pub id: String,
    pub created_unix_s: u64,
    /// The name of the test payment method.
    pub method: String,
    /// Whose card it is; part of the fingerprint.
    pub customer: Option<String>,
    pub currency: String,
    pub max_amount: i64,
    pub expires_at_unix_s: Option<u64>,
    pub captured: i64,
    pub deactivated: Option<Deactivated>,
    /// An intent that is `processing` holds the token until it is settled.
    pub held_by: Option<String>,
    /// The seller it was granted to; `None` means to whoever has it.
    pub network_id: Option<String>,
    pub shared_metadata: Metadata,
}

/// Why and when a token stopped to be of use.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Deactivated {
    pub at_unix_s: u64,
    pub reason: Reason,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    Consumed,
    Expired,
    Revoked,
}

/// A payment intent.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Intent {
    pub id: String,
    pub created_unix_s: u64,
    pub amount: i64,
    pub amount_received: i64,
    pub currency: String,
    pub status: Status,
    pub token: String,
    pub payment_method: String,
    pub customer: Option<String>,
    pub description: Option<String>,
    pub receipt_email: Option<String>,
    pub metadata: Metadata,
    pub latest_charge: Option<String>,
    pub last_payment_error: Option<Value>,
    pub canceled_at_unix_s: Option<u64>,
    pub cancellation_reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    RequiresPaymentMethod,
    RequiresAction,
    Processing,
    Succeeded,
    Canceled,
}

/// An attempt to take money from a payment method.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Charge {
    pub id: String,
    pub created_unix_s: u64,
    pub intent: String,
    pub amount: i64,
    pub amount_refunded: i64,
    pub currency: String,
    pub status: ChargeStatus,
    /// The code, decline code and message of a decline.
    pub failure: Option<[String; 3]>,
    pub payment_method: String,
    pub details: Value,
    pub metadata: Metadata,
    pub balance_transaction: Option<String>,
    pub dispute: Option<String>,
    /// When a dispute opens by itself.
    pub disputes_at_unix_s: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChargeStatus {
    Pending,
    Succeeded,
    Failed,
}

/// Money given back.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Refund {
    pub id: String,
    pub created_unix_s: u64,
    pub intent: String,
    pub charge: String,
    pub amount: i64,
    pub currency: String,
    pub reason: Option<String>,
    pub metadata: Metadata,
    pub balance_transaction: String,
    #[serde(default)]
    pub status: RefundStatus,
    /// A word that is told in the place of the status.
    #[serde(default)]
    pub told_status: Option<String>,
    /// The balance entry that gave the amount back to the seller, once the refund failed.
    #[serde(default)]
    pub failure_balance_transaction: Option<String>,
}

/// Where a refund stands (<https://docs.stripe.com/refunds#refund-failures>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// On its way; it may still fail.
    #[default]
    Succeeded,
    /// Not decided.
    Pending,
    /// The money came back to the seller.
    Failed,
}

/// Money that the card's holder asked back from the bank.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Dispute {
    pub id: String,
    pub created_unix_s: u64,
    pub intent: String,
    pub charge: String,
    pub amount: i64,
    pub currency: String,
    pub reason: String,
    /// As Stripe words it; a test may set a word that Stripe does not have yet.
    pub status: String,
    pub balance_transactions: Vec<String>,
    /// Until when evidence is taken.
    #[serde(default)]
    pub due_by_unix_s: Option<u64>,
}

/// A card network's word that a payment was probably made with a stolen card.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct FraudWarning {
    pub id: String,
    pub created_unix_s: u64,
    pub intent: String,
    pub charge: String,
    pub fraud_type: String,
}

/// One movement of the balance. `net = amount - fee`.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct BalanceTransaction {
    pub id: String,
    pub created_unix_s: u64,
    pub kind: String,
    pub reporting_category: String,
    pub amount: i64,
    pub fee: i64,
    pub net: i64,
    pub currency: String,
    /// Nothing for what the API did not make.
    pub source: Option<String>,
    pub description: String,
    /// The payout of the schedule that took it.
    #[serde(default)]
    pub payout: Option<String>,
}

/// Something that happened, with the exact bytes that are sent about it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Event {
    pub id: String,
    pub created_unix_s: u64,
    pub kind: String,
    pub body: String,
}

/// One sending of an event to the webhook's target.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Delivery {
    pub id: String,
    pub event: String,
    pub attempts: u32,
    pub state: DeliveryState,
    /// The status that the target answered last.
    pub last_status: Option<u16>,
    /// Sign as at this time instead of at the time of sending.
    pub signed_at_unix_s: Option<u64>,
    /// Sign with another secret.
    pub wrong_signature: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DeliveryState {
    Waiting,
    Delivered,
    GivenUp,
}

/// The first answer to an idempotency key.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Stored {
    pub key: String,
    pub at_unix_s: u64,
    /// SHA-256 of method, path and parameters.
    pub asked: String,
    pub request_id: String,
    pub status: u16,
    pub body: Value,
}

/// What can be turned while the emulator runs.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Settings {
    pub clock_offset_s: i64,
    pub webhook_url: Option<String>,
    /// While set, events wait.
    pub webhooks_held: bool,
    /// Search finds an object only after this long.
    pub search_lag_s: u64,
    /// What a new refund is at first.
    #[serde(default)]
    pub new_refunds: RefundStatus,
    /// What this account does and others do not.
    #[serde(default)]
    pub behaviour: Behaviour,
}
