//! The launches and answers of the core.

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use serde_json::{Value, json};

use super::{
    super::{
        moment::random_bytes,
        server::{Answer, json as answer},
    },
    Seen,
};

pub(super) fn owner(seen: &Seen) -> String {
    let agent = seen.values("x-turnpike-agent");
    agent.first().copied().unwrap_or_default().to_owned()
}

pub(super) fn new_launch(seen: &Seen) -> Value {
    let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    let digits = hex::encode(random_bytes::<16>());
    let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    json!({
        "id": groups.join("-"), "name": body["title"], "status": "draft", "platforms": body["platforms"],
        "scheduled_date": null, "created_at": "2026-03-25T12:00:00Z", "updated_at": "2026-03-25T12:00:00Z",
    })
}

/// 201 with a body of any type.
pub(super) fn typed(content_type: &str, body: String) -> Answer {
    Ok(Response::builder()
        .status(201)
        .header("content-type", content_type)
        .body(Full::new(Bytes::from(body)))
        .unwrap())
}

pub(super) fn error(status: u16, code: &str, message: &str) -> Answer {
    answer(status, &json!({"error": {"code": code, "message": message}}))
}
