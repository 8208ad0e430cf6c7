//! Tokens that the API does not know: it is not asked again about the same one at once.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use payments::{charge::PaymentToken, time::UnixMs};

/// How long an answer stands, in milliseconds.
const STANDS_MS: i64 = 600_000;
/// More are not remembered.
const MOST: usize = 10_000;

/// The newest of them, by their hash.
#[derive(Default)]
pub(super) struct RefusedTokens(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    until: HashMap<[u8; 32], UnixMs>,
    oldest_first: VecDeque<[u8; 32]>,
}

// === impl RefusedTokens ===

impl RefusedTokens {
    /// Whether the API said so a short while ago.
    pub(super) fn contain(&self, token: &PaymentToken, now: UnixMs) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.until.get(token.sha256().as_bytes()).is_some_and(|until| now < *until)
    }

    /// The API says so now.
    pub(super) fn note(&self, token: &PaymentToken, now: UnixMs) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = *token.sha256().as_bytes();
        if kept.until.insert(hash, now.plus_ms(STANDS_MS)).is_none() {
            kept.oldest_first.push_back(hash);
        }
        if kept.oldest_first.len() > MOST
            && let Some(oldest) = kept.oldest_first.pop_front()
        {
            kept.until.remove(&oldest);
        }
    }
}
