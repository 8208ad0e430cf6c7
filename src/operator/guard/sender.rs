//! What a request says about who sends it, and from where.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use http::{HeaderMap, HeaderValue, header, request::Parts};

use super::COOKIE;
use crate::operator::answer::Refusal;

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, named) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| named.trim())
}

pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Every name that the request gives its receiver is one of this machine; one at least is there.
pub(super) fn hosts_are_local(head: &Parts) -> bool {
    let named =
        head.headers.get_all(header::HOST).iter().map(|value| value.to_str().unwrap_or_default());
    let mut hosts = named.chain(head.uri.authority().map(http::uri::Authority::as_str)).peekable();
    hosts.peek().is_some() && hosts.all(is_local)
}

/// A name of this machine, with any port.
fn is_local(host: &str) -> bool {
    let names = ["127.0.0.1", "localhost", "[::1]"];
    names.into_iter().any(|name| {
        let rest = host
            .get(..name.len())
            .filter(|start| start.eq_ignore_ascii_case(name))
            .and_then(|_| host.get(name.len()..));
        rest.is_some_and(|rest| {
            rest.is_empty()
                || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        })
    })
}

/// Refuses what a browser says that another site made it ask.
pub(in crate::operator) fn same_site(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(Refusal::forbidden("cross-site request rejected")),
    }
}

pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let kind =
        headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// Whether a person's browser waits for a page.
pub(in crate::operator) fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|kinds| kinds.to_str().ok())
        .is_some_and(|kinds| kinds.contains("text/html"))
}

/// Whose connection it is. A forwarded address makes nobody local.
pub(in crate::operator) fn peer(request: &Request) -> IpAddr {
    let unknown = IpAddr::from([0, 0, 0, 0]);
    request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(unknown, |peer| peer.0.ip().to_canonical())
}
