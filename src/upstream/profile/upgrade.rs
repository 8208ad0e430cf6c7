//! Writes a profile file of schema 1 as schema 2. Its meaning stays, and so do comments, the order
//! of keys and `${NAME}`. Whether the file is right otherwise is for the reader of profiles to say.

mod edit;
#[cfg(test)]
mod tests;

use toml_edit::{
    Array, ArrayOfTables, Decor, DocumentMut, InlineTable, Item, Key, Table, TableLike, Value,
};

use super::read::{SCHEMA, SCHEMA_BEFORE};
use super::read_route::split_prefix;
use crate::strict_toml::{self, Mistake};
use edit::{comments, put, renamed, replaced, taken};

/// What refused for good in schema 1 where a file said nothing.
const REFUSED_BEFORE: [i64; 5] = [400, 403, 404, 409, 422];
/// The quota of a launch; other routes do not get this name.
const LAUNCHES: &str = "launches";
/// Longest name of a quota, but for a number that tells it from others.
const LONGEST_SLUG: usize = 32;

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upgrade {
    /// Nothing: it is schema 2 already.
    Current,
    /// It is written anew.
    Written {
        /// The text of schema 2.
        text: String,
        /// It says which keys of the API itself pass; where it does not, none does.
        names_api_keys: bool,
    },
}

/// Upgrades the text of a profile file.
///
/// # Errors
/// It is no TOML, of neither schema, or what it says has no place in schema 2.
pub fn upgrade(text: &str) -> Result<Upgrade, Vec<Mistake>> {
    let table =
        strict_toml::parse(text).map_err(|error| vec![Mistake::new("file", error.to_string())])?;
    match table.get("schema").and_then(toml::Value::as_integer) {
        Some(SCHEMA) => return Ok(Upgrade::Current),
        Some(SCHEMA_BEFORE) => {}
        Some(_) | None => {
            return Err(vec![Mistake::new(
                "schema",
                format!("expected {SCHEMA_BEFORE} or {SCHEMA}"),
            )]);
        }
    }
    // Lines are written with one kind of end, and get the file's back.
    let parsed = text.replace("\r\n", "\n").parse::<DocumentMut>();
    let mut document = parsed.map_err(|error| vec![Mistake::new("file", error.message())])?;
    let mistakes = obstacles(document.as_table());
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    rewrite(document.as_table_mut());
    let written = document.to_string();
    let text = if text.contains("\r\n") { written.replace('\n', "\r\n") } else { written };
    Ok(Upgrade::Written { text, names_api_keys: document.contains_key("api_keys") })
}

/// What cannot be written as schema 2: its keys in a file of schema 1, which would be lost, and
/// free calls that are none.
fn obstacles(root: &Table) -> Vec<Mistake> {
    let newer = |place: String| Mistake::new(place, "is a key of schema 2 in a file of schema 1");
    let mut mistakes: Vec<Mistake> = ["outcome", "quota"]
        .into_iter()
        .filter(|key| root.contains_key(key))
        .map(|key| newer(key.to_owned()))
        .collect();
    for (index, route) in routes(root).into_iter().enumerate() {
        let text = |key| route.get(key).and_then(Item::as_str).unwrap_or_default();
        let place = format!("route {} ({} {})", index + 1, text("method"), text("path"));
        let there =
            ["done", "result_id", "quota"].into_iter().filter(|key| route.get(key).is_some());
        mistakes.extend(there.map(|key| newer(format!("{place}.{key}"))));
        let count = route
            .get("free_tier")
            .and_then(Item::as_table_like)
            .and_then(|tier| tier.get("count")?.as_integer());
        if count == Some(0) {
            mistakes.push(Mistake::new(
                format!("{place}.free_tier"),
                "count = 0 gives no free call; take it away first",
            ));
        }
    }
    mistakes
}

/// The routes of a file, each under a header of its own or all in one array.
fn routes(root: &Table) -> Vec<&dyn TableLike> {
    match root.get("route") {
        Some(Item::ArrayOfTables(tables)) => {
            tables.iter().map(|table| table as &dyn TableLike).collect()
        }
        Some(Item::Value(Value::Array(values))) => values
            .iter()
            .filter_map(Value::as_inline_table)
            .map(|table| table as &dyn TableLike)
            .collect(),
        Some(Item::None | Item::Table(_) | Item::Value(_)) | None => Vec::new(),
    }
}

fn routes_mut(root: &mut Table) -> Vec<&mut dyn TableLike> {
    match root.get_mut("route") {
        Some(Item::ArrayOfTables(tables)) => {
            tables.iter_mut().map(|table| table as &mut dyn TableLike).collect()
        }
        Some(Item::Value(Value::Array(values))) => values
            .iter_mut()
            .filter_map(Value::as_inline_table_mut)
            .map(|table| table as &mut dyn TableLike)
            .collect(),
        Some(Item::None | Item::Table(_) | Item::Value(_)) | None => Vec::new(),
    }
}

fn rewrite(root: &mut Table) {
    let (pointers, prefixes) = (error_pointers(root), prefixes(root));
    let mut quotas = ArrayOfTables::new();
    for route in routes_mut(root) {
        rewrite_route(route, &prefixes, &mut quotas);
    }
    // Of tables at one position, the one that comes first here is written first.
    let position = root
        .get("route")
        .and_then(Item::as_array_of_tables)
        .and_then(|routes| routes.get(0)?.position());
    quotas.iter_mut().for_each(|quota| quota.set_position(position));
    let says_refused = root.contains_key("refused");
    for (key, item) in taken(root) {
        match (key.get(), item) {
            ("schema", item) => {
                put(root, &key, replaced(&item, SCHEMA));
                if !says_refused {
                    put_outcome(
                        root,
                        Decor::default(),
                        Value::from_iter(REFUSED_BEFORE),
                        &pointers,
                    );
                }
            }
            ("refused", Item::Value(status)) => {
                put_outcome(root, key.leaf_decor().clone(), status, &pointers)
            }
            ("ownership", item) if item.as_str() == Some("core") => {
                put(root, &key, replaced(&item, "upstream"))
            }
            ("route", item) => {
                if !quotas.is_empty() {
                    root.insert("quota", Item::ArrayOfTables(std::mem::take(&mut quotas)));
                }
                put(root, &key, item);
            }
            (_, item) => put(root, &key, item),
        }
    }
}

/// Schema 1 knew an error of the API by either of these.
fn error_pointers(root: &Table) -> Vec<String> {
    let envelope = root.get("envelope").and_then(Item::as_table_like);
    let pointer = |key: &str, usual: &str| {
        let said = envelope.and_then(|envelope| envelope.get(key)?.as_str());
        said.unwrap_or(usual).to_owned()
    };
    let mut pointers = vec![pointer("code", "/error/code"), pointer("message", "/error/message")];
    pointers.dedup();
    pointers
}

fn prefixes(root: &Table) -> Vec<String> {
    let upstream = root.get("upstream").and_then(Item::as_table_like);
    let said = upstream.and_then(|upstream| upstream.get("strip_prefixes")?.as_array());
    let said = said.into_iter().flat_map(Array::iter).filter_map(Value::as_str);
    said.chain(["/v1"]).map(str::to_owned).collect()
}

/// `outcome.refused` in the place of a list of statuses, so that the comments around that stay
/// where they are.
fn put_outcome(root: &mut Table, leaf: Decor, mut status: Value, pointers: &[String]) {
    let around = std::mem::take(status.decor_mut());
    let mut rule = InlineTable::new();
    rule.insert("status", status);
    rule.insert("has", Value::from_iter(pointers));
    *rule.decor_mut() = around;
    let mut outcome = Table::new();
    outcome.set_dotted(true);
    outcome.insert_formatted(&Key::new("refused").with_leaf_decor(leaf), Item::Value(rule.into()));
    root.insert("outcome", Item::Table(outcome));
}

fn rewrite_route(route: &mut dyn TableLike, prefixes: &[String], quotas: &mut ArrayOfTables) {
    let text = |key| route.get(key).and_then(Item::as_str).unwrap_or_default().to_owned();
    let (method, path) = (text("method"), text("path"));
    for (key, item) in taken(route) {
        match key.get() {
            "billable" => put(route, &renamed(&key, "done"), item),
            "resource_id" => put(route, &renamed(&key, "result_id"), item),
            "free_tier" if item.is_table_like() => {
                let name = quota_name(&method, split_prefix(&path, prefixes).1, quotas);
                quotas.push(quota(&name, &item));
                let key = if item.is_value() { renamed(&key, "quota") } else { Key::new("quota") };
                put(route, &key, replaced(&item, name));
            }
            _ => put(route, &key, item),
        }
    }
}

/// A name that no other quota has: the path in the letters that a name may have.
fn quota_name(method: &str, pattern: &str, quotas: &ArrayOfTables) -> String {
    let known = |name: &str| {
        quotas.iter().any(|quota| quota.get("name").and_then(Item::as_str) == Some(name))
    };
    if method == "POST" && pattern == "/launches" && !known(LAUNCHES) {
        return LAUNCHES.to_owned();
    }
    let words = pattern
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty());
    let slug: String = words
        .collect::<Vec<_>>()
        .join("-")
        .to_ascii_lowercase()
        .chars()
        .take(LONGEST_SLUG)
        .collect();
    let slug = if slug.is_empty() { String::from("calls") } else { slug };
    let numbered = (2_u32..).map(|number| format!("{slug}-{number}"));
    let mut names = std::iter::once(slug.clone()).chain(numbered);
    names.find(|name| name != LAUNCHES && !known(name)).unwrap_or(slug)
}

/// The `[[quota]]` of a route's free calls. What was commented inside them is said before its keys.
fn quota(name: &str, tier: &Item) -> Table {
    let mut quota = Table::new();
    quota.insert("name", toml_edit::value(name));
    for (key, item) in tier.as_table_like().into_iter().flat_map(TableLike::iter) {
        let mut item = item.clone();
        if let Item::Value(value) = &mut item {
            value.decor_mut().clear();
        }
        quota.insert(key, item);
    }
    let comments = comments(tier);
    if let Some(mut first) = quota.key_mut("name").filter(|_| !comments.is_empty()) {
        first.leaf_decor_mut().set_prefix(comments);
    }
    quota
}
