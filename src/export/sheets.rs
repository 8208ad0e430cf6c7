//! The columns of every kind of row: the members of the row in their order. A column is only ever
//! added at the end.

use payments::ports::{
    Finding,
    desk::{
        ActionRow, CreditAccountRow, OwedRow, PaymentRow, PostingRow, RequestRow, StatementLine,
    },
};

use super::Sheet;

impl Sheet for PaymentRow {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "created_at",
        "updated_at",
        "payer",
        "rail",
        "route",
        "funding",
        "state",
        "price_minor",
        "currency",
        "settled_minor",
        "settled_currency",
        "settled_at",
        "reference",
        "chain_id",
        "live",
        "launch_id",
        "failure",
        "obligation",
    ];
}

/// One record a line of the posting.
impl Sheet for PostingRow {
    const COLUMNS: &'static [&'static str] = &[
        "seq",
        "txn_id",
        "kind",
        "intent_id",
        "posted_at",
        "lines.account",
        "lines.currency",
        "lines.amount",
    ];
}

impl Sheet for StatementLine {
    const COLUMNS: &'static [&'static str] =
        &["seq", "at", "kind", "intent_id", "currency", "amount_minor", "balance_minor"];
}

impl Sheet for OwedRow {
    const COLUMNS: &'static [&'static str] =
        &["id", "payer", "amount_minor", "currency", "state", "since", "entitled_until"];
}

impl Sheet for CreditAccountRow {
    const COLUMNS: &'static [&'static str] = &["payer", "balance", "debt", "backing_cents"];
}

impl Sheet for RequestRow {
    const COLUMNS: &'static [&'static str] = &[
        "seq",
        "request_id",
        "at",
        "route",
        "payer",
        "status",
        "code",
        "reason",
        "payment_id",
        "charge",
    ];
}

impl Sheet for Finding {
    const COLUMNS: &'static [&'static str] =
        &["kind", "key", "detail", "opened_at", "closed_at", "closed_reason"];
}

impl Sheet for ActionRow {
    const COLUMNS: &'static [&'static str] = &["seq", "at", "action", "subject", "reason", "via"];
}
