//! One budget for all agents together, and a breaker: asked before anything is claimed, so that
//! nobody pays for a call that cannot be made.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use payments::{ids::PaymentId, ports::UpstreamError, time::UnixMs};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::units::Units;

/// Failures in a row that open the breaker.
const FAILURES_TO_OPEN: u32 = 5;
/// How long an open breaker turns requests away before it lets one try.
const OPEN_MS: i64 = 5_000;
/// How long a funded call waits for a place before it counts as not answered.
const PLACE_WAIT: Duration = Duration::from_secs(30);

/// What the upstream bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Calls per minute of all agents together; none is no limit.
    pub per_minute: Option<NonZeroU32>,
    /// Calls at the same time.
    pub concurrent: usize,
}

pub(super) struct Breaker {
    units: Option<Units>,
    places: Arc<Semaphore>,
    health: Arc<Mutex<Health>>,
}

#[derive(Default)]
struct Health {
    failures: u32,
    open_until: Option<UnixMs>,
}

/// A place for one call.
pub(super) struct CallPermit {
    _place: OwnedSemaphorePermit,
    health: Arc<Mutex<Health>>,
}

// === impl Breaker ===

impl Breaker {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            units: budget.per_minute.map(Units::new),
            places: Arc::new(Semaphore::new(budget.concurrent)),
            health: Arc::default(),
        }
    }

    /// Whether a creation may be taken on now. It takes nothing of the budget.
    pub(super) fn gate(&self, now: UnixMs) -> Result<(), UpstreamError> {
        let open_until = self.health.lock().unwrap_or_else(PoisonError::into_inner).open_until;
        if let Some(until) = open_until.filter(|until| *until > now) {
            let ms = until.ms().saturating_sub(now.ms());
            return Err(UpstreamError::Busy {
                retry_after_s: u64::try_from(ms / 1000).unwrap_or(0) + 1,
            });
        }
        self.units.as_ref().map_or(Ok(()), |units| units.look(now)).map_err(busy)
    }

    /// Takes a unit of the budget for this payment's creation.
    pub(super) fn take_unit(&self, payment: PaymentId, now: UnixMs) -> Result<(), UpstreamError> {
        self.units
            .as_ref()
            .map_or(Ok(()), |units| units.take(&payment.to_string(), now))
            .map_err(busy)
    }

    /// Nothing was sent for the payment, and nothing will be.
    pub(super) fn give_unit_back(&self, payment: PaymentId) {
        if let Some(units) = &self.units {
            units.give_back(&payment.to_string());
        }
    }

    /// The creation with this key leaves.
    pub(super) fn unit_used(&self, core_key: Option<&str>) {
        if let (Some(units), Some(core_key)) = (&self.units, core_key) {
            units.used(core_key);
        }
    }

    pub(super) async fn permit(&self) -> Result<CallPermit, UpstreamError> {
        let waited =
            tokio::time::timeout(PLACE_WAIT, Arc::clone(&self.places).acquire_owned()).await;
        match waited {
            Ok(Ok(place)) => Ok(CallPermit { _place: place, health: Arc::clone(&self.health) }),
            Ok(Err(_)) | Err(_) => Err(UpstreamError::Busy { retry_after_s: PLACE_WAIT.as_secs() }),
        }
    }
}

fn busy(retry_after_s: u64) -> UpstreamError {
    UpstreamError::Busy { retry_after_s }
}

// === impl CallPermit ===

impl CallPermit {
    /// What the call says about the upstream's health.
    pub(super) fn report(self, now: UnixMs, well: bool) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if well {
            *health = Health::default();
            return;
        }
        health.failures = health.failures.saturating_add(1);
        if health.failures >= FAILURES_TO_OPEN {
            health.open_until = Some(now.plus_ms(OPEN_MS));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn failures_in_a_row_close_the_gate_and_one_success_opens_it() {
        let breaker = Breaker::new(Budget { per_minute: None, concurrent: 2 });
        let now = UnixMs::new(0);
        for _ in 0..FAILURES_TO_OPEN {
            assert_eq!(breaker.gate(now), Ok(()));
            breaker.permit().await.unwrap().report(now, false);
        }
        assert_eq!(breaker.gate(now), Err(UpstreamError::Busy { retry_after_s: 6 }));
        let later = now.plus_ms(OPEN_MS);
        assert_eq!(breaker.gate(later), Ok(()), "one may try");
        breaker.permit().await.unwrap().report(later, true);
        assert_eq!(breaker.gate(later), Ok(()));
    }

    #[tokio::test]
    async fn the_budget_is_one_for_all() {
        let breaker = Breaker::new(Budget { per_minute: NonZeroU32::new(2), concurrent: 2 });
        let now = UnixMs::new(0);
        let id = |number| testkit::clock::numbered_id(number);
        for number in 1..=2 {
            assert_eq!(
                (breaker.gate(now), breaker.gate(now)),
                (Ok(()), Ok(())),
                "a look takes nothing"
            );
            assert_eq!(breaker.take_unit(id(number), now), Ok(()));
        }
        let none = Err(UpstreamError::Busy { retry_after_s: 30 });
        assert_eq!((breaker.gate(now), breaker.take_unit(id(3), now)), (none.clone(), none));
        breaker.unit_used(Some(&id(1).to_string()));
        breaker.give_unit_back(id(1));
        breaker.give_unit_back(id(2));
        assert_eq!(breaker.take_unit(id(3), now), Ok(()));
        assert!(breaker.take_unit(id(4), now).is_err());
    }
}
