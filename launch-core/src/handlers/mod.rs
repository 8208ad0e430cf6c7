//! One file per kind of request.

pub(super) mod create;
pub(super) mod edit;
pub(super) mod gateway;
pub(super) mod publish;
pub(super) mod read;

use serde_json::Value;
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::answer::Failure;
use super::auth::Caller;
use super::rules::launch::Launch;
use super::rules::refusal::{Refusal, Violation, WHOLE};
use super::store::launches;

/// The caller's own launch; another agent's is as unknown as one that never was.
async fn own(conn: &mut SqliteConnection, caller: &Caller, id: &str) -> Result<Launch, Failure> {
    let id = Uuid::try_parse(id).map_err(|_| Failure::LaunchNotFound)?;
    launches::find(conn, &caller.agent, id).await?.ok_or(Failure::LaunchNotFound)
}

fn json_body(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        // The parser's text names line and column, never what the body says.
        let message = format!("the body is not valid JSON: {error}");
        Refusal::one(Violation::invalid(WHOLE, message).expected("a JSON object")).into()
    })
}
