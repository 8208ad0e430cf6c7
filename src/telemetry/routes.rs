//! Counts of the agents' requests. What every request needs is a handle that was made at the start,
//! found by the route's number: the answer to a stranger hashes nothing and locks nothing for it.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use metrics::{Counter, Histogram};

use super::{
    names::{CHALLENGES, REQUEST_DURATION},
    registry::Registry,
};

/// Statuses that are told apart.
const STATUSES: [(u16, &str); 26] = [
    (200, "200"),
    (201, "201"),
    (202, "202"),
    (204, "204"),
    (301, "301"),
    (302, "302"),
    (304, "304"),
    (400, "400"),
    (401, "401"),
    (402, "402"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (408, "408"),
    (409, "409"),
    (410, "410"),
    (413, "413"),
    (415, "415"),
    (422, "422"),
    (429, "429"),
    (431, "431"),
    (500, "500"),
    (501, "501"),
    (502, "502"),
    (503, "503"),
    (504, "504"),
];
const OTHER_STATUS: &str = "other";
/// Why a request without a credential is challenged.
pub(super) const NO_CREDENTIAL: &str = "no_credential";
/// The route of what has none.
const NO_ROUTE: &str = "none";

/// Which rail a credential is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rail {
    /// No credential, or one that pays for nothing.
    None,
    /// USDC on the chain.
    X402,
    /// A card, or the account of one.
    Mpp,
}

/// What came of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Valid,
    /// It does not.
    Refused,
    /// Nobody could say.
    Unknown,
}

pub(super) struct Routes {
    /// By the route's number; the last one stands for what has no route.
    list: Vec<OneRoute>,
}

struct OneRoute {
    key: String,
    durations: [OnceLock<Histogram>; STATUSES.len() + 1],
    /// None where nothing is asked for.
    challenges: Option<Counter>,
    /// Challenges that the books do not have yet.
    unwritten: AtomicU64,
}

impl Routes {
    pub(super) fn new<'a>(
        registry: &Registry,
        routes: impl Iterator<Item = (usize, &'a str, bool)>,
    ) -> Self {
        let mut routes: Vec<_> = routes.collect();
        routes.sort_by_key(|(number, _, _)| *number);
        let list = routes.into_iter().map(|(_, key, asks)| OneRoute::new(registry, key, asks));
        Self { list: list.chain([OneRoute::new(registry, NO_ROUTE, false)]).collect() }
    }

    fn of(&self, route: Option<usize>) -> Option<&OneRoute> {
        let last = self.list.len().saturating_sub(1);
        self.list.get(route.unwrap_or(last).min(last))
    }

    pub(super) fn answered(
        &self,
        registry: &Registry,
        route: Option<usize>,
        status: u16,
        took: Duration,
    ) {
        let Some(route) = self.of(route) else { return };
        let place =
            STATUSES.binary_search_by_key(&status, |(status, _)| *status).unwrap_or(STATUSES.len());
        route.durations[place].get_or_init(|| route.duration(registry, status)).record(took);
    }

    pub(super) fn challenged(&self, route: Option<usize>) {
        let Some(route) = self.of(route) else { return };
        if let Some(challenges) = &route.challenges {
            challenges.increment(1);
        }
        route.unwritten.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn challenged_because(
        &self,
        registry: &Registry,
        route: Option<usize>,
        rail: Rail,
        reason: &str,
    ) {
        let Some(route) = self.of(route) else { return };
        let labels = [("rail", rail.word()), ("route", route.key.as_str()), ("reason", reason)];
        registry.counter(CHALLENGES, &labels).increment(1);
        route.unwritten.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn take_challenges(&self) -> Vec<(String, u64)> {
        let taken =
            self.list.iter().map(|route| (&route.key, route.unwritten.swap(0, Ordering::Relaxed)));
        taken.filter(|(_, count)| *count > 0).map(|(key, count)| (key.clone(), count)).collect()
    }

    pub(super) fn give_back_challenges(&self, counts: &[(String, u64)]) {
        for (key, count) in counts {
            if let Some(route) = self.list.iter().find(|route| route.key == *key) {
                route.unwritten.fetch_add(*count, Ordering::Relaxed);
            }
        }
    }
}

impl OneRoute {
    fn new(registry: &Registry, key: &str, asks: bool) -> Self {
        let labels = [("rail", Rail::None.word()), ("route", key), ("reason", NO_CREDENTIAL)];
        let challenges = asks.then(|| registry.counter(CHALLENGES, &labels));
        Self {
            key: key.to_owned(),
            durations: [const { OnceLock::new() }; STATUSES.len() + 1],
            challenges,
            unwritten: AtomicU64::new(0),
        }
    }

    fn duration(&self, registry: &Registry, status: u16) -> Histogram {
        let (method, path) = self.key.split_once(' ').unwrap_or(("other", NO_ROUTE));
        let labels = [
            ("http_request_method", method),
            ("http_route", path),
            ("http_response_status_code", status_label(status)),
        ];
        registry.histogram(REQUEST_DURATION, &labels)
    }
}

/// A status as a label.
pub(super) fn status_label(status: u16) -> &'static str {
    STATUSES
        .binary_search_by_key(&status, |(status, _)| *status)
        .map_or(OTHER_STATUS, |place| STATUSES[place].1)
}

impl Rail {
    /// The label.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::X402 => "x402",
            Self::Mpp => "mpp",
        }
    }
}

impl Verdict {
    /// The label.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn challenges_that_could_not_be_written_are_given_back() {
        let registry = Registry::new();
        let routes = Routes::new(
            &registry,
            [(0, "POST /launches", true), (1, "GET /launches", true)].into_iter(),
        );
        routes.challenged(Some(0));
        routes.challenged(Some(0));
        routes.challenged_because(&registry, Some(1), Rail::X402, "insufficient_funds");
        let taken = routes.take_challenges();
        assert_eq!(
            taken,
            [(String::from("POST /launches"), 2), (String::from("GET /launches"), 1)]
        );
        assert!(routes.take_challenges().is_empty());
        routes.give_back_challenges(&taken);
        routes.challenged(Some(0));
        assert_eq!(
            routes.take_challenges(),
            [(String::from("POST /launches"), 3), (String::from("GET /launches"), 1)]
        );
    }

    #[test]
    fn statuses_are_sorted_and_what_is_not_listed_is_one_label() {
        assert!(STATUSES.is_sorted());
        assert!(
            STATUSES
                .iter()
                .all(|(status, label)| status.to_string() == *label
                    && status_label(*status) == *label)
        );
        assert_eq!(status_label(418), "other");
    }
}
