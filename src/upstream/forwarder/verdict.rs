//! What an answer of the upstream to a creation means.

use bytes::Bytes;
use http::Response;
use payments::ports::UpstreamAnswer;
use serde_json::Value;

use super::answers;
use crate::upstream::profile::{Envelope, Judgement, Profile, Route};

/// The meaning by the profile's rules. What the upstream turned away without its own words about the request, it did not do: our key is
/// refused, there are too many calls, or something in between answered in its place.
pub(super) fn verdict(profile: &Profile, route_key: &str, answer: &Response<Bytes>) -> UpstreamAnswer {
    let Some(route) = profile.route(route_key).and_then(Route::upstream) else {
        return UpstreamAnswer::Unknown(format!("no route {route_key}"));
    };
    let status = answer.status().as_u16();
    let body: Option<Value> = serde_json::from_slice(answer.body()).ok();
    let enveloped = body.as_ref().is_some_and(|body| is_enveloped(&profile.envelope, body));
    match route.judge(&profile.refused, status, body.as_ref()) {
        Judgement::Done => match body.as_ref().and_then(|body| route.result_id(body)) {
            Some(id) => UpstreamAnswer::Created { launch_id: id.to_owned(), answer: answers::stored_json(answer) },
            None => UpstreamAnswer::Unknown(format!("status {status} without an id")),
        },
        Judgement::Refused if enveloped => UpstreamAnswer::Refused(answers::stored(answer)),
        Judgement::Refused | Judgement::Unknown => match status {
            401 | 402 | 407 => UpstreamAnswer::NotDone(format!("status {status}: our key or our account is refused")),
            429 => UpstreamAnswer::NotDone(format!("status {status}: too many calls")),
            408 | 425 => UpstreamAnswer::Unknown(format!("status {status}")),
            300..=399 => UpstreamAnswer::NotDone(format!("status {status}: it points elsewhere")),
            400..=499 if !enveloped => UpstreamAnswer::NotDone(format!("status {status} in another shape than its errors have")),
            _ => UpstreamAnswer::Unknown(format!("status {status}")),
        },
    }
}

/// Whether a body is an error of the upstream's own.
pub(super) fn is_enveloped(envelope: &Envelope, body: &Value) -> bool {
    let there = |pointer: &str| body.pointer(pointer).is_some_and(|found| !found.is_null());
    there(&envelope.code) || there(&envelope.message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ERROR: &str = r#"{"error":{"code":"LAUNCH_007","message":"no"}}"#;
    const PAGE: &str = "<html>no</html>";

    fn word(status: u16, body: &'static str) -> &'static str {
        let profile = Profile::load("dropspace", &|_| None).unwrap();
        let answer = Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap();
        match verdict(&profile, "POST /launches", &answer) {
            UpstreamAnswer::Created { .. } => "created",
            UpstreamAnswer::Refused(_) => "refused",
            UpstreamAnswer::NotDone(_) => "not done",
            UpstreamAnswer::Unknown(_) => "unknown",
        }
    }

    #[test]
    fn only_the_upstreams_own_words_refuse() {
        for status in [400, 403, 404, 409, 422] {
            assert_eq!((word(status, ERROR), word(status, PAGE), word(status, "{}")), ("refused", "not done", "not done"), "{status}");
        }
        for status in [401, 402, 407, 429, 302, 304] {
            assert_eq!((word(status, ERROR), word(status, PAGE)), ("not done", "not done"), "{status}");
        }
        assert_eq!((word(405, ERROR), word(405, PAGE), word(413, PAGE)), ("unknown", "not done", "not done"));
    }

    #[test]
    fn what_may_have_been_done_is_unknown() {
        for status in [408, 425, 500, 502, 503, 504] {
            assert_eq!((word(status, ERROR), word(status, PAGE)), ("unknown", "unknown"), "{status}");
        }
        assert_eq!((word(200, PAGE), word(201, "{}"), word(204, "")), ("unknown", "unknown", "unknown"));
        assert_eq!(word(201, r#"{"data":{"id":"l1"}}"#), "created");
    }
}
