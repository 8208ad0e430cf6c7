//! Which payments a list shows: one filter for the page, the API, the exports and the command line.

use crate::{agent::Payer, ids::PaymentId, intent::State, settlement::ChainHash, time::UnixMs};

/// A page of a list: strictly after this key in the list's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<K> {
    /// The last key of the page before.
    pub after: Option<K>,
    /// At most this many rows.
    pub limit: u32,
}

/// How a payment stands, in an operator's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Exactly this state.
    Is(State),
    /// Not finished.
    Open,
    /// The outcome of the settlement or of the creation is unknown.
    Unknown,
    /// Money came.
    Settled,
    /// Paid, and refused by the upstream.
    PaidNotServed,
    /// Money came, for a launch that is not there: on its way, unknown, refused or refunded. A pack
    /// is for none.
    NoLaunch,
    /// Money went back, or is on its way.
    Refunded,
    /// A bank disputed the charge, or asked about it.
    Disputed,
}

/// Something that names one payment or a few.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextSearch {
    /// A payment id.
    Payment(PaymentId),
    /// Hash of a transaction, settled or only tried.
    Transaction(ChainHash),
    /// `pi_...` or `ch_...` of Stripe.
    Stripe(String),
    /// A launch of the core, or the name that a client gave its request.
    Name(String),
}

/// Which payments are shown. Every member that is there must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentFilter {
    /// How it stands.
    pub standing: Option<Standing>,
    /// `x402` or `mpp`.
    pub rail: Option<&'static str>,
    /// Who paid.
    pub payer: Option<Payer>,
    /// The route's key, `POST /launches`.
    pub route: Option<String>,
    /// Not before this moment.
    pub since: Option<UnixMs>,
    /// Before this moment.
    pub until: Option<UnixMs>,
    /// The price is at least this, in minor units of its currency.
    pub min_minor: Option<i64>,
    /// The price is at most this.
    pub max_minor: Option<i64>,
    /// `USDC`, `USD` or `CREDIT`.
    pub currency: Option<&'static str>,
    /// Real money (true) or a test rail (false). A payment that was never settled is neither.
    pub live: Option<bool>,
    /// What names it.
    pub text: Option<TextSearch>,
}

/// A part of a filter that says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}, got {got:?}")]
pub struct FilterError {
    /// The parameter.
    pub field: &'static str,
    /// What it must be.
    pub expected: &'static str,
    /// What it was.
    pub got: String,
}
