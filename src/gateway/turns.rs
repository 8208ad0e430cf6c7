//! Copies of one proof that arrive at once take turns until the first has its claim: the others
//! then find it known, and cost the agent's bucket and the chain's node nothing. The books' key
//! decides in any case; this saves work and keeps copies from emptying a bucket.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use payments::proof::ProofKey;
use tokio::sync::OwnedMutexGuard;

/// Who is at work on which proof.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<ProofKey, Arc<tokio::sync::Mutex<()>>>>);

/// A turn; the next copy goes on when it ends.
pub struct Turn<'a> {
    turns: &'a Turns,
    key: Option<ProofKey>,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for the turn of this proof.
    pub async fn take(&self, key: ProofKey) -> Turn<'_> {
        let own = Arc::clone(self.lock().entry(key).or_default());
        let held = own.lock_owned().await;
        Turn { turns: self, key: Some(key), held: Some(held) }
    }

    /// For a request without a proof of its own: it waits for nobody.
    pub fn none(&self) -> Turn<'_> {
        Turn { turns: self, key: None, held: None }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ProofKey, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.held = None;
        let Some(key) = self.key else { return };
        let mut turns = self.turns.lock();
        // The map's own is the only one left: nobody waits.
        if turns.get(&key).is_some_and(|own| Arc::strong_count(own) == 1) {
            turns.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payments::{agent::Wallet, proof::PaymentKey};

    #[tokio::test]
    async fn one_proof_waits_for_its_turn_and_another_does_not() {
        let turns = Turns::default();
        let key = |n| {
            ProofKey::Authorization(PaymentKey {
                chain_id: 1,
                token: Wallet::new([0; 20]),
                from: Wallet::new([1; 20]),
                nonce: [n; 32],
            })
        };
        let first = turns.take(key(1)).await;
        let other = turns.take(key(2)).await;
        let mut second = Box::pin(turns.take(key(1)));
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        drop(second.await);
        drop(other);
        assert!(turns.lock().is_empty());
    }

    #[tokio::test]
    async fn a_copy_that_goes_away_while_it_waits_leaves_nothing_behind() {
        let turns = Turns::default();
        let key = ProofKey::Authorization(PaymentKey {
            chain_id: 1,
            token: Wallet::new([0; 20]),
            from: Wallet::new([1; 20]),
            nonce: [1; 32],
        });
        let first = turns.take(key).await;
        let mut second = Box::pin(turns.take(key));
        assert!(futures::poll!(&mut second).is_pending());
        drop(second);
        drop(first);
        assert!(turns.lock().is_empty());
    }
}
