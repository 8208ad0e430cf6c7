//! A profile file to a checked [`Profile`].

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::builtin::SchemaSource;
use super::read_outcome::outcome;
use super::read_quota::Quotas;
use super::read_route::{Shared, route};
use super::read_upstream::{credential, required, upstream};
use super::values::{header, is_pattern, pairs, pointer};
use super::{
    ApiKeys, Codes, Envelope, Idempotency, Ownership, Profile, RateHeaders, Route, Target, raw,
};
use crate::strict_toml::{self, Mistake};
use crate::variables;

/// The version of the file format that this code reads.
pub(super) const SCHEMA: i64 = 2;
/// The one before it, which can be written as this one.
pub(super) const SCHEMA_BEFORE: i64 = 1;

/// Reads the text of a profile.
///
/// # Errors
/// Every mistake.
pub(super) fn profile(
    text: &str,
    schemas: &SchemaSource,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Profile, Vec<Mistake>> {
    let mut table =
        strict_toml::parse(text).map_err(|error| vec![Mistake::new("file", error.to_string())])?;
    take_schema(&mut table)?;
    let mut variables = variables::Found::default();
    variables::expand("", &mut table, env, &mut variables);
    let mut mistakes = variables.malformed;
    // The built-in profiles serve cores of one's own too, which need no credential: what they lack
    // is said where it is needed.
    let unset = match schemas {
        SchemaSource::Builtin => variables.unset,
        SchemaSource::Beside(_) => {
            mistakes.extend(variables.unset);
            Vec::new()
        }
    };
    let file: raw::File = strict_toml::read("", &table, &mut mistakes);
    let name = required("name", file.name, &mut mistakes);
    let upstream = upstream(&file.upstream, &mut mistakes);
    let credential = file
        .credential
        .as_ref()
        .filter(|_| unset.is_empty())
        .and_then(|table| credential(table, &mut mistakes));
    let envelope = envelope(&file.envelope, &mut mistakes);
    let rate_headers =
        file.rate_headers.as_ref().and_then(|table| rate_headers(table, &mut mistakes));
    let codes = Codes::read(&file.codes, &mut mistakes);
    let outcome = outcome(&file.outcome, &mut mistakes);
    let idempotency = idempotency(&file.idempotency, &mut mistakes);
    let quotas = Quotas::read(&file.quota, &file.route, &mut mistakes);
    let shared = Shared { prefixes: &upstream.strip_prefixes, quotas: &quotas, schemas };
    let mut routes = Vec::new();
    for (index, table) in file.route.iter().enumerate() {
        routes.extend(route(index, table, &shared, &mut mistakes));
    }
    let api_keys = file
        .api_keys
        .as_ref()
        .map(|table| api_keys(table, &mut routes, &mut mistakes))
        .unwrap_or_default();
    let profile = Profile {
        name,
        upstream,
        credential,
        unset,
        envelope,
        rate_headers,
        codes,
        outcome,
        ownership: file.ownership.unwrap_or(Ownership::Gateway),
        idempotency,
        api_keys,
        routes,
    };
    agree(&profile, &mut mistakes);
    if mistakes.is_empty() { Ok(profile) } else { Err(mistakes) }
}

/// A file of another format would have a mistake in every second line: its version is the only one.
fn take_schema(table: &mut Table) -> Result<(), Vec<Mistake>> {
    match table.remove("schema").as_ref().and_then(Value::as_integer) {
        Some(SCHEMA) => Ok(()),
        Some(SCHEMA_BEFORE) => {
            let text = format!(
                "expected {SCHEMA}; `turnpike profile upgrade FILE` writes it from schema {SCHEMA_BEFORE}"
            );
            Err(vec![Mistake::new("schema", text)])
        }
        Some(_) | None => Err(vec![Mistake::new("schema", format!("expected {SCHEMA}"))]),
    }
}

fn envelope(table: &Table, mistakes: &mut Vec<Mistake>) -> Envelope {
    let raw: raw::Envelope = strict_toml::read("envelope", table, mistakes);
    let mut one = |key: &str, text| pointer(&format!("envelope.{key}"), text, mistakes);
    let code = one("code", raw.code.or(Some("/error/code".into())));
    let message = one("message", raw.message.or(Some("/error/message".into())));
    let retry_after = one("retry_after", raw.retry_after);
    Envelope {
        code: code.unwrap_or_default(),
        message: message.unwrap_or_default(),
        retry_after,
        constants: pairs("envelope.const", raw.constants, mistakes),
    }
}

fn rate_headers(table: &Table, mistakes: &mut Vec<Mistake>) -> Option<RateHeaders> {
    let raw: raw::RateHeaders = strict_toml::read("rate_headers", table, mistakes);
    let before = mistakes.len();
    let mut one = |key: &str, text: &Option<String>| {
        header(&format!("rate_headers.{key}"), text.as_deref(), mistakes)
    };
    let names =
        (one("limit", &raw.limit), one("remaining", &raw.remaining), one("reset", &raw.reset));
    let (Some(limit), Some(remaining), Some(reset), Some(reset_unit)) =
        (names.0, names.1, names.2, raw.reset_unit)
    else {
        if mistakes.len() == before {
            let text = "needs limit, remaining, reset and reset_unit (\"s\" or \"ms\")";
            mistakes.push(Mistake::new("rate_headers", text));
        }
        return None;
    };
    Some(RateHeaders { limit, remaining, reset, reset_unit })
}

fn idempotency(table: &Table, mistakes: &mut Vec<Mistake>) -> Idempotency {
    let raw: raw::Idempotency = strict_toml::read("idempotency", table, mistakes);
    if let Some(lookup) = &raw.lookup {
        let keys = lookup.split('/').filter(|segment| *segment == ":key").count();
        if !is_pattern(lookup) || keys != 1 || lookup.matches(':').count() != 1 {
            let text = "expected a path with one :key segment";
            mistakes.push(Mistake::new("idempotency.lookup", text));
        }
    }
    if raw.list.as_ref().is_some_and(|list| !is_pattern(list) || list.contains(':')) {
        mistakes.push(Mistake::new("idempotency.list", "expected a path"));
    }
    Idempotency {
        header: header("idempotency.header", raw.header.as_deref(), mistakes),
        lookup: raw.lookup,
        list: raw.list,
    }
}

/// Reads `[api_keys]`, and marks the routes that it names.
fn api_keys(table: &Table, routes: &mut [Route], mistakes: &mut Vec<Mistake>) -> ApiKeys {
    let raw: raw::ApiKeys = strict_toml::read("api_keys", table, mistakes);
    let plain = |prefix: &String| {
        prefix.len() >= 2
            && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    if raw.prefixes.is_empty() || !raw.prefixes.iter().all(plain) {
        let text = "expected what a key begins with: two or more letters, digits, _ or -, for example [\"ds_\"]";
        mistakes.push(Mistake::new("api_keys.prefixes", text));
    }
    if raw
        .prefixes
        .iter()
        .any(|prefix| prefix.starts_with("tpk_") || "tpk_".starts_with(prefix.as_str()))
    {
        mistakes.push(Mistake::new(
            "api_keys.prefixes",
            "tpk_ is what the gateway's own agent tokens begin with",
        ));
    }
    if raw.routes.is_empty() {
        mistakes.push(Mistake::new(
            "api_keys.routes",
            "expected the routes that take them, for example [\"POST /launches\"]",
        ));
    }
    for key in &raw.routes {
        match routes.iter_mut().find(|route| route.key == *key).map(|route| &mut route.target) {
            Some(Target::Upstream(upstream)) => upstream.takes_api_keys = true,
            Some(Target::Own(_)) | None => {
                mistakes.push(Mistake::new("api_keys.routes", format!("there is no route {key:?}")))
            }
        }
    }
    ApiKeys { prefixes: raw.prefixes }
}

/// What the parts of a profile must agree on.
fn agree(profile: &Profile, mistakes: &mut Vec<Mistake>) {
    if profile.routes.is_empty() {
        mistakes.push(Mistake::new("route", "no route: nothing would ever be served"));
    }
    let mut seen = BTreeSet::new();
    for route in &profile.routes {
        if !seen.insert(&route.key) {
            mistakes.push(Mistake::new(&route.key, "is there twice"));
        }
        let nameless = route
            .upstream()
            .is_some_and(|up| up.access.terms().is_some() && up.result_id.is_none());
        if nameless {
            let text = "a priced route needs result_id: an answer without the id of what was made never counts as done";
            mistakes.push(Mistake::new(&route.key, text));
        }
    }
}
