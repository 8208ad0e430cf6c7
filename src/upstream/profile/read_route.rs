//! One `[[route]]` of a profile file, checked.

use std::sync::Arc;

use http::Method;
use toml::{Table, Value};

use super::access::access;
use super::builtin::SchemaSource;
use super::raw;
use super::read_outcome::done;
use super::read_quota::Quotas;
use super::route::{BodySchema, Route, Target, UpstreamRoute};
use super::values::{is_pattern, pointer};
use crate::strict_toml::{self, Mistake};
use crate::upstream::contract::BodyContract;

const METHODS: [Method; 5] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// What every route of a file is read with.
pub(super) struct Shared<'a> {
    /// Prefixes that the gateway strips.
    pub prefixes: &'a [String],
    /// The free calls that a route may name.
    pub quotas: &'a Quotas,
    /// Where body schemas are.
    pub schemas: &'a SchemaSource,
}

/// Reads a route; `None` when it has no usable method and path.
pub(super) fn route(
    index: usize,
    table: &Table,
    shared: &Shared<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Route> {
    let named = |key| table.get(key).and_then(Value::as_str);
    let place = match (named("method"), named("path")) {
        (Some(method), Some(path)) => format!("route {} ({method} {path})", index + 1),
        _ => format!("route {}", index + 1),
    };
    let raw: raw::Route = strict_toml::read(&place, table, mistakes);
    let method = METHODS.into_iter().find(|known| Some(known.as_str()) == raw.method.as_deref());
    if method.is_none() {
        let text = "expected one of GET, POST, PUT, PATCH, DELETE";
        mistakes.push(Mistake::new(format!("{place}.method"), text));
    }
    let path = raw.path.as_deref().filter(|path| is_pattern(path));
    if path.is_none() {
        let text = "expected a path of plain segments or :names, for example /launches/:id";
        mistakes.push(Mistake::new(format!("{place}.path"), text));
    }
    let (method, path) = (method?, path?);
    let (prefix, pattern) = split_prefix(path, shared.prefixes);
    let (access, offered_if_available) = access(&place, &raw, shared.quotas, mistakes);
    let is_priced = access.terms().is_some();
    let upstream = UpstreamRoute {
        summary: raw.summary.clone(),
        access,
        takes_api_keys: false,
        offered_if_available,
        done: done(&place, raw.done.as_ref(), mistakes),
        result_id: pointer(&format!("{place}.result_id"), raw.result_id.clone(), mistakes),
        body: body(&place, raw.body_schema.as_deref(), shared.schemas, mistakes),
        durable_claim: raw.durable_claim.unwrap_or(method != Method::GET || is_priced),
        upstream_prefix: prefix.to_owned(),
    };
    agree(&place, &upstream, mistakes);
    Some(Route::new(method, pattern, Target::Upstream(Box::new(upstream))))
}

/// The prefix that the gateway strips, and the canonical rest.
pub(super) fn split_prefix<'a>(path: &'a str, prefixes: &[String]) -> (&'a str, &'a str) {
    prefixes
        .iter()
        .find_map(|prefix| {
            let rest = path.strip_prefix(prefix.as_str())?;
            rest.starts_with('/').then(|| (&path[..prefix.len()], rest))
        })
        .unwrap_or(("", path))
}

fn body(
    place: &str,
    name: Option<&str>,
    schemas: &SchemaSource,
    mistakes: &mut Vec<Mistake>,
) -> Option<BodySchema> {
    let name = name?;
    let compiled = schemas
        .read(name)
        .map_err(|error| error.to_string())
        .and_then(|text| BodyContract::compile(&text).map_err(|error| error.to_string()));
    match compiled {
        Ok(contract) => Some(BodySchema { contract: Arc::new(contract) }),
        Err(text) => {
            mistakes.push(Mistake::new(format!("{place}.body_schema"), text));
            None
        }
    }
}

/// What the parts of a route must agree on.
fn agree(place: &str, route: &UpstreamRoute, mistakes: &mut Vec<Mistake>) {
    let priced = route.access.terms().is_some();
    let rules = [
        (
            priced && route.done.is_none(),
            "a priced route needs done: which answers mean that the work was done",
        ),
        (priced && !route.durable_claim, "a priced route needs durable claims"),
    ];
    for (wrong, text) in rules {
        if wrong {
            mistakes.push(Mistake::new(place, text));
        }
    }
}
