//! The upstream's list of what was created through us (`contracts/launch-core.yaml`).

use http::StatusCode;
use payments::ports::{Creation, Creations, UpstreamError};
use serde::Deserialize;
use serde_json::Value;

use super::Forwarder;

/// Creations per page.
const LIMIT: u32 = 500;

#[derive(Deserialize)]
struct Page {
    data: Vec<Item>,
    next: Option<Value>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "id")]
    launch_id: String,
    idempotency_key: String,
    deleted_at: Option<Value>,
}

impl Forwarder {
    /// Beside the breaker, which is there for payments: a list that fails must not close the way
    /// for them.
    pub(super) async fn listed(&self, after: &str) -> Result<Creations, UpstreamError> {
        let Some(path) = &self.profile.idempotency.list else { return Ok(Creations::NotOffered) };
        let unreadable =
            |why: &str| UpstreamError::Unreachable(format!("its list of creations {why}"));
        // What goes into the address is what the upstream gave us.
        if !after.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            return Err(unreadable("goes on at a place that cannot be named"));
        }
        let place = if after.is_empty() { String::new() } else { format!("&after={after}") };
        let request = self.own_request(&format!("{path}?limit={LIMIT}{place}"))?;
        let answer = self.transport.call(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(unreadable(&format!("answers {}", answer.status().as_u16())));
        }
        let page: Page =
            serde_json::from_slice(answer.body()).map_err(|_| unreadable("cannot be read"))?;
        let next = match page.next {
            None | Some(Value::Null) => None,
            Some(Value::String(next)) => Some(next),
            Some(Value::Number(next)) => Some(next.to_string()),
            Some(_) => return Err(unreadable("names no next place")),
        };
        let one = |item: Item| Creation {
            core_key: item.idempotency_key,
            launch_id: item.launch_id,
            deleted: item.deleted_at.is_some_and(|at| !at.is_null()),
        };
        Ok(Creations::Page { items: page.data.into_iter().map(one).collect(), next })
    }
}
