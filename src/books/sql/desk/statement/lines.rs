//! Lines of a statement with their running balances.

use std::collections::BTreeMap;

use ::payments::{ports::desk::StatementLine, time::UnixMs};

use super::{CURRENCIES, PLACES, SIGNS};

/// What a posting moved on one account.
pub(super) struct Moved {
    pub(super) place: i64,
    pub(super) at: UnixMs,
    pub(super) kind: String,
    pub(super) intent_id: String,
    pub(super) account: usize,
    pub(super) currency: usize,
    pub(super) amount: i64,
    /// The account's balance after it, where it is folded.
    pub(super) balance: Option<i64>,
}

/// A statement in the making.
pub(super) struct Teller {
    pub(super) balances: BTreeMap<(usize, usize), i64>,
    pub(super) since: UnixMs,
    pub(super) until: UnixMs,
    pub(super) after: i64,
    pub(super) limit: usize,
    pub(super) lines: Vec<StatementLine>,
}

// === impl Teller ===

impl Teller {
    pub(super) fn is_full(&self) -> bool {
        self.lines.len() >= self.limit
    }

    /// Tells whole postings, in their order.
    pub(super) fn tell(&mut self, moved: &[Moved]) {
        for posting in moved.chunk_by(|one, next| one.place == next.place) {
            for currency in 0..CURRENCIES.len() {
                let lines = || posting.iter().filter(|moved| moved.currency == currency);
                for line in lines() {
                    let balance = self.balances.entry((line.account, currency)).or_default();
                    *balance = line.balance.unwrap_or_else(|| balance.saturating_add(line.amount));
                }
                if let Some(line) = lines().next() {
                    let amount = lines()
                        .map(|moved| signed(moved.account, moved.amount))
                        .fold(0, i64::saturating_add);
                    self.tell_line(line, currency, amount);
                }
            }
        }
    }

    fn tell_line(&mut self, of: &Moved, currency: usize, amount_minor: i64) {
        let seq =
            of.place.saturating_mul(PLACES).saturating_add(i64::try_from(currency).unwrap_or(0));
        if self.is_full() || seq <= self.after || of.at < self.since || of.at >= self.until {
            return;
        }
        let of_currency = self.balances.iter().filter(|((_, other), _)| *other == currency);
        self.lines.push(StatementLine {
            seq,
            at: of.at.rfc3339(),
            kind: of.kind.clone(),
            intent_id: of.intent_id.clone(),
            currency: CURRENCIES[currency].to_owned(),
            amount_minor,
            balance_minor: of_currency
                .map(|((account, _), balance)| signed(*account, *balance))
                .fold(0, i64::saturating_add),
        });
    }
}

fn signed(account: usize, amount: i64) -> i64 {
    amount.saturating_mul(SIGNS.get(account).copied().unwrap_or(0))
}
