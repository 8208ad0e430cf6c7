//! The `[[quota]]` tables of a profile file: free calls, by the name under which routes give them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use payments::{
    free_quota::most,
    route::{Quota, Window},
};
use toml::{Table, Value};

use super::raw;
use crate::strict_toml::{self, Mistake};

const LONGEST_NAME: usize = 40;
/// Every key of a quota, and what it holds; none has a default.
const KEYS: [(&str, &str); 4] = [
    ("name", "what routes call it, for example \"trial\""),
    ("rail", "\"x402\""),
    ("count", "how many calls in a window"),
    ("window", "\"month\" or \"day\""),
];

/// The quotas of a file by name; `None` for one with mistakes, so that a route that names it is not
/// blamed for them.
pub(super) struct Quotas(BTreeMap<String, Option<Quota>>);

// === impl Quotas ===

impl Quotas {
    /// Reads the tables. One that none of the `routes` names is a mistake.
    pub(super) fn read(tables: &[Table], routes: &[Table], mistakes: &mut Vec<Mistake>) -> Self {
        let named: BTreeSet<&str> =
            routes.iter().filter_map(|route| route.get("quota")?.as_str()).collect();
        let mut quotas = BTreeMap::new();
        for (index, table) in tables.iter().enumerate() {
            let name = table.get("name").and_then(Value::as_str);
            let place = match name {
                Some(name) => format!("quota {} ({name})", index + 1),
                None => format!("quota {}", index + 1),
            };
            let quota = quota(&place, table, mistakes);
            let Some(name) = name else { continue };
            if !named.contains(name) {
                mistakes.push(Mistake::new(&place, "no route names it"));
            }
            if quotas.insert(name.to_owned(), quota).is_some() {
                mistakes.push(Mistake::new(format!("{place}.name"), "is there twice"));
            }
        }
        Self(quotas)
    }

    /// The quota of that name.
    pub(super) fn get(
        &self,
        place: &str,
        name: &str,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Quota> {
        let quota = self.0.get(name);
        if quota.is_none() {
            mistakes
                .push(Mistake::new(place, format!("there is no [[quota]] with name = {name:?}")));
        }
        quota?.clone()
    }
}

/// One table; `None` when it has mistakes.
fn quota(place: &str, table: &Table, mistakes: &mut Vec<Mistake>) -> Option<Quota> {
    let raw: raw::Quota = strict_toml::read(place, table, mistakes);
    for (key, what) in KEYS.iter().filter(|(key, _)| !table.contains_key(*key)) {
        mistakes.push(Mistake::new(format!("{place}.{key}"), format!("is required: {what}")));
    }
    let count = raw.count.map(NonZeroU32::new);
    if count == Some(None) {
        mistakes.push(Mistake::new(
            format!("{place}.count"),
            "expected 1 or more; without free calls, take the quota away",
        ));
    }
    if raw.name.as_deref().is_some_and(|name| !is_name(name)) {
        let text = format!("expected 1 to {LONGEST_NAME} lower-case letters, digits, - and _");
        mistakes.push(Mistake::new(format!("{place}.name"), text));
    }
    let most = raw.name.as_deref().map_or(u32::MAX, most);
    if raw.count.is_some_and(|count| count > most) {
        mistakes.push(Mistake::new(
            format!("{place}.count"),
            format!("expected at most {most} calls in a window"),
        ));
    }
    let (raw::QuotaRail::X402, window) = (raw.rail?, window(raw.window?));
    Some(Quota { name: raw.name.filter(|name| is_name(name))?, count: count??, window })
}

fn is_name(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(plain)
}

const fn window(raw: raw::QuotaWindow) -> Window {
    match raw {
        raw::QuotaWindow::Month => Window::Month,
        raw::QuotaWindow::Day => Window::Day,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The quotas in this text, which also has the routes, and the places of its mistakes.
    fn read(text: &str) -> (Quotas, Vec<String>) {
        let file: raw::File = text.parse::<Table>().unwrap().try_into().unwrap();
        let mut mistakes = Vec::new();
        let quotas = Quotas::read(&file.quota, &file.route, &mut mistakes);
        (quotas, mistakes.into_iter().map(|mistake| mistake.place).collect())
    }

    fn get(quotas: &Quotas, name: &str) -> (Option<Quota>, usize) {
        let mut mistakes = Vec::new();
        (quotas.get("here", name, &mut mistakes), mistakes.len())
    }

    #[test]
    fn quotas_are_found_by_name_in_either_window() {
        let (quotas, mistakes) = read(
            "route = [{ quota = \"trial\" }, { quota = \"trial\" }, { quota = \"daily-2\" }]
             quota = [
                 { name = \"trial\", rail = \"x402\", count = 5, window = \"month\" },
                 { name = \"daily-2\", rail = \"x402\", count = 1, window = \"day\" },
             ]",
        );
        assert_eq!(mistakes, Vec::<String>::new());
        for (name, count, window) in [("trial", 5, Window::Month), ("daily-2", 1, Window::Day)] {
            let quota =
                Quota { name: name.to_owned(), count: NonZeroU32::new(count).unwrap(), window };
            assert_eq!(get(&quotas, name), (Some(quota), 0));
        }
        assert_eq!(get(&quotas, "other"), (None, 1));
    }

    #[test]
    fn each_mistake_of_a_quota_has_its_place() {
        let good = "name = \"a\", rail = \"x402\", count = 5, window = \"month\"";
        let long = "a".repeat(41);
        let unnamed = |text: &str| format!("quota = [{{ {text} }}]");
        let named = |name: &str, text: &str| {
            format!("route = [{{ quota = {name:?} }}]\nquota = [{{ {text} }}]")
        };
        for (text, places) in [
            (unnamed(good), &["quota 1 (a)"][..]),
            (unnamed(""), &["quota 1.name", "quota 1.rail", "quota 1.count", "quota 1.window"]),
            (
                unnamed("name = 1"),
                &["quota 1.name", "quota 1.rail", "quota 1.count", "quota 1.window"],
            ),
            (
                named("a", "name = \"a\""),
                &["quota 1 (a).rail", "quota 1 (a).count", "quota 1 (a).window"],
            ),
            (named("a", &good.replace('5', "0")), &["quota 1 (a).count"]),
            (named("a", &good.replace('5', "-1")), &["quota 1 (a).count"]),
            (named("a", &good.replace("month", "week")), &["quota 1 (a).window"]),
            (named("a", &good.replace("x402", "mpp")), &["quota 1 (a).rail"]),
            (named("a", &format!("{good}, colour = 1")), &["quota 1 (a).colour"]),
            (named("A", &good.replace("\"a\"", "\"A\"")), &["quota 1 (A).name"]),
            (named("", &good.replace("\"a\"", "\"\"")), &["quota 1 ().name"]),
            (named("a b", &good.replace("\"a\"", "\"a b\"")), &["quota 1 (a b).name"]),
            (named("a", &format!("{good} }}, {{ {good}")), &["quota 2 (a).name"]),
        ] {
            assert_eq!(read(&text).1, places, "{text}");
        }
        let (_, places) = read(&named(&long, &good.replace("\"a\"", &format!("{long:?}"))));
        assert_eq!(places, [format!("quota 1 ({long}).name")]);
    }

    #[test]
    fn a_route_is_not_blamed_for_the_mistakes_of_its_quota() {
        let (quotas, _) = read(
            "route = [{ quota = \"a\" }]\nquota = [{ name = \"a\", rail = \"x402\", count = 0, window = \"day\" }]",
        );
        assert_eq!(get(&quotas, "a"), (None, 0));
    }
}
