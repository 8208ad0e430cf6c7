//! The way to the upstream, opened by hand.

use payments::ports::{WayRow, desk::NewAction};
use serde_json::{Value, json};

use super::{Desk, Refusal, fields::Change};

/// How the list of actions names it.
pub const ACTION: &str = "upstream.open";
/// What it is about.
pub const SUBJECT: &str = "upstream";

/// Opens it, whatever closed it: the next call is charged again. It closes again at the next
/// refusal.
pub(in crate::operator) async fn open(desk: &Desk, change: &Change) -> Result<Value, Refusal> {
    let (reason, via, at) = (change.reason.clone(), change.via, desk.clock.now());
    let action = NewAction { at, action: ACTION, subject: SUBJECT.to_owned(), reason, via };
    let was = desk.way.open_way(&action, change.dry_run).await?;
    let was =
        was.ok_or_else(|| Refusal::conflict(String::from("the way to the upstream is open")))?;
    Ok(json!({"was": shown(&was), "reason": change.reason, "dry_run": change.dry_run}))
}

/// How it stands.
pub fn shown(way: &WayRow) -> Value {
    json!({
        "closed": way.closed.is_some(),
        "detail": way.closed.as_ref().map(|closed| closed.detail.as_str()),
        "since": way.closed.as_ref().map(|closed| closed.since.rfc3339()),
        "paused_until": way.pause_until.map(|until| until.rfc3339()),
    })
}
