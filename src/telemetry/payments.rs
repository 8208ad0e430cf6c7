//! Counts of what becomes of payments, read off each step once it is saved. What was saved by a
//! process that ended in the same moment is counted by nobody: the books are the truth, these are
//! the pace.

use std::time::Duration;

use payments::{
    funding::{Funding, IfRefused},
    intent::{Intent, State},
    money::Amount,
    settlement::{Settlement, TEST_CHAINS},
    time::UnixMs,
};

use super::{
    Telemetry,
    names::{
        CREDITS, FREE_LAUNCHES, RATE_LIMITED, SETTLED_USD, SETTLEMENT_DURATION, SETTLEMENTS,
        VERIFICATIONS,
    },
};

/// Micro-dollars of one cent.
const MICROS_PER_CENT: u64 = 10_000;

impl Telemetry {
    /// What there is before anything happened: a rate over a counter that begins with its first
    /// event misses that event.
    pub(super) fn begin_payments(&self) {
        for rail in ["none", "x402", "mpp"] {
            self.count(RATE_LIMITED, &[("rail", rail)], 0);
        }
        for rail in ["x402", "mpp"] {
            self.count(
                VERIFICATIONS,
                &[("rail", rail), ("result", "valid"), ("reason", "none")],
                0,
            );
            for state in ["settled", "failed", "unknown", "lost"] {
                self.count(SETTLEMENTS, &[("rail", rail), ("state", state)], 0);
            }
            for mode in ["live", "test"] {
                self.count(SETTLED_USD, &[("rail", rail), ("mode", mode)], 0);
            }
        }
        for op in ["sold", "spent", "returned", "given"] {
            self.count(CREDITS, &[("op", op)], 0);
        }
        self.count(FREE_LAUNCHES, &[], 0);
    }

    /// A step that was saved: `before` is the state that it left.
    pub fn moved(&self, before: State, intent: &Intent) {
        let rail = intent.protocol.rail();
        let paying = before.may_take_balance();
        if paying && intent.settlement.is_some() {
            self.settled(rail, intent);
        }
        match intent.state {
            State::PayFailed => self.count(SETTLEMENTS, &[("rail", rail), ("state", "failed")], 1),
            State::SubmitUnknown if before != State::SubmitUnknown => self.unknown(rail),
            _ => {}
        }
        if intent.state.is_terminal() && !before.is_terminal() {
            self.ended(rail, intent);
        }
    }

    /// A settlement that a reorganisation took back.
    pub fn settlement_lost(&self) {
        self.count(SETTLEMENTS, &[("rail", "x402"), ("state", "lost")], 1);
    }

    fn unknown(&self, rail: &str) {
        self.count(SETTLEMENTS, &[("rail", rail), ("state", "unknown")], 1);
    }

    fn settled(&self, rail: &str, intent: &Intent) {
        self.count(SETTLEMENTS, &[("rail", rail), ("state", "settled")], 1);
        let mode = if is_live(intent) { "live" } else { "test" };
        self.count(SETTLED_USD, &[("rail", rail), ("mode", mode)], usd_micros(intent.price));
        self.took(rail, "settle", intent.created_at, intent.updated_at);
    }

    fn ended(&self, rail: &str, intent: &Intent) {
        if let Some(since) = intent.forwarding_since {
            self.took(rail, "forward", since, intent.updated_at);
        }
        self.took(rail, "total", intent.created_at, intent.updated_at);
        match (&intent.funding, intent.state) {
            (Funding::Free, State::Created) => self.count(FREE_LAUNCHES, &[], 1),
            (Funding::MppPack { credits }, State::Granted) => {
                self.count(CREDITS, &[("op", "sold")], credits.get())
            }
            (Funding::Credit { count, .. }, State::Created) => {
                self.count(CREDITS, &[("op", "spent")], count.get())
            }
            (Funding::Credit { count, .. }, State::Released) => {
                self.count(CREDITS, &[("op", "returned")], count.get())
            }
            (Funding::MppCharge { if_refused: IfRefused::Credit }, State::Rejected) => {
                self.count(CREDITS, &[("op", "given")], 1)
            }
            _ => {}
        }
    }

    fn took(&self, rail: &str, step: &str, from: UnixMs, to: UnixMs) {
        let ms = u64::try_from(to.ms().saturating_sub(from.ms())).unwrap_or(0);
        self.registry
            .histogram(SETTLEMENT_DURATION, &[("rail", rail), ("step", step)])
            .record(Duration::from_millis(ms));
    }

    fn count(&self, name: &'static str, labels: &[(&'static str, &str)], more: u64) {
        self.registry.counter(name, labels).increment(more);
    }
}

/// Whether it was real money.
fn is_live(intent: &Intent) -> bool {
    match &intent.settlement {
        Some(Settlement::Charge(proof)) => proof.livemode,
        _ => {
            intent.transfer.as_ref().is_some_and(|terms| !TEST_CHAINS.contains(&terms.key.chain_id))
        }
    }
}

/// USDC counts as a dollar.
fn usd_micros(price: Amount) -> u64 {
    match price {
        Amount::Usdc(units) => units.get(),
        Amount::Usd(cents) => cents.get().saturating_mul(MICROS_PER_CENT),
        _ => 0,
    }
}
