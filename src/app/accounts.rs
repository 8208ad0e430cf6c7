//! Which official accounts are connected: the valid values of `dropspace_platforms`, checked before any money.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use payments::{
    checkout::{Admission, ForwardRequest, World},
    time::UnixMs,
};
use serde_json::Value;

use crate::{
    api::{BodyFinding, BodyRefusal},
    upstream::launch_core::rules::{
        create,
        platforms::{Connected, Platform},
        refusal::Refusal,
    },
    worker::rounds::Housekeeping,
};

/// How old the list may be.
const REFRESH_MS: i64 = 60_000;
/// How long after a failure it is asked for again.
const RETRY_MS: i64 = 2_000;

/// The connected accounts as the upstream last told them.
#[derive(Clone)]
pub struct Accounts {
    world: World,
    known: Arc<RwLock<Known>>,
}

struct Known {
    platforms: Option<Connected>,
    ask_at: UnixMs,
}

// === impl Accounts ===

impl Accounts {
    /// After its first turn: nothing is known before it.
    pub async fn begin(world: World) -> Self {
        let known = Known { platforms: None, ask_at: UnixMs::new(0) };
        let accounts = Self { world, known: Arc::new(RwLock::new(known)) };
        accounts.turn().await;
        accounts
    }

    /// The product's own rules for the body of a creation, with which the core would refuse it.
    pub fn check(&self, body: &Value, now_unix_s: i64) -> Result<(), Box<BodyRefusal>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let nobody = Connected::new([]);
        let connected = known.platforms.as_ref().unwrap_or(&nobody);
        let asks = body.get("dropspace_platforms").and_then(Value::as_array).is_some_and(|asked| !asked.is_empty());
        if known.platforms.is_none() && asks {
            return Err(Box::new(unknown()));
        }
        create::parse(body, connected, now_unix_s.saturating_mul(1000)).map(drop).map_err(|refusal| Box::new(refused(refusal)))
    }

    async fn ask(&self) -> Option<Connected> {
        let request = ForwardRequest {
            method: String::from("GET"),
            route: String::from("GET /dropspace/status"),
            path_and_query: String::from("/dropspace/status"),
            body: Bytes::new(),
            content_type: None,
            request_id: String::from("accounts"),
        };
        let answer = self.world.upstream.forward(Admission::for_anyone(request)).await.ok().filter(|answer| answer.status == 200)?;
        let body: Value = serde_json::from_slice(&answer.body).ok()?;
        let platforms = body.pointer("/data/connected_platforms")?.as_array()?;
        Some(Connected::new(platforms.iter().filter_map(Value::as_str).filter_map(Platform::from_id)))
    }
}

#[async_trait]
impl Housekeeping for Accounts {
    async fn turn(&self) {
        let now = self.world.clock.now();
        if self.known.read().unwrap_or_else(PoisonError::into_inner).ask_at > now {
            return;
        }
        let platforms = self.ask().await;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.ask_at = now.plus_ms(if platforms.is_some() { REFRESH_MS } else { RETRY_MS });
        // An old list is better than none: the core refuses what is no longer connected.
        known.platforms = platforms.or(known.platforms.take());
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
        message: String::from("the connected accounts are not known right now; nothing was charged"),
        details: Vec::new(),
        field: String::from("dropspace_platforms"),
        expected: String::from("a later try"),
        got: String::from("dropspace_platforms"),
    }
}
