//! What is read now and then, beside the requests: a scrape reads nothing but memory.

use std::time::Duration;

use payments::{sequence::SignerState, time::UnixMs};

use super::{
    Telemetry,
    names::{
        BOOKS_ERRORS, CACHE_UP, CREDIT_LIABILITY, DISPUTE_DUE, DISPUTES_OPEN, HEAD_AGE, MISMATCHES,
        NODE_LIMIT, NODE_REFUSALS, PAID_NOT_SERVED, RECONCILED, SERVED_NOT_PAID, SETTLEMENT_QUEUE,
        SIGNER_BALANCE, SIGNER_CHAIN_NONCE, SIGNER_HOLES, SIGNER_NEXT_NONCE, SIGNER_OLDEST,
        SIGNER_OPEN, STRANGERS, UNKNOWN, UNKNOWN_OLDEST, UPSTREAM_CLOSED,
    },
    number::show,
};
use crate::books::{Pulse, errors};

/// Micro-dollars of one cent.
const MICROS_PER_CENT: i64 = 10_000;

/// What the chain node says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainPulse {
    /// The signer's balance.
    pub balance_wei: u128,
    /// The time of the newest block, in unix seconds.
    pub head_unix_s: u64,
}

/// What was learned of the chain node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodePulse {
    /// Calls per request, and blocks per question for logs.
    pub limits: [(&'static str, u64); 2],
    /// Requests that it refused, by what it was about.
    pub refused: [(&'static str, u64); 3],
}

impl Telemetry {
    /// What there is before the first look: zeros of what must stay zero.
    pub(super) fn begin_gauges(&self) {
        for name in [PAID_NOT_SERVED, SERVED_NOT_PAID, STRANGERS] {
            self.registry.counter(name, &[]).increment(0);
        }
    }

    /// Shows how often the database of the books failed since the process started.
    pub(super) fn show_books_errors(&self) {
        for (kind, count) in errors::counts() {
            self.registry.counter(BOOKS_ERRORS, &[("kind", kind.word())]).absolute(count);
        }
    }

    /// Shows what the books say.
    pub fn show_books(&self, pulse: &Pulse, now: UnixMs) {
        let gauge = |name, value: u128| show(&self.registry.gauge(name, &[]), value);
        gauge(UNKNOWN, u128::from(pulse.unknown));
        gauge(SETTLEMENT_QUEUE, u128::from(pulse.queued));
        let oldest_ms = pulse.oldest_unknown_at.map_or(0, |at| now.ms().saturating_sub(at.ms()));
        self.registry
            .gauge(UNKNOWN_OLDEST, &[])
            .set(Duration::from_millis(u64::try_from(oldest_ms).unwrap_or(0)));
        let liability = pulse.credit_liability_cents.saturating_mul(MICROS_PER_CENT);
        gauge(CREDIT_LIABILITY, u128::try_from(liability).unwrap_or(0));
        gauge(MISMATCHES, u128::from(pulse.open_findings));
        gauge(DISPUTES_OPEN, u128::from(pulse.disputes_open));
        let due_ms = pulse.dispute_due_at.map_or(0, UnixMs::ms);
        self.registry
            .gauge(DISPUTE_DUE, &[])
            .set(Duration::from_millis(u64::try_from(due_ms).unwrap_or(0)));
        if let Some(at) = pulse.reconciled_at {
            self.registry
                .gauge(RECONCILED, &[])
                .set(Duration::from_millis(u64::try_from(at.ms()).unwrap_or(0)));
        }
        self.registry.counter(PAID_NOT_SERVED, &[]).increment(pulse.paid_not_served);
        self.registry.counter(SERVED_NOT_PAID, &[]).increment(pulse.served_not_paid);
    }

    /// Shows what the chain node said last; the block grows older while the node says nothing.
    pub fn show_chain(&self, pulse: &ChainPulse, now: UnixMs) {
        show(&self.registry.gauge(SIGNER_BALANCE, &[]), pulse.balance_wei);
        let now_s = u64::try_from(now.unix_s()).unwrap_or(0);
        self.registry
            .gauge(HEAD_AGE, &[])
            .set(Duration::from_secs(now_s.saturating_sub(pulse.head_unix_s)));
    }

    /// Shows what the chain node does not take.
    pub fn show_node(&self, pulse: &NodePulse) {
        for (limit, value) in pulse.limits {
            show(&self.registry.gauge(NODE_LIMIT, &[("limit", limit)]), u128::from(value));
        }
        for (limit, count) in pulse.refused {
            self.registry.counter(NODE_REFUSALS, &[("limit", limit)]).absolute(count);
        }
    }

    /// A transaction that is none of ours settled a payment.
    pub fn settled_by_stranger(&self) {
        self.registry.counter(STRANGERS, &[]).increment(1);
    }

    /// Shows how the signers' nonces stand.
    pub fn show_signers(&self, states: &[SignerState], now: UnixMs) {
        for state in states {
            let signer = state.signer.to_string();
            let gauge = |name, value: u64| {
                show(&self.registry.gauge(name, &[("signer", signer.as_str())]), u128::from(value))
            };
            gauge(SIGNER_CHAIN_NONCE, state.chain_nonce);
            gauge(SIGNER_NEXT_NONCE, state.next_nonce);
            gauge(SIGNER_OPEN, state.open);
            gauge(SIGNER_OLDEST, state.oldest_open_s(now).unwrap_or(0));
            gauge(SIGNER_HOLES, state.holes.len() as u64);
        }
    }

    /// Shows whether the upstream refuses us.
    pub fn show_way(&self, closed: bool) {
        show(&self.registry.gauge(UPSTREAM_CLOSED, &[]), u128::from(closed));
    }

    /// Shows whether the shared cache answers.
    pub fn show_cache(&self, up: bool) {
        show(&self.registry.gauge(CACHE_UP, &[]), u128::from(up));
    }
}
