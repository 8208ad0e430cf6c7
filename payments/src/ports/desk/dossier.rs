//! Everything about one payment beside its evidence, and what operators did. Moments are RFC 3339
//! in UTC.

use serde::Serialize;

use super::PaymentRow;
use crate::time::UnixMs;

/// A transaction or charge that was saved before it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptRow {
    /// `transfer`, `void`, `charge`.
    pub kind: String,
    /// When it was saved.
    pub saved_at: String,
    /// Of the chain.
    pub tx_hash: Option<String>,
    /// Who signed it.
    pub signer: Option<String>,
    /// Its sequence number.
    pub eoa_nonce: Option<i64>,
    /// What the chain took for it, in wei.
    pub fee_wei: Option<String>,
    /// The idempotency key at Stripe.
    pub stripe_key: Option<String>,
}

/// Money on its way back to a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefundRow {
    /// `pi_...`.
    pub payment_intent: String,
    /// How much.
    pub amount_minor: i64,
    /// Of what.
    pub currency: String,
    /// The state's word.
    pub state: String,
    /// Why.
    pub reason: String,
    /// When it was approved.
    pub approved_at: String,
    /// When it last changed.
    pub updated_at: String,
}

/// A dispute of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DisputeRow {
    /// `dp_...`.
    pub dispute_id: String,
    /// In cents.
    pub amount_cents: i64,
    /// `inquiry`, `open`, `won`, `lost`, or `unrecognised`.
    pub state: String,
    /// When it was opened.
    pub opened_at: String,
    /// When it ended.
    pub closed_at: Option<String>,
    /// The same in Stripe's word; none of one that an older program booked.
    pub status: Option<String>,
    /// Why, in Stripe's word.
    pub reason: Option<String>,
    /// Until when evidence is taken.
    pub due_by: Option<String>,
}

/// How one request was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestRow {
    /// Its place in the list.
    pub seq: i64,
    /// The answer's `X-Request-Id`.
    pub request_id: String,
    /// When.
    pub at: String,
    /// The route's key.
    pub route: String,
    /// Who asked.
    pub payer: String,
    /// HTTP status.
    pub status: i64,
    /// The code of a refusal.
    pub code: Option<String>,
    /// Its cause.
    pub reason: Option<String>,
    /// The payment that it speaks of.
    pub payment_id: Option<String>,
    /// What `X-Charge` said.
    pub charge: String,
}

/// A payment's settlement and all that was tried, asked and done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dossier {
    /// As the list shows it.
    pub payment: PaymentRow,
    /// SHA-256 over method, path, query and body of the request, hex.
    pub fingerprint: String,
    /// The name that the client gave its request.
    pub idempotency_key: Option<String>,
    /// The log of the transaction.
    pub log_index: Option<i64>,
    /// Its block.
    pub block_number: Option<i64>,
    /// Its hash.
    pub block_hash: Option<String>,
    /// Nothing takes it back any more.
    pub is_final: Option<bool>,
    /// The authorization: who gives.
    pub from_addr: Option<String>,
    /// The authorization's nonce.
    pub nonce: Option<String>,
    /// Who receives.
    pub pay_to: Option<String>,
    /// Until when it may be cashed, in Unix seconds.
    pub valid_before_unix_s: Option<i64>,
    /// The id of the challenge that a card paid.
    pub challenge_id: Option<String>,
    /// Transactions and charges, oldest first.
    pub attempts: Vec<AttemptRow>,
    /// Money back to the card.
    pub refund: Option<RefundRow>,
    /// Disputes, oldest first.
    pub disputes: Vec<DisputeRow>,
    /// Requests that spoke of it, replays too, oldest first; kept for 7 days.
    pub requests: Vec<RequestRow>,
    /// What operators did, oldest first.
    pub actions: Vec<ActionRow>,
    /// Other proofs that were claimed for the same work, as `purpose nonce`.
    pub joined: Vec<String>,
}

/// What an operator did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActionRow {
    /// Its place in the list.
    pub seq: i64,
    /// When.
    pub at: String,
    /// `refund.approve`, `account.lift`, `credits.grant`, `credits.void`, `finding.close`,
    /// `payment.recheck`, `reconcile.run`.
    pub action: String,
    /// The payment, payer or finding.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// `page`, `api` or `cli`.
    pub via: String,
}

/// What an operator does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAction {
    /// Now.
    pub at: UnixMs,
    /// As in [`ActionRow`].
    pub action: &'static str,
    /// The payment, payer or finding.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// `page`, `api` or `cli`.
    pub via: &'static str,
}
