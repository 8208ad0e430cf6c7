//! Whether the way to the upstream is open, by what it answers: an upstream that refuses *us* must
//! not cost any agent money.

use std::sync::{Mutex, MutexGuard, PoisonError};

use payments::{
    ports::{ClosedWay, UpstreamError, UpstreamWay, WayRow},
    time::UnixMs,
};

/// Different payers who meet a stranger's answer before the way is closed: what two of them send
/// may be their own fault.
const STRANGERS_TO_CLOSE: usize = 3;
/// Within this time, and with no success between.
const STRANGERS_WITHIN_MS: i64 = 60_000;
/// How long too many calls wait that the upstream sets no time for.
const PAUSE_S: u64 = 10;
/// The longest time that it can set.
const MAX_PAUSE_S: u64 = 3_600;
/// When whoever is turned away may come back: somebody has to see to the upstream first.
const COME_BACK_S: u64 = 30;

/// What an answer says of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// The upstream itself answered, and takes us.
    Well,
    /// Our key or our account is refused.
    KeyRefused(u16),
    /// Something else answered in the upstream's place, to this payer.
    Stranger {
        /// Whose creation it was.
        payer: String,
        /// What was answered.
        what: String,
    },
    /// Neither.
    Nothing,
}

/// The way, as one process knows it. Other processes on the same books hear of a change within a
/// second.
#[derive(Default)]
pub struct Way {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    row: WayRow,
    /// The books do not have it yet.
    changed: bool,
    /// Grows with each closing and opening: an answer to what was sent before one says nothing
    /// about it.
    epoch: u64,
    strangers: Vec<(String, UnixMs)>,
    /// The health path refused us too since the way was closed: it will know when that is over.
    health_knows: bool,
}

// === impl Way ===

impl Way {
    /// What a call must bring back with its answer.
    pub fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    /// An answer came to what was sent in this epoch.
    pub fn heard(&self, epoch: u64, evidence: Evidence, now: UnixMs) {
        let mut state = self.lock();
        match evidence {
            Evidence::Well => {
                state.strangers.clear();
                if state.row.closed.is_some() && state.epoch == epoch {
                    state.open("the upstream answers");
                }
            }
            Evidence::KeyRefused(status) => {
                state.close(format!("status {status}: our key or our account is refused"), now)
            }
            Evidence::Stranger { payer, what } => {
                state
                    .strangers
                    .retain(|(other, at)| *other != payer && now < at.plus_ms(STRANGERS_WITHIN_MS));
                state.strangers.push((payer, now));
                if state.strangers.len() >= STRANGERS_TO_CLOSE {
                    state.close(
                        format!("{what}, to {STRANGERS_TO_CLOSE} payers within a minute"),
                        now,
                    );
                }
            }
            Evidence::Nothing => {}
        }
    }

    /// Nothing may be sent for so long. `refused` says that it is because of us.
    pub fn pause(&self, seconds: Option<u64>, refused: bool, now: UnixMs) {
        let ms = i64::try_from(seconds.unwrap_or(PAUSE_S).min(MAX_PAUSE_S))
            .unwrap_or(0)
            .saturating_mul(1_000);
        let until = now.plus_ms(ms);
        let mut state = self.lock();
        if state.row.pause_until.is_none_or(|before| before < until) {
            (state.row.pause_until, state.row.pause_refused, state.changed) =
                (Some(until), refused, true);
            tracing::warn!(until = until.rfc3339(), refused, "upstream.paused");
        }
    }

    /// What the health path answered: it opens the way where it is seen to know that it was closed.
    pub fn health(&self, well: bool, refuses: bool) {
        let mut state = self.lock();
        if state.row.closed.is_none() {
            return;
        }
        state.health_knows |= refuses;
        if well && state.health_knows {
            state.open("its health path takes us again");
        }
    }

    /// For the rules: what may be sent.
    pub fn now(&self, now: UnixMs) -> UpstreamWay {
        let state = self.lock();
        match (state.row.pause_until.filter(|until| *until > now), &state.row.closed) {
            (Some(until), _) => UpstreamWay::Until(until),
            (None, Some(_)) => UpstreamWay::Closed,
            (None, None) => UpstreamWay::Open,
        }
    }

    /// Whether somebody new may be charged for a call.
    ///
    /// # Errors
    /// [`UpstreamError::RefusesUs`], or [`UpstreamError::Busy`] where it only asked for a pause.
    pub fn gate(&self, now: UnixMs) -> Result<(), UpstreamError> {
        let state = self.lock();
        let left_s = state
            .row
            .pause_until
            .map_or(0, |until| until.ms().saturating_sub(now.ms()).max(0))
            .unsigned_abs()
            .div_ceil(1_000);
        match (&state.row.closed, left_s) {
            (Some(_), left_s) => {
                Err(UpstreamError::RefusesUs { retry_after_s: left_s.max(COME_BACK_S) })
            }
            (None, 0) => Ok(()),
            (None, retry_after_s) if state.row.pause_refused => {
                Err(UpstreamError::RefusesUs { retry_after_s })
            }
            (None, retry_after_s) => Err(UpstreamError::Busy { retry_after_s }),
        }
    }

    /// Why it is closed.
    pub fn closed(&self) -> Option<ClosedWay> {
        self.lock().row.closed.clone()
    }

    /// How the books have it, and, if this process knows more, what is to be written there.
    pub fn to_write(&self) -> (i64, Option<WayRow>) {
        let state = self.lock();
        (state.row.number, state.changed.then(|| state.row.clone()))
    }

    /// The books have it now, under this number.
    pub fn written(&self, row: &WayRow, number: i64) {
        let mut state = self.lock();
        state.row.number = number;
        state.changed =
            (&state.row.closed, state.row.pause_until) != (&row.closed, row.pause_until);
    }

    /// Somebody else changed it.
    pub fn adopt(&self, row: WayRow) {
        let mut state = self.lock();
        if state.row.closed.is_some() != row.closed.is_some() {
            state.turned();
        }
        (state.row, state.changed) = (row, false);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn close(&mut self, detail: String, now: UnixMs) {
        if self.row.closed.is_some() {
            return;
        }
        tracing::error!(detail, "upstream.refuses_us");
        self.row.closed = Some(ClosedWay { detail, since: now });
        self.changed = true;
        self.turned();
    }

    fn open(&mut self, because: &'static str) {
        tracing::warn!(because, "upstream.open_again");
        self.row.closed = None;
        self.changed = true;
        self.turned();
    }

    fn turned(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
        self.strangers.clear();
        self.health_knows = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(payer: &str) -> Evidence {
        Evidence::Stranger { payer: payer.to_owned(), what: String::from("a page") }
    }

    fn at(ms: i64) -> UnixMs {
        UnixMs::new(1_000_000 + ms)
    }

    #[test]
    fn one_refusal_of_our_key_closes_and_only_what_was_sent_later_opens() {
        let way = Way::default();
        let before = way.epoch();
        way.heard(before, Evidence::KeyRefused(401), at(0));
        assert_eq!(
            (way.now(at(1)), way.gate(at(1))),
            (UpstreamWay::Closed, Err(UpstreamError::RefusesUs { retry_after_s: 30 }))
        );
        way.heard(before, Evidence::Well, at(1));
        assert_eq!(way.now(at(2)), UpstreamWay::Closed, "it was sent before the key was refused");
        way.heard(way.epoch(), Evidence::Nothing, at(2));
        assert_eq!(way.now(at(2)), UpstreamWay::Closed);
        way.heard(way.epoch(), Evidence::Well, at(3));
        assert_eq!((way.now(at(3)), way.gate(at(3))), (UpstreamWay::Open, Ok(())));
    }

    #[test]
    fn strangers_close_it_for_three_payers_within_a_minute_and_no_success_between() {
        let way = Way::default();
        let hear = |evidence, ms| way.heard(way.epoch(), evidence, at(ms));
        for (payer, ms) in [("a", 0), ("b", 1), ("a", 2), ("b", 3)] {
            hear(stranger(payer), ms);
        }
        assert_eq!(way.now(at(3)), UpstreamWay::Open, "two payers, however often");
        hear(Evidence::Well, 4);
        hear(stranger("c"), 5);
        hear(stranger("d"), 6);
        hear(stranger("e"), 60_005);
        assert_eq!(way.now(at(60_005)), UpstreamWay::Open, "the first of them is a minute old");
        hear(stranger("f"), 60_005);
        assert_eq!(way.now(at(60_005)), UpstreamWay::Closed);
    }

    #[test]
    fn a_pause_ends_by_itself_and_the_longest_counts() {
        let way = Way::default();
        way.pause(Some(7), true, at(0));
        way.pause(Some(2), false, at(0));
        assert_eq!(
            (way.now(at(6_999)), way.gate(at(0))),
            (UpstreamWay::Until(at(7_000)), Err(UpstreamError::RefusesUs { retry_after_s: 7 }))
        );
        assert_eq!((way.now(at(7_000)), way.gate(at(7_000))), (UpstreamWay::Open, Ok(())));
        way.pause(Some(u64::MAX), false, at(7_000));
        assert_eq!(way.gate(at(7_000)), Err(UpstreamError::Busy { retry_after_s: MAX_PAUSE_S }));
    }

    #[test]
    fn health_opens_it_only_where_it_was_seen_to_refuse_us_too() {
        let way = Way::default();
        way.heard(way.epoch(), Evidence::KeyRefused(402), at(0));
        way.health(true, false);
        assert_eq!(way.now(at(1)), UpstreamWay::Closed, "it says so to anybody");
        way.health(false, true);
        way.health(true, false);
        assert_eq!(way.now(at(1)), UpstreamWay::Open);
    }
}
