//! The one line that says how a payment went, once it is over.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use payments::{
    checkout::Progress,
    intent::{Intent, State},
    settlement::{PaymentFailure, Settlement},
    time::UnixMs,
};

use crate::telemetry::trace;

/// What is known of a drive beside its intent.
pub(super) struct Journey {
    /// From the request's head to the claim; none where another process made the claim.
    accept: Option<Duration>,
    /// Requests that waited for it here.
    asked: Arc<AtomicU32>,
    steps: u32,
}

impl Journey {
    pub(super) fn begin(progress: Progress, asked: Arc<AtomicU32>) -> Self {
        let live = progress == Progress::live();
        let accept = trace::current().filter(|_| live).map(|trace| trace.age());
        Self { accept, asked, steps: 0 }
    }

    /// One saved step.
    pub(super) fn moved(&mut self, before: State, intent: &Intent) {
        self.steps = self.steps.saturating_add(1);
        tracing::info!(payment_id = %intent.id, from = before.word(), to = intent.state.word(), "payment.moved");
    }

    /// The payment is over. Times are those that the books keep; `accept_ms` is this process's own.
    pub(super) fn done(&self, intent: &Intent) {
        let (settle_ms, forward_ms) = match intent.forwarding_since {
            Some(since) => (ms(intent.created_at, since), Some(ms(since, intent.updated_at))),
            None => (ms(intent.created_at, intent.updated_at), None),
        };
        // Whoever made the claim asks too, and is no repeat.
        let asked = self.asked.load(Ordering::Relaxed);
        let replays = if self.accept.is_some() { asked.saturating_sub(1) } else { asked };
        tracing::info!(
            payment_id = %intent.id,
            trace_id = trace::current().as_ref().map(|trace| trace.id()),
            rail = intent.protocol.rail(),
            route = intent.request.route,
            payer = %intent.payer,
            funding = intent.funding.word(),
            state = intent.state.word(),
            amount_minor = intent.price.minor().unwrap_or(i64::MAX),
            currency = intent.price.currency(),
            reference = intent.settlement.as_ref().map(Settlement::reference),
            failure = intent.failure.as_ref().map(PaymentFailure::word),
            status = intent.answer.as_ref().map(|answer| answer.status),
            accept_ms = self.accept.map(|accept| u64::try_from(accept.as_millis()).unwrap_or(u64::MAX)),
            settle_ms,
            forward_ms,
            total_ms = ms(intent.created_at, intent.updated_at),
            attempts = intent.attempts.len() + usize::from(intent.charge.is_some()),
            steps = self.steps,
            replays,
            recovered = self.accept.is_none(),
            "payment.done"
        );
    }
}

fn ms(from: UnixMs, to: UnixMs) -> i64 {
    to.ms().saturating_sub(from.ms())
}
