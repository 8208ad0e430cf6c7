//! What an answer of the upstream to a creation means.

use bytes::Bytes;
use http::{Response, header};
use payments::ports::UpstreamAnswer;
use serde_json::Value;

use super::answers;
use crate::upstream::profile::{Judgement, Profile, Route, outcome::SeenAnswer};

/// The meaning by the profile's rules. What the upstream turned away without its own words about
/// the request, it did not do: our key is refused, there are too many calls, or something in
/// between answered in its place.
pub(super) fn verdict(
    profile: &Profile,
    route_key: &str,
    answer: &Response<Bytes>,
) -> UpstreamAnswer {
    let Some(route) = profile.route(route_key).and_then(Route::upstream) else {
        return UpstreamAnswer::Unknown(format!("no route {route_key}"));
    };
    let status = answer.status().as_u16();
    let body = json(answer);
    let seen = seen(answer, body.as_ref());
    match route.judge(&profile.outcome, &seen) {
        Judgement::Done => match body.as_ref().and_then(|body| route.result_id(body)) {
            Some(id) => UpstreamAnswer::Created {
                launch_id: id.to_owned(),
                answer: answers::stored_json(answer),
            },
            None => UpstreamAnswer::Unknown(format!("status {status} without an id")),
        },
        Judgement::Refused => UpstreamAnswer::Refused(answers::stored(answer)),
        Judgement::Unknown => match status {
            401 | 402 | 407 => UpstreamAnswer::NotDone(format!(
                "status {status}: our key or our account is refused"
            )),
            429 => UpstreamAnswer::NotDone(format!("status {status}: too many calls")),
            408 | 425 => UpstreamAnswer::Unknown(format!("status {status}")),
            300..=399 => UpstreamAnswer::NotDone(format!("status {status}: it points elsewhere")),
            400..=499 if !profile.outcome.refused.is_own(&seen) => UpstreamAnswer::NotDone(
                format!("status {status} in another shape than its errors have"),
            ),
            _ => UpstreamAnswer::Unknown(format!("status {status}")),
        },
    }
}

/// The body of an answer, where it is JSON.
pub(super) fn json(answer: &Response<Bytes>) -> Option<Value> {
    serde_json::from_slice(answer.body()).ok()
}

/// What the profile's rules look at. `body` is its [`json`].
pub(super) fn seen<'a>(answer: &'a Response<Bytes>, body: Option<&'a Value>) -> SeenAnswer<'a> {
    let content_type =
        answer.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    SeenAnswer { status: answer.status().as_u16(), content_type, body }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::upstream::profile::outcome::ErrorShape;

    const ERROR: &str = r#"{"error":{"code":"LAUNCH_007","message":"no"}}"#;
    const PAGE: &str = "<html>no</html>";
    const JSON: &str = "application/json";

    /// What an answer is to the built-in profile with errors of this shape, or with its own.
    fn word_by(
        shape: Option<&ErrorShape>,
        status: u16,
        kind: &str,
        body: &'static str,
    ) -> &'static str {
        let mut profile = Profile::load("dropspace", &|_| None).unwrap();
        if let Some(shape) = shape {
            profile.outcome.refused.shape = shape.clone();
        }
        let answer = Response::builder()
            .status(status)
            .header("content-type", kind)
            .body(Bytes::from_static(body.as_bytes()))
            .unwrap();
        match verdict(&profile, "POST /launches", &answer) {
            UpstreamAnswer::Created { .. } => "created",
            UpstreamAnswer::Refused(_) => "refused",
            UpstreamAnswer::NotDone(_) => "not done",
            UpstreamAnswer::Unknown(_) => "unknown",
        }
    }

    fn word(status: u16, body: &'static str) -> &'static str {
        word_by(None, status, JSON, body)
    }

    #[test]
    fn only_the_upstreams_own_words_refuse() {
        for status in [400, 403, 404, 409, 422] {
            assert_eq!(
                (word(status, ERROR), word(status, PAGE), word(status, "{}")),
                ("refused", "not done", "not done"),
                "{status}"
            );
        }
        for status in [401, 402, 407, 429, 302, 304] {
            assert_eq!(
                (word(status, ERROR), word(status, PAGE)),
                ("not done", "not done"),
                "{status}"
            );
        }
        assert_eq!(
            (word(405, ERROR), word(405, PAGE), word(413, PAGE)),
            ("unknown", "not done", "not done")
        );
    }

    #[test]
    fn one_pointer_of_the_list_is_enough() {
        let shape = ErrorShape::Has(vec![String::from("/code"), String::from("/problems/0")]);
        let word = |status, body| word_by(Some(&shape), status, "text/plain", body);
        for own in
            [r#"{"code":7}"#, r#"{"problems":["too long"]}"#, r#"{"code":null,"problems":[false]}"#]
        {
            assert_eq!((word(422, own), word(405, own)), ("refused", "unknown"), "{own}");
        }
        for other in [ERROR, PAGE, "", "{}", "[]", r#"{"code":null}"#, r#"{"problems":[]}"#] {
            assert_eq!((word(422, other), word(405, other)), ("not done", "not done"), "{other}");
        }
    }

    #[test]
    fn a_media_type_refuses_whatever_the_body() {
        let shape = ErrorShape::ContentType(String::from("application/problem+json"));
        let word = |status, kind, body| word_by(Some(&shape), status, kind, body);
        for kind in [
            "application/problem+json",
            "Application/Problem+JSON",
            "application/problem+json ; charset=utf-8",
        ] {
            for body in [ERROR, PAGE, ""] {
                assert_eq!(
                    (word(409, kind, body), word(405, kind, body)),
                    ("refused", "unknown"),
                    "{kind} {body}"
                );
            }
            assert_eq!(
                (word(401, kind, ERROR), word(500, kind, ERROR)),
                ("not done", "unknown"),
                "{kind}"
            );
        }
        for kind in [
            JSON,
            "text/html",
            "application/problem+json2",
            "text/plain; type=application/problem+json",
        ] {
            assert_eq!(
                (word(409, kind, ERROR), word(405, kind, ERROR)),
                ("not done", "not done"),
                "{kind}"
            );
        }
    }

    /// No page can be told from an error of the upstream: what is not named may be either, and is
    /// not known.
    #[test]
    fn a_status_alone_refuses_where_errors_have_no_shape() {
        let word =
            |status, body| word_by(Some(&ErrorShape::StatusAlone), status, "text/html", body);
        for body in [ERROR, PAGE, ""] {
            for status in [400, 403, 404, 409, 422] {
                assert_eq!(word(status, body), "refused", "{status} {body}");
            }
            for status in [405, 408, 410, 425, 500, 503] {
                assert_eq!(word(status, body), "unknown", "{status} {body}");
            }
            for status in [302, 401, 402, 407, 429] {
                assert_eq!(word(status, body), "not done", "{status} {body}");
            }
        }
    }

    #[test]
    fn what_may_have_been_done_is_unknown() {
        for status in [408, 425, 500, 502, 503, 504] {
            assert_eq!(
                (word(status, ERROR), word(status, PAGE)),
                ("unknown", "unknown"),
                "{status}"
            );
        }
        assert_eq!(
            (word(200, PAGE), word(201, "{}"), word(204, "")),
            ("unknown", "unknown", "unknown")
        );
        assert_eq!(word(201, r#"{"data":{"id":"l1"}}"#), "created");
    }
}
