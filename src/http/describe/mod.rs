//! What developers of agents read: `/openapi.json` for programs, `/llms.txt` for people and
//! language models. Both are written from the route table and the prepared challenges, so that they
//! cannot name another price than the one that is charged. The 402 has the last word
//! (draft-payment-discovery-00).

pub(super) mod kept;
mod llms;
mod openapi;
mod operation;
mod parts;
mod prices;
mod subject;
#[cfg(test)]
mod tests;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};

use self::subject::Subject;
use super::state::Api;

pub(super) fn openapi(api: &Api) -> Response {
    let write = || Bytes::from(openapi::document(&Subject::of(api)).to_string());
    answered(api.descriptions.openapi(write), "application/json")
}

pub(super) fn llms(api: &Api) -> Response {
    let write = || Bytes::from(llms::text(&Subject::of(api), &api.codes));
    answered(api.descriptions.llms(write), "text/plain; charset=utf-8")
}

fn answered(text: &Bytes, content_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(text.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(
        HeaderName::from_static("x-charge"),
        HeaderValue::from_static("none; reason=open_route"),
    );
    response
}
