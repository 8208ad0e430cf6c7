//! Charges that were built here and not sent yet: nobody can have spent their token by an earlier
//! try.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use payments::ids::PaymentId;

/// More are not remembered: a forgotten one costs a list.
const MOST: usize = 4_096;

/// The newest of them.
#[derive(Default)]
pub(super) struct Unsent(Mutex<VecDeque<PaymentId>>);

// === impl Unsent ===

impl Unsent {
    /// A charge was built.
    pub(super) fn built(&self, intent: PaymentId) {
        let mut built = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if built.len() == MOST {
            built.pop_front();
        }
        built.push_back(intent);
    }

    /// Whether it is sent for the first time now.
    pub(super) fn is_first(&self, intent: PaymentId) -> bool {
        let mut built = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = built.iter().position(|it| *it == intent);
        at.is_some_and(|at| built.remove(at).is_some())
    }
}
