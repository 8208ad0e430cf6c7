//! Every metric: base units, `_total` for what only grows, and what exactly it counts.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only grows, from the start of the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Times, in buckets.
    Histogram,
}

pub(super) const REQUEST_DURATION: &str = "http_server_request_duration_seconds";
pub(super) const CHALLENGES: &str = "gateway_challenges_total";
pub(super) const VERIFICATIONS: &str = "gateway_verifications_total";
pub(super) const VERIFY_DURATION: &str = "gateway_verify_duration_seconds";
pub(super) const SETTLEMENTS: &str = "gateway_settlements_total";
pub(super) const SETTLEMENT_DURATION: &str = "gateway_settlement_duration_seconds";
pub(super) const SETTLED_USD: &str = "gateway_settled_usd_micros_total";
pub(super) const UNKNOWN: &str = "gateway_settlements_unknown";
pub(super) const UNKNOWN_OLDEST: &str = "gateway_unknown_oldest_seconds";
pub(super) const SETTLEMENT_QUEUE: &str = "gateway_settlement_queue";
pub(super) const FREE_LAUNCHES: &str = "gateway_free_launches_total";
pub(super) const CREDITS: &str = "gateway_credits_total";
pub(super) const CREDIT_LIABILITY: &str = "gateway_credit_liability_usd_micros";
pub(super) const RATE_LIMITED: &str = "gateway_rate_limited_total";
pub(super) const UPSTREAM_DURATION: &str = "gateway_upstream_duration_seconds";
pub(super) const SIGNER_BALANCE: &str = "gateway_signer_balance_wei";
pub(super) const SIGNER_CHAIN_NONCE: &str = "gateway_signer_chain_nonce";
pub(super) const SIGNER_NEXT_NONCE: &str = "gateway_signer_next_nonce";
pub(super) const SIGNER_OPEN: &str = "gateway_signer_open_nonces";
pub(super) const SIGNER_OLDEST: &str = "gateway_signer_oldest_open_seconds";
pub(super) const SIGNER_HOLES: &str = "gateway_signer_holes";
pub(super) const HEAD_AGE: &str = "gateway_rpc_head_age_seconds";
pub(super) const NODE_LIMIT: &str = "gateway_node_limit";
pub(super) const NODE_REFUSALS: &str = "gateway_node_refusals_total";
pub(super) const STRANGERS: &str = "gateway_settled_by_stranger_total";
pub(super) const MISMATCHES: &str = "gateway_reconcile_mismatches";
pub(super) const RECONCILED: &str = "gateway_reconcile_last_success_timestamp_seconds";
pub(super) const DISPUTES_OPEN: &str = "gateway_disputes_open";
pub(super) const DISPUTE_DUE: &str = "gateway_dispute_due_timestamp_seconds";
pub(super) const CACHE_UP: &str = "gateway_cache_up";
pub(super) const PAID_NOT_SERVED: &str = "gateway_paid_not_served_total";
pub(super) const SERVED_NOT_PAID: &str = "gateway_served_not_paid_total";
pub(super) const UPSTREAM_CLOSED: &str = "gateway_upstream_closed";
pub(super) const BOOKS_ERRORS: &str = "gateway_books_errors_total";

/// Every metric with its text.
pub(super) const ALL: [(&str, Kind, &str); 34] = [
    (
        REQUEST_DURATION,
        Kind::Histogram,
        "Answers to agents, from the request's head to the answer's, by route and status.",
    ),
    (
        CHALLENGES,
        Kind::Counter,
        "402 answers with a challenge; rail is that of the credential which came with the request, none without one.",
    ),
    (
        VERIFICATIONS,
        Kind::Counter,
        "Credentials that were checked; unknown is one that chain, card processor or books did not answer for.",
    ),
    (
        VERIFY_DURATION,
        Kind::Histogram,
        "The check of a credential that needs nobody else: decoding and signatures.",
    ),
    (
        SETTLEMENTS,
        Kind::Counter,
        "Payments that came to be settled, failed (nothing was taken), unknown (nobody knows yet) or lost (a reorganisation took one back).",
    ),
    (
        SETTLEMENT_DURATION,
        Kind::Histogram,
        "From the claim to the proof of payment (settle), to the upstream's final answer from there (forward), and in all (total).",
    ),
    (
        SETTLED_USD,
        Kind::Counter,
        "What was settled, in millionths of a dollar; mode is live for real money, else test.",
    ),
    (
        UNKNOWN,
        Kind::Gauge,
        "Payments of which nobody knows now what became of the settlement or of the creation.",
    ),
    (UNKNOWN_OLDEST, Kind::Gauge, "Since when the oldest of them was claimed; 0 without one."),
    (FREE_LAUNCHES, Kind::Counter, "Launches that were created by a slot of the free tier."),
    (
        CREDITS,
        Kind::Counter,
        "Credits that were sold, spent, returned (the upstream refused) or given (for a launch that was charged and refused).",
    ),
    (
        CREDIT_LIABILITY,
        Kind::Gauge,
        "The money behind credits that can still be spent, in millionths of a dollar.",
    ),
    (
        RATE_LIMITED,
        Kind::Counter,
        "Requests refused by a limit: the peer's before a credential is looked at (none), or the agent's.",
    ),
    (
        UPSTREAM_DURATION,
        Kind::Histogram,
        "Calls to the upstream until their whole answer; status none is a call without one.",
    ),
    (SIGNER_BALANCE, Kind::Gauge, "What the signer of this process can pay gas with, in wei."),
    (
        SIGNER_CHAIN_NONCE,
        Kind::Gauge,
        "The first nonce of a signer that no mined transaction uses, by signer.",
    ),
    (SIGNER_NEXT_NONCE, Kind::Gauge, "The first nonce of a signer that was never given out."),
    (
        SIGNER_OPEN,
        Kind::Gauge,
        "Nonces of a signer with a transaction that is not known to be mined.",
    ),
    (SIGNER_OLDEST, Kind::Gauge, "Since when the oldest of them was saved; 0 without one."),
    (
        SIGNER_HOLES,
        Kind::Gauge,
        "Nonces of a signer that nothing uses: they hold up all later ones until an empty transaction fills them.",
    ),
    (HEAD_AGE, Kind::Gauge, "How old the newest block is that the chain node has shown."),
    (
        NODE_LIMIT,
        Kind::Gauge,
        "What the chain node takes at once, as far as its refusals taught: calls per request (batch), blocks of logs (logs).",
    ),
    (
        NODE_REFUSALS,
        Kind::Counter,
        "Requests that the chain node refused because of a limit, or for want of a method, and that were asked in another way.",
    ),
    (
        STRANGERS,
        Kind::Counter,
        "Payments that a transaction settled which is neither ours nor a known relayer's.",
    ),
    (MISMATCHES, Kind::Gauge, "Open findings of the comparison of the books with the world."),
    (
        RECONCILED,
        Kind::Gauge,
        "When the last comparison ended that could compare every source, in unix seconds.",
    ),
    (SETTLEMENT_QUEUE, Kind::Gauge, "Claimed payments that wait for a signer."),
    (DISPUTES_OPEN, Kind::Gauge, "Disputes and inquiries of card payments that are not decided."),
    (
        DISPUTE_DUE,
        Kind::Gauge,
        "Until when evidence for the first of them is taken, in unix seconds; 0 without one.",
    ),
    (CACHE_UP, Kind::Gauge, "Whether the shared cache answers; 1 where each process has its own."),
    (
        PAID_NOT_SERVED,
        Kind::Counter,
        "Must stay 0: payments that were settled and ended as failed or released, as refused with no debt, or as a pack without its credits. \
         Payments that ended up to a day before this process started count too.",
    ),
    (
        SERVED_NOT_PAID,
        Kind::Counter,
        "Must stay 0: launches that were created without the slot, settlement, credit or entitlement that funds them. Launches up to a day \
         before this process started count too.",
    ),
    (
        UPSTREAM_CLOSED,
        Kind::Gauge,
        "Whether the upstream refuses the gateway itself: 1 while nobody new is charged because of it.",
    ),
    (BOOKS_ERRORS, Kind::Counter, "Errors of the database of the books, by what went wrong."),
];
