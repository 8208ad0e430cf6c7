//! The words of the page for states and findings; the word of the ledger is beside each, as a title.

/// The label of a state, of a payment or of what is owed for it.
pub fn state(word: &str) -> &str {
    match word {
        "claimed" => "Accepted",
        "signed" => "Signed",
        "submitted" => "Submitted",
        "submit_unknown" => "Pending settlement",
        "pay_failed" => "Failed",
        "forwarding" => "In progress",
        "core_unknown" => "Pending upstream",
        "created" => "Succeeded",
        "rejected" => "Rejected upstream",
        "released" => "Rejected (not charged)",
        "charged" => "Charged",
        "granted" => "Credits issued",
        "open" => "Open",
        "reserved" => "Reserved",
        "used" => "Resolved",
        "refund_due" => "Refund due",
        "refund_sent" => "Refund sent",
        "refund_unknown" => "Refund status unknown",
        "refund_failed" => "Refund failed",
        "refunded" => "Refunded",
        other => other,
    }
}

/// The label of a kind of finding.
pub fn finding(kind: &str) -> &str {
    match kind {
        "unearned_receipt" => "Unearned transfer",
        "unmatched_receipt" => "Unmatched transfer",
        "settlement_lost" => "Settlement lost",
        "foreign_transaction" => "Foreign transaction",
        "stranger_settled" => "Settled by a third party",
        "question_refused" => "Query refused by the node",
        "phantom_settlement" => "Settlement not found",
        "amount_mismatch" => "Amount mismatch",
        "missing_launch" => "Missing launch",
        "late_result" => "Late result",
        "extra_launch" => "Launch without payment",
        "stuck" => "Stuck",
        "refund_failed" => "Refund failed",
        "refund_differs" => "Refund differs",
        "fraud_warning" => "Fraud warning",
        "unknown_state" => "Unknown state",
        "unassigned_payout" => "Unassigned payout",
        "foreign_entry" => "Foreign balance transaction",
        "could_not_check" => "Source not checked",
        other => other,
    }
}
