//! What developers of agents read: `/openapi.json` for programs, `/llms.txt` for people and language models. Both are written from the route
//! table and the prepared challenges, so that they cannot name another price than the one that is charged. The 402 has the last word
//! (draft-payment-discovery-00).

mod llms;
mod openapi;
mod operation;
mod parts;
mod prices;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};

use super::Api;

/// Both texts, written when the first one asks.
#[derive(Debug)]
pub struct Descriptions {
    service: String,
    openapi: OnceLock<Bytes>,
    llms: OnceLock<Bytes>,
}

// === impl Descriptions ===

impl Descriptions {
    /// The descriptions of a service, by the name of its profile.
    #[must_use]
    pub fn of(service: &str) -> Self {
        Self { service: service.to_owned(), openapi: OnceLock::new(), llms: OnceLock::new() }
    }
}

pub(super) fn openapi(api: &Api) -> Response {
    let write = || Bytes::from(openapi::document(&openapi::Subject::of(api)).to_string());
    answered(api.descriptions.openapi.get_or_init(write), "application/json")
}

pub(super) fn llms(api: &Api) -> Response {
    let write = || Bytes::from(llms::text(&openapi::Subject::of(api), &api.codes));
    answered(api.descriptions.llms.get_or_init(write), "text/plain; charset=utf-8")
}

fn answered(text: &Bytes, content_type: &'static str) -> Response {
    let mut response = Response::new(Body::from(text.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(HeaderName::from_static("x-charge"), HeaderValue::from_static("none; reason=open_route"));
    response
}
