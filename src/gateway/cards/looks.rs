//! What one peer may cost at the card processor: tokens that it does not take are counted, and a
//! peer with many of them waits.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use payments::time::UnixMs;

use super::super::error::RateLimited;

/// Counts, for the minute that is running.
pub struct Looks {
    per_minute: u32,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    minute: i64,
    peers: HashMap<IpAddr, u32>,
}

/// One place of a peer. It is given back for a token that the processor takes.
pub struct Look<'a> {
    looks: &'a Looks,
    peer: IpAddr,
    minute: i64,
}

// === impl Looks ===

impl Looks {
    /// So many refused tokens of one peer in a minute.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, counted: Mutex::default() }
    }

    /// Takes a place, before the processor is asked.
    ///
    /// # Errors
    /// [`RateLimited`] where there is none.
    pub fn take(&self, peer: IpAddr, now: UnixMs) -> Result<Look<'_>, RateLimited> {
        let minute = now.unix_s().div_euclid(60);
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.minute != minute {
            *counted = Counted { minute, peers: HashMap::new() };
        }
        let count = counted.peers.entry(peer).or_default();
        if *count >= self.per_minute {
            let left_s = 60 - now.unix_s().rem_euclid(60);
            let wait_ms = u64::try_from(left_s).unwrap_or(60).saturating_mul(1_000);
            return Err(RateLimited { limit: self.per_minute, wait_ms, agent: None });
        }
        *count += 1;
        Ok(Look { looks: self, peer, minute })
    }
}

// === impl Look ===

impl Look<'_> {
    /// The token is taken: it counts nowhere.
    pub fn give_back(self) {
        let mut counted = self.looks.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.minute == self.minute
            && let Some(count) = counted.peers.get_mut(&self.peer)
        {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn refused_tokens_of_one_peer_are_counted_by_the_minute() {
        let looks = Looks::new(2);
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let at = UnixMs::from_s(600);
        for _ in 0..5 {
            looks.take(one, at).unwrap().give_back();
        }
        assert!(looks.take(one, at).is_ok() && looks.take(one, at).is_ok());
        assert!(looks.take(one, at).is_err() && looks.take(other, at).is_ok());
        assert!(looks.take(one, at.plus_s(60)).is_ok());
    }
}
