//! What an answer says of the way to the upstream, whatever it means for the call.

use bytes::Bytes;
use http::{HeaderMap, Response, header};
use payments::{checkout::Admission, time::UnixMs};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use super::verdict::{json, seen};
use crate::upstream::{profile::Profile, way::Evidence};

/// Whose call it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caller {
    /// A creation of this payer, which costs something.
    Payer(String),
    /// Somebody's free call, under our signature.
    Agent,
    /// A call that the upstream answers to anybody, or a question of our own.
    Ours,
    /// A client with its own key there: what it is answered is its own affair.
    Stranger,
}

// === impl Caller ===

impl Caller {
    pub(super) fn of(admission: &Admission) -> Self {
        match (admission.api_key(), admission.agent(), admission.core_key()) {
            (Some(_), _, _) => Self::Stranger,
            (None, Some(payer), Some(_)) => Self::Payer(payer.to_string()),
            (None, Some(_), None) => Self::Agent,
            (None, None, _) => Self::Ours,
        }
    }
}

/// `accepted` says that a creation was judged as done or refused for good.
pub(super) fn evidence(
    profile: &Profile,
    caller: &Caller,
    answer: &Response<Bytes>,
    accepted: bool,
) -> Evidence {
    let status = answer.status().as_u16();
    let in_person = || accepted || (*caller == Caller::Agent && is_its_own(profile, answer));
    match (status, caller) {
        (_, Caller::Stranger) => Evidence::Nothing,
        (401 | 402 | 407, Caller::Payer(_) | Caller::Agent | Caller::Ours) => {
            Evidence::KeyRefused(status)
        }
        (408 | 425 | 429 | 500.., _) => Evidence::Nothing,
        (_, _) if in_person() => Evidence::Well,
        (_, Caller::Payer(payer)) if !is_its_own(profile, answer) => Evidence::Stranger {
            payer: payer.clone(),
            what: format!("status {status} with {}", content_type(answer.headers())),
        },
        (_, Caller::Payer(_) | Caller::Agent | Caller::Ours) => Evidence::Nothing,
    }
}

/// Its errors have the shape that the profile names, and what it answers is JSON.
fn is_its_own(profile: &Profile, answer: &Response<Bytes>) -> bool {
    match answer.status().as_u16() {
        204 => true,
        200..=299 => content_type(answer.headers()).contains("json"),
        400..=499 => profile.outcome.refused.is_own(&seen(answer, json(answer).as_ref())),
        _ => false,
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("no content type")
}

/// How long the upstream asks us to wait: in seconds, or until a moment; in its body where its
/// profile says so.
pub(super) fn retry_after_s(
    profile: &Profile,
    answer: &Response<Bytes>,
    now: UnixMs,
) -> Option<u64> {
    let said = answer
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|after| after.to_str().ok())
        .map(str::trim);
    let in_body = || {
        let body: Value = serde_json::from_slice(answer.body()).ok()?;
        body.pointer(profile.envelope.retry_after.as_deref()?)?.as_u64()
    };
    match said {
        Some(said) => said.parse().ok().or_else(|| {
            let moment = OffsetDateTime::parse(said, &Rfc2822).ok()?;
            u64::try_from(moment.unix_timestamp().saturating_sub(now.unix_s())).ok()
        }),
        None => in_body(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::upstream::profile::outcome::ErrorShape;

    const ERROR: &str = r#"{"error":{"code":"LAUNCH_001","message":"no"},"retryAfter":9}"#;

    fn answer(status: u16, kind: &str, body: &'static str) -> Response<Bytes> {
        Response::builder()
            .status(status)
            .header("content-type", kind)
            .body(Bytes::from_static(body.as_bytes()))
            .unwrap()
    }

    fn profile() -> Profile {
        Profile::load("dropspace", &|_| None).unwrap()
    }

    fn word(caller: &Caller, status: u16, kind: &str, body: &'static str) -> &'static str {
        match evidence(&profile(), caller, &answer(status, kind, body), false) {
            Evidence::Well => "well",
            Evidence::KeyRefused(_) => "key",
            Evidence::Stranger { .. } => "stranger",
            Evidence::Nothing => "",
        }
    }

    #[test]
    fn our_key_is_refused_by_status_alone_and_a_clients_own_key_says_nothing() {
        for status in [401, 402, 407] {
            for caller in [Caller::Payer(String::from("a")), Caller::Agent, Caller::Ours] {
                assert_eq!(
                    word(&caller, status, "application/json", ERROR),
                    "key",
                    "{caller:?} {status}"
                );
            }
            assert_eq!(word(&Caller::Stranger, status, "application/json", ERROR), "");
        }
    }

    #[test]
    fn pages_are_strangers_to_payers_and_envelopes_are_well_to_agents() {
        let payer = Caller::Payer(String::from("a"));
        for (status, kind) in
            [(404, "text/html"), (302, "text/html"), (200, "text/html"), (403, "application/json")]
        {
            assert_eq!(
                (word(&payer, status, kind, "{}"), word(&Caller::Agent, status, kind, "<p>")),
                ("stranger", ""),
                "{status} {kind}"
            );
        }
        assert_eq!(
            (word(&payer, 201, "application/json", "{}"), word(&payer, 502, "text/html", "<p>")),
            ("", "")
        );
        assert_eq!(
            (
                word(&Caller::Agent, 404, "application/json", ERROR),
                word(&Caller::Agent, 200, "application/json", "{}")
            ),
            ("well", "well")
        );
        assert_eq!(
            word(&Caller::Ours, 200, "application/json", "{}"),
            "",
            "anybody is answered so"
        );
        // The same errors count as its own that can refuse a call.
        let mut by_kind = profile();
        by_kind.outcome.refused.shape =
            ErrorShape::ContentType(String::from("application/problem+json"));
        let told =
            |status, kind| evidence(&by_kind, &Caller::Agent, &answer(status, kind, ERROR), false);
        assert_eq!(
            (told(404, "application/problem+json"), told(404, "application/json")),
            (Evidence::Well, Evidence::Nothing)
        );
        assert_eq!(
            evidence(&profile(), &payer, &answer(201, "text/html", ""), true),
            Evidence::Well
        );
    }

    #[test]
    fn the_time_to_wait_is_read_in_each_of_its_forms() {
        let now = UnixMs::from_s(1_445_412_440);
        let after = |text: &str| {
            let mut answer = answer(429, "application/json", ERROR);
            answer.headers_mut().insert("retry-after", text.parse().unwrap());
            retry_after_s(&profile(), &answer, now)
        };
        assert_eq!(
            (after("120"), after(" 0 "), after("soon"), after("-1")),
            (Some(120), Some(0), None, None)
        );
        assert_eq!(
            (after("Wed, 21 Oct 2015 07:28:00 GMT"), after("Wed, 21 Oct 2015 07:00:00 GMT")),
            (Some(40), None)
        );
        assert_eq!(
            retry_after_s(&profile(), &answer(429, "application/json", ERROR), now),
            Some(9)
        );
        assert_eq!(retry_after_s(&profile(), &answer(503, "text/html", "<p>"), now), None);
    }
}
