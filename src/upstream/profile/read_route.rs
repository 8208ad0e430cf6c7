//! One `[[route]]` of a profile file, checked.

use std::sync::Arc;

use http::Method;
use toml::{Table, Value};

use super::access::access;
use super::builtin::SchemaSource;
use super::outcome::DoneRule;
use super::raw;
use super::route::{BodySchema, Route, Target, UpstreamRoute};
use super::values::{is_pattern, pairs, pointer};
use crate::strict_toml::{self, Mistake};
use crate::upstream::contract::BodyContract;

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Reads a route; `None` when it has no usable method and path.
pub(super) fn route(
    index: usize,
    table: &Table,
    prefixes: &[String],
    schemas: &SchemaSource,
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
    let (prefix, pattern) = split_prefix(path, prefixes);
    let (access, offered_if_available) = access(&place, &raw, mistakes);
    let is_priced = access.terms().is_some();
    let upstream = UpstreamRoute {
        summary: raw.summary.clone(),
        access,
        takes_api_keys: false,
        offered_if_available,
        done: done(&place, raw.billable.as_ref(), mistakes),
        result_id: pointer(&format!("{place}.resource_id"), raw.resource_id.clone(), mistakes),
        body: body(&place, raw.body_schema.as_deref(), schemas, mistakes),
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

fn done(place: &str, table: Option<&Table>, mistakes: &mut Vec<Mistake>) -> Option<DoneRule> {
    let place = format!("{place}.billable");
    let raw: raw::Billable = strict_toml::read(&place, table?, mistakes);
    if raw.status.is_empty() || raw.status.iter().any(|status| !(200..300).contains(status)) {
        let text = "expected one or more statuses of 200-299";
        mistakes.push(Mistake::new(format!("{place}.status"), text));
    }
    Some(DoneRule {
        status: raw.status,
        has: pointer(&format!("{place}.has"), raw.has, mistakes),
        equals: pairs(&format!("{place}.equals"), raw.equals, mistakes),
        unless: pairs(&format!("{place}.unless"), raw.unless, mistakes),
    })
}

fn body(place: &str, name: Option<&str>, schemas: &SchemaSource, mistakes: &mut Vec<Mistake>) -> Option<BodySchema> {
    let name = name?;
    let compiled = schemas.read(name).and_then(|text| BodyContract::compile(&text).map_err(|error| error.to_string()));
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
        (priced && route.done.is_none(), "a priced route needs billable: which answers mean that the work was done"),
        (priced && !route.durable_claim, "a priced route needs durable claims"),
    ];
    for (wrong, text) in rules {
        if wrong {
            mistakes.push(Mistake::new(place, text));
        }
    }
}
