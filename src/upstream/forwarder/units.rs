//! The upstream's budget over time: units that come back one by one. A payment takes one with its
//! claim, and gives it back if nothing is sent for it, so that requests that come to nothing take
//! nothing from those that pay.

use std::{
    collections::HashSet,
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
};

use payments::time::UnixMs;

/// A minute in microseconds.
const MINUTE_US: i64 = 60_000_000;

/// The units of one process.
pub(super) struct Units {
    /// Between two units that come back.
    every_us: i64,
    state: Mutex<State>,
}

struct State {
    /// When all of them are back.
    whole_at_us: i64,
    /// Payments that took one, and for which nothing was sent yet.
    held: HashSet<String>,
}

// === impl Units ===

impl Units {
    pub(super) fn new(per_minute: NonZeroU32) -> Self {
        let every_us = (MINUTE_US / i64::from(per_minute.get())).max(1);
        Self { every_us, state: Mutex::new(State { whole_at_us: 0, held: HashSet::new() }) }
    }

    /// Whether there is one.
    ///
    /// # Errors
    /// The seconds until one is back.
    pub(super) fn look(&self, now: UnixMs) -> Result<(), u64> {
        self.after_one(&self.lock(), now).map(drop)
    }

    /// Takes one for this payment.
    ///
    /// # Errors
    /// The seconds until one is back.
    pub(super) fn take(&self, payment: &str, now: UnixMs) -> Result<(), u64> {
        let mut state = self.lock();
        if state.held.contains(payment) {
            return Ok(());
        }
        state.whole_at_us = self.after_one(&state, now)?;
        state.held.insert(payment.to_owned());
        Ok(())
    }

    /// The creation of this payment leaves: its unit is used.
    pub(super) fn used(&self, payment: &str) {
        self.lock().held.remove(payment);
    }

    /// Gives back what this payment took and did not use.
    pub(super) fn give_back(&self, payment: &str) {
        let mut state = self.lock();
        if state.held.remove(payment) {
            state.whole_at_us = state.whole_at_us.saturating_sub(self.every_us);
        }
    }

    /// When all would be back, were one more taken now. A clock that went backwards leaves at most
    /// none of them.
    fn after_one(&self, state: &State, now: UnixMs) -> Result<i64, u64> {
        let now_us = now.ms().saturating_mul(1_000);
        let full = now_us.saturating_add(MINUTE_US);
        let after = state.whole_at_us.clamp(now_us, full).saturating_add(self.every_us);
        let missing_us = after.saturating_sub(full);
        if missing_us <= 0 {
            Ok(after)
        } else {
            Err(u64::try_from(missing_us).unwrap_or(0).div_ceil(1_000_000))
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn two() -> Units {
        Units::new(NonZeroU32::new(2).unwrap())
    }

    #[test]
    fn what_is_given_back_is_there_for_another_and_what_was_used_is_not() {
        let (units, now) = (two(), UnixMs::new(1_000_000));
        units.take("a", now).unwrap();
        units.take("b", now).unwrap();
        assert_eq!(units.take("a", now), Ok(()), "it has one");
        assert_eq!((units.look(now), units.take("c", now)), (Err(30), Err(30)));
        units.give_back("a");
        units.give_back("a");
        units.take("c", now).unwrap();
        units.used("c");
        units.give_back("c");
        assert_eq!(units.take("d", now), Err(30));
        assert_eq!(units.take("d", now.plus_ms(29_999)), Err(1));
        units.take("d", now.plus_ms(30_000)).unwrap();
    }

    #[test]
    fn a_clock_that_is_set_back_closes_nothing_for_long() {
        let (units, now) = (two(), UnixMs::new(100_000_000));
        units.take("a", now).unwrap();
        let before = now.plus_ms(-50_000_000);
        assert_eq!(units.look(before), Err(30));
        units.take("b", before.plus_ms(60_000)).unwrap_err();
        assert_eq!(units.look(now.plus_ms(60_000)), Ok(()));
    }
}
