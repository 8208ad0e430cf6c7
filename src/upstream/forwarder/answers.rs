//! What of an upstream's answer reaches a client: status, body and a short list of headers.

use bytes::Bytes;
use http::Response;
use payments::{intent::StoredAnswer, ports::LookUp};
use serde::Deserialize;

use crate::upstream::profile::outcome::media_type;

/// Everything else stays behind: cookies, the upstream's rate headers, which speak of our key, and
/// hop-by-hop headers.
const PASSING: [&str; 7] = [
    "content-type",
    "content-language",
    "content-disposition",
    "etag",
    "last-modified",
    "link",
    "retry-after",
];

/// The answer as it is kept and sent on.
pub(super) fn stored(answer: &Response<Bytes>) -> StoredAnswer {
    let passing = PASSING.iter().filter_map(|name| {
        let value = answer.headers().get(*name)?.to_str().ok()?;
        Some(((*name).to_owned(), value.to_owned()))
    });
    StoredAnswer {
        status: answer.status().as_u16(),
        headers: passing.collect(),
        body: answer.body().clone(),
    }
}

/// The same for a body that was read as JSON: it goes out as JSON, whatever the upstream called it.
pub(super) fn stored_json(answer: &Response<Bytes>) -> StoredAnswer {
    let mut stored = stored(answer);
    let is_json = |value: &str| {
        let essence = media_type(value);
        essence == "application/json" || essence.ends_with("+json")
    };
    if !stored.headers.iter().any(|(name, value)| name == "content-type" && is_json(value)) {
        stored.headers.retain(|(name, _)| name != "content-type");
        stored.headers.push((String::from("content-type"), String::from("application/json")));
    }
    stored
}

/// The answer of a look-up by key (`contracts/launch-core.yaml`): the first answer of that
/// creation, its body as exact text.
#[derive(Deserialize)]
struct Found {
    data: Creation,
}

#[derive(Deserialize)]
struct Creation {
    #[serde(rename = "id")]
    launch_id: String,
    status: u16,
    content_type: String,
    body: String,
}

pub(super) fn looked_up(body: &[u8]) -> LookUp {
    let Ok(Found { data }) = serde_json::from_slice::<Found>(body) else {
        return LookUp::Unreachable(String::from("the look-up's answer cannot be read"));
    };
    let answer = StoredAnswer {
        status: data.status,
        headers: vec![(String::from("content-type"), data.content_type)],
        body: Bytes::from(data.body),
    };
    LookUp::Found { answer, launch_id: data.launch_id }
}
