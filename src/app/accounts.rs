//! Which official accounts are connected: the valid values of `dropspace_platforms`, checked before
//! any money.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use launch_core::rules::{
    create,
    platforms::{Connected, Platform},
    refusal::Refusal,
};
use payments::{
    checkout::{Admission, ForwardRequest, World},
    route::Access,
    time::UnixMs,
};
use serde_json::Value;

use crate::{
    gateway::{BodyFinding, BodyRefusal, BodyRules},
    upstream::profile::{Profile, Route},
    worker::rounds::Housekeeping,
};

/// How old the list may be.
const REFRESH_MS: i64 = 60_000;
/// How long after a failure it is asked for again; twice as long after each further one, until the
/// list would be asked for anyway.
const RETRY_MS: i64 = 2_000;
/// The route that answers it.
const ROUTE: &str = "GET /dropspace/status";

/// The connected accounts as the upstream last told them.
#[derive(Clone)]
pub struct Accounts {
    world: World,
    /// The profile has the product's own rules, and the route that tells the accounts.
    asks: bool,
    known: Arc<RwLock<Known>>,
}

struct Known {
    platforms: Option<Connected>,
    ask_at: UnixMs,
    /// In a row.
    failures: u32,
}

// === impl Accounts ===

impl Accounts {
    /// Nothing is known until the first turn, and of an upstream of another kind nothing is ever
    /// asked.
    fn new(world: World, profile: &Profile) -> Self {
        let asks = has_rules(profile)
            && profile
                .route(ROUTE)
                .and_then(Route::upstream)
                .is_some_and(|route| route.access == Access::Open);
        let known = Known { platforms: None, ask_at: UnixMs::new(0), failures: 0 };
        Self { world, asks, known: Arc::new(RwLock::new(known)) }
    }

    /// The same, after the first turn.
    pub async fn begin(world: World, profile: &Profile) -> Self {
        let accounts = Self::new(world, profile);
        accounts.turn().await;
        accounts
    }

    /// The product's own rules for the body of a creation, with which the core would refuse it.
    pub fn check(&self, body: &Value, now_unix_s: i64) -> Result<(), Box<BodyRefusal>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let nobody = Connected::new([]);
        let connected = known.platforms.as_ref().unwrap_or(&nobody);
        let asks = body
            .get("dropspace_platforms")
            .and_then(Value::as_array)
            .is_some_and(|asked| !asked.is_empty());
        if known.platforms.is_none() && asks {
            return Err(Box::new(unknown()));
        }
        create::parse(body, connected, now_unix_s.saturating_mul(1000))
            .map(drop)
            .map_err(|refusal| Box::new(refused(refusal)))
    }

    async fn ask(&self) -> Option<Connected> {
        let request = ForwardRequest {
            method: String::from("GET"),
            route: String::from(ROUTE),
            path_and_query: String::from("/dropspace/status"),
            body: Bytes::new(),
            content_type: None,
            request_id: String::from("accounts"),
        };
        let admission = Admission::for_anyone(&Access::Open, request)?;
        let answer = self
            .world
            .upstream
            .forward(admission)
            .await
            .ok()
            .filter(|answer| answer.status == 200)?;
        let body: Value = serde_json::from_slice(&answer.body).ok()?;
        let platforms = body.pointer("/data/connected_platforms")?.as_array()?;
        Some(Connected::new(
            platforms.iter().filter_map(Value::as_str).filter_map(Platform::from_id),
        ))
    }
}

#[async_trait]
impl Housekeeping for Accounts {
    async fn turn(&self) {
        let now = self.world.clock.now();
        if !self.asks || self.known.read().unwrap_or_else(PoisonError::into_inner).ask_at > now {
            return;
        }
        let platforms = self.ask().await;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.failures = if platforms.is_some() { 0 } else { known.failures.saturating_add(1) };
        known.ask_at = now.plus_ms(wait_ms(known.failures));
        // An old list is better than none: the core refuses what is no longer connected.
        known.platforms = platforms.or(known.platforms.take());
    }
}

/// The check of a body that the product's own rules hold for: that of a new launch.
pub(super) fn body_rules(profile: &Profile, accounts: Accounts) -> BodyRules {
    let has_rules = has_rules(profile);
    Box::new(move |route, body, now_unix_s| {
        if has_rules && route == "POST /launches" {
            accounts.check(body, now_unix_s)
        } else {
            Ok(())
        }
    })
}

/// Whether bodies are checked by the product's own rules.
pub(super) fn has_rules(profile: &Profile) -> bool {
    profile.name == "dropspace"
}

/// Until the next question, after so many failures in a row.
fn wait_ms(failures: u32) -> i64 {
    match failures {
        0 => REFRESH_MS,
        // Six times the double is more than the longest of them.
        _ => (RETRY_MS << (failures.min(6) - 1)).min(REFRESH_MS),
    }
}

fn refused(refusal: Refusal) -> BodyRefusal {
    let text = |text: Option<Box<str>>| text.map(String::from).unwrap_or_default();
    let details = refusal.details.into_iter().map(|finding| BodyFinding {
        field: finding.field,
        message: finding.message,
        expected: finding.expected.unwrap_or_default(),
        got: finding.got.unwrap_or_default(),
    });
    BodyRefusal {
        status: refusal.status,
        code: refusal.code.to_owned(),
        message: refusal.message,
        details: details.collect(),
        field: text(refusal.field),
        expected: text(refusal.expected),
        got: text(refusal.got),
    }
}

fn unknown() -> BodyRefusal {
    BodyRefusal {
        status: 503,
        code: String::from("SERVER_001"),
        message: String::from(
            "the connected accounts are not known right now; nothing was charged",
        ),
        details: Vec::new(),
        field: String::from("dropspace_platforms"),
        expected: String::from("a later try"),
        got: String::from("dropspace_platforms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_asked_about_less_and_less_often() {
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 6, 7, 40, 70, u32::MAX].map(wait_ms),
            [60_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000, 60_000]
        );
    }
}
