//! The shapes of a profile file (`schema = 2`). Every field has a default so that all mistakes of a
//! table can be named.

use serde::Deserialize;
use toml::{Table, Value};

/// The whole file but for its version; its tables are read one by one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub name: Option<String>,
    pub ownership: Option<super::Ownership>,
    pub upstream: Table,
    pub credential: Option<Table>,
    pub envelope: Table,
    pub outcome: Table,
    pub rate_headers: Option<Table>,
    pub codes: Table,
    pub idempotency: Table,
    pub api_keys: Option<Table>,
    pub quota: Vec<Table>,
    pub route: Vec<Table>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Upstream {
    pub base_url: Option<String>,
    pub strip_prefixes: Vec<String>,
    pub timeout: Option<String>,
    pub max_body: Option<String>,
    pub health: Option<String>,
    pub per_minute: Option<u32>,
    pub concurrent: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Credential {
    pub header: Option<String>,
    pub value: Option<String>,
    pub extra: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Envelope {
    pub code: Option<String>,
    pub message: Option<String>,
    pub retry_after: Option<String>,
    #[serde(rename = "const")]
    pub constants: Table,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Outcome {
    pub refused: Option<Table>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Refused {
    pub status: Vec<u16>,
    pub has: Option<Value>,
    pub content_type: Option<String>,
    pub envelope: Option<NoEnvelope>,
}

/// Said in so many words: the errors of this API have no shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum NoEnvelope {
    None,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RateHeaders {
    pub limit: Option<String>,
    pub remaining: Option<String>,
    pub reset: Option<String>,
    pub reset_unit: Option<super::ResetUnit>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Idempotency {
    pub header: Option<String>,
    pub lookup: Option<String>,
    pub list: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ApiKeys {
    pub prefixes: Vec<String>,
    pub routes: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Route {
    pub method: Option<String>,
    pub path: Option<String>,
    pub summary: Option<String>,
    pub price: Option<Value>,
    pub quota: Option<String>,
    pub credits: u32,
    pub identity: Option<Identity>,
    pub done: Option<Table>,
    pub result_id: Option<String>,
    pub body_schema: Option<String>,
    pub durable_claim: Option<bool>,
}

/// Whether a caller must prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Identity {
    Required,
    None,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RailPrices {
    pub x402: Option<Value>,
    pub mpp: Option<Value>,
}

/// A price that is more than its amount.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RailPrice {
    pub amount: Option<String>,
    pub offer_if_available: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Quota {
    pub name: Option<String>,
    pub rail: Option<QuotaRail>,
    pub count: Option<u32>,
    pub window: Option<QuotaWindow>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Done {
    pub status: Vec<u16>,
    pub has: Option<String>,
    pub equals: Table,
    pub unless: Table,
}

/// The rail whose payers have free calls: wallets are many and cheap to check, cards are not known
/// before they pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum QuotaRail {
    X402,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum QuotaWindow {
    Month,
    Day,
}
