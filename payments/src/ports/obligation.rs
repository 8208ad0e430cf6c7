//! What is owed, as operators and agents read it.

/// What is owed to a payer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ObligationRow {
    /// Its own id: that of the payment that was refused, or of the one that took its price and left
    /// this.
    pub intent_id: String,
    /// The payment whose money it is, where a later one left it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// To whom.
    pub payer: String,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// Of what.
    pub currency: String,
    /// `open`, `reserved`, `used`, `refund_due`, ...
    pub state: String,
}
