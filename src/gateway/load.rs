//! How much this process takes on at the same time. What is too much is refused before anything is
//! claimed.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::GatewayError;

/// The unit in which bodies are counted.
const BODY_UNIT_BYTES: usize = 1024;

/// The numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadLimits {
    /// Requests that are answered at the same time.
    pub requests: usize,
    /// Intents without a final outcome that this process drives.
    pub intents: usize,
    /// Bytes of all bodies that are held at the same time.
    pub body_bytes: usize,
}

/// What is taken on now.
pub struct Load {
    requests: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    intents: usize,
}

/// One request's part of the memory for bodies; given back when it is dropped.
pub struct BodyShare {
    bodies: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

// === impl Load ===

impl Load {
    /// Nothing is open.
    pub fn new(limits: LoadLimits) -> Self {
        let semaphore =
            |places: usize| Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Self {
            requests: semaphore(limits.requests),
            bodies: semaphore(limits.body_bytes / BODY_UNIT_BYTES),
            intents: limits.intents,
        }
    }

    /// A place for one request whose body is there.
    ///
    /// # Errors
    /// [`GatewayError::Overloaded`].
    pub fn request(&self) -> Result<OwnedSemaphorePermit, GatewayError> {
        Arc::clone(&self.requests).try_acquire_owned().map_err(|_| GatewayError::Overloaded)
    }

    /// A share of the memory for bodies, empty at first.
    pub fn body(&self) -> BodyShare {
        BodyShare { bodies: Arc::clone(&self.bodies), held: None, bytes: 0 }
    }

    /// Whether one more creation may be begun, beside those that are driven.
    ///
    /// # Errors
    /// [`GatewayError::TooManyOpenPayments`].
    pub fn creation(&self, driven: usize) -> Result<(), GatewayError> {
        if driven < self.intents { Ok(()) } else { Err(GatewayError::TooManyOpenPayments) }
    }
}

// === impl BodyShare ===

impl BodyShare {
    /// Makes room for so many more bytes.
    ///
    /// # Errors
    /// [`GatewayError::Overloaded`] when all bodies together are too large.
    pub fn grow(&mut self, bytes: usize) -> Result<(), GatewayError> {
        let units = |bytes: usize| bytes.div_ceil(BODY_UNIT_BYTES);
        let more = units(self.bytes + bytes) - units(self.bytes);
        self.bytes += bytes;
        if more == 0 {
            return Ok(());
        }
        let count = u32::try_from(more).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.bodies)
            .try_acquire_many_owned(count)
            .map_err(|_| GatewayError::Overloaded)?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn load(requests: usize, body_bytes: usize) -> Load {
        Load::new(LoadLimits { requests, intents: 2, body_bytes })
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let load = load(1, 4096);
        let place = load.request().ok().unwrap();
        assert!(load.request().is_err());
        drop(place);
        assert!(load.request().is_ok());
        assert!(load.creation(1).is_ok());
        assert!(load.creation(2).is_err());
    }

    #[test]
    fn bodies_share_one_memory_by_what_has_arrived() {
        let load = load(9, 4096);
        let (mut one, mut two) = (load.body(), load.body());
        for _ in 0..3072 {
            assert!(one.grow(1).is_ok());
        }
        assert!(two.grow(1024).is_ok());
        assert!(two.grow(1).is_err());
        drop(one);
        assert!(load.body().grow(3072).is_ok());
    }
}
