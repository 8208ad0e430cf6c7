//! What a request is answered with, before a door writes it in its own form.

use bytes::Bytes;
use payments::intent::StoredAnswer;
use serde_json::Value;

use super::attendance::Attendance;

/// Longest code of the upstream that is noted.
const MAX_CODE_CHARS: usize = 64;

/// An answer: the upstream's, or one of the gateway's own.
pub struct GatewayReply {
    /// The kept status of the upstream; 200 for the gateway's own answers.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
    /// Who waits for it, where its delivery is noted.
    pub attendance: Option<Attendance>,
    /// The upstream's own code, where it refused the call; empty where it named none.
    pub refused_code: Option<String>,
    members: Vec<(String, String)>,
}

// === impl GatewayReply ===

impl GatewayReply {
    /// What the upstream answered.
    pub fn of_upstream(stored: &StoredAnswer) -> Self {
        let (status, body) = (stored.status, stored.body.clone());
        let refused_code = (status >= 400).then(|| code_of(&body));
        let mut reply = Self { status, body, attendance: None, refused_code, members: Vec::new() };
        for (name, value) in &stored.headers {
            reply.set(name, value);
        }
        reply
    }

    /// One of the gateway's own answers. It costs nothing.
    pub fn free_of_charge(body: &Value) -> Self {
        let body = Bytes::from(body.to_string());
        let mut reply =
            Self { status: 200, body, attendance: None, refused_code: None, members: Vec::new() };
        reply.set("content-type", "application/json");
        reply.set("x-charge", "none; reason=free_route");
        reply
    }

    /// Says `value` under `name`, in the place of what was said there.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.members.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, known)) => value.clone_into(known),
            None => self.members.push((name.to_owned(), value.to_owned())),
        }
    }

    /// What is said under `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.members
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Puts another body in the place of this one.
    pub fn replace_body(&mut self, body: String) {
        self.body = body.into();
        self.members.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    }

    /// What is said beside the body, in order.
    pub fn members(&self) -> &[(String, String)] {
        &self.members
    }

    /// Whether the call was served.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

fn code_of(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = body.pointer("/error/code").and_then(Value::as_str).unwrap_or_default();
    code.chars().take(MAX_CODE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(status: u16, headers: &[(&str, &str)], body: &str) -> StoredAnswer {
        let headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        StoredAnswer { status, headers, body: body.to_owned().into() }
    }

    #[test]
    fn a_member_is_said_once_in_its_place_whatever_its_case() {
        let mut reply = GatewayReply::of_upstream(&stored(
            201,
            &[("Cache-Control", "public"), ("x-a", "1"), ("Content-Length", "2")],
            "{}",
        ));
        reply.set("cache-control", "no-store");
        reply.replace_body(String::from("[1]"));
        let said: Vec<_> =
            reply.members().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(said, [("Cache-Control", "no-store"), ("x-a", "1")]);
        assert_eq!((reply.get("X-A"), reply.body.as_ref()), (Some("1"), b"[1]".as_slice()));
    }

    #[test]
    fn only_a_refusal_of_the_upstream_has_its_code() {
        let code =
            |status, body| GatewayReply::of_upstream(&stored(status, &[], body)).refused_code;
        assert_eq!(code(200, r#"{"error":{"code":"LAUNCH_001"}}"#), None);
        assert_eq!(code(422, r#"{"error":{"code":"LAUNCH_001"}}"#).as_deref(), Some("LAUNCH_001"));
        assert_eq!(code(500, "no JSON").as_deref(), Some(""));
    }
}
