//! The one table of routes: what is not in it is never served and never forwarded.
//!
//! Matching is exact on the raw bytes of the path. Nothing is decoded, collapsed or folded, so that
//! the gateway and the upstream cannot disagree on which route a request names.

use http::Method;
use payments::route::Quota;

use super::own::OwnRoute;
use super::read_route::split_prefix;
use super::route::{Route, Target};
use super::{Profile, ProfileError};
use crate::strict_toml::Mistake;

/// The longest value of a `:name` segment.
const MAX_PARAM_BYTES: usize = 64;

/// Every route of the gateway and its upstream.
#[derive(Debug, Clone)]
pub struct RouteTable {
    paths: matchit::Router<usize>,
    /// Routes that share a path, in the order of registration.
    by_path: Vec<Vec<Route>>,
    prefixes: Vec<String>,
}

/// What a method and path name.
#[derive(Debug)]
pub enum Find<'a> {
    /// A route.
    Route {
        /// The route.
        route: &'a Route,
        /// The raw path without `/v1`.
        canonical_path: &'a str,
        /// The values of the `:name` segments.
        params: Vec<(&'a str, &'a str)>,
    },
    /// The path exists with other methods: 405.
    WrongMethod {
        /// For `Allow`.
        allow: Vec<Method>,
    },
    /// No such path: 404.
    NotFound,
}

impl RouteTable {
    /// The table of a profile and the gateway's own routes.
    ///
    /// # Errors
    /// Routes that exist twice, or patterns that no path could tell apart.
    pub fn new(profile: &Profile, own: &[OwnRoute]) -> Result<Self, ProfileError> {
        let mut table = Self {
            paths: matchit::Router::new(),
            by_path: Vec::new(),
            prefixes: profile.upstream.strip_prefixes.clone(),
        };
        let own = own.iter().map(|own| Route::new(own.method(), own.pattern(), Target::Own(*own)));
        let mut patterns = std::collections::BTreeMap::new();
        let mut mistakes = Vec::new();
        for (number, route) in own.chain(profile.routes.iter().cloned()).enumerate() {
            let index = *patterns.entry(route.pattern.clone()).or_insert_with(|| {
                let index = table.by_path.len();
                table.by_path.push(Vec::new());
                if let Err(error) = table.paths.insert(matchit_pattern(&route.pattern), index) {
                    mistakes.push(Mistake::new(&route.key, error.to_string()));
                }
                index
            });
            if table.by_path[index].iter().any(|other| other.method == route.method) {
                mistakes.push(Mistake::new(&route.key, "is there twice, or the gateway's own"));
            }
            table.by_path[index].push(Route { number, ..route });
        }
        if mistakes.is_empty() {
            Ok(table)
        } else {
            Err(ProfileError { profile: profile.name.clone(), mistakes })
        }
    }

    /// What a request names. `raw_path` is the path as received, without query.
    #[must_use]
    pub fn find<'a>(&'a self, method: &Method, raw_path: &'a str) -> Find<'a> {
        let (_, canonical_path) = split_prefix(raw_path, &self.prefixes);
        let Ok(matched) = self.paths.at(canonical_path) else {
            return Find::NotFound;
        };
        if !matched.params.iter().all(|(_, value)| is_param(value)) {
            return Find::NotFound;
        }
        let routes = &self.by_path[*matched.value];
        match routes.iter().find(|route| route.method == *method) {
            Some(route) => {
                Find::Route { route, canonical_path, params: matched.params.iter().collect() }
            }
            None => Find::WrongMethod {
                allow: routes.iter().map(|route| route.method.clone()).collect(),
            },
        }
    }

    /// Whether credits pay for a call of any route: only then are packs of them on sale.
    #[must_use]
    pub fn takes_credits(&self) -> bool {
        let mut terms = self.routes().filter_map(|route| route.upstream()?.access.terms());
        terms.any(|terms| terms.credits.is_some())
    }

    /// The free calls of the route with this key.
    #[must_use]
    pub fn quota_of(&self, key: &str) -> Option<&Quota> {
        self.routes().find(|route| route.key == key)?.upstream()?.access.terms()?.free.as_ref()
    }

    /// Every route, for the generated descriptions.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.by_path.iter().flatten()
    }
}

/// `/launches/:id` as matchit writes it.
fn matchit_pattern(pattern: &str) -> String {
    let segment = |segment: &str| match segment.strip_prefix(':') {
        Some(name) => format!("{{{name}}}"),
        None => segment.to_owned(),
    };
    pattern.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn is_param(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_PARAM_BYTES).contains(&value.len()) && value.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn table() -> RouteTable {
        let profile = Profile::load("dropspace", &|_| None).unwrap();
        RouteTable::new(&profile, &OwnRoute::ALL).unwrap()
    }

    #[test]
    fn every_route_is_found_with_and_without_v1() {
        let table = table();
        assert_eq!(table.routes().count(), 8 + OwnRoute::ALL.len());
        for route in table.routes() {
            let path = route.pattern.replace(":id", "Ab_9-z");
            for raw in [path.clone(), format!("/v1{path}")] {
                let Find::Route { route: found, canonical_path, params } =
                    table.find(&route.method, &raw)
                else {
                    panic!("{raw} is not found");
                };
                assert_eq!(found.key, route.key);
                assert_eq!(canonical_path, path);
                assert_eq!(params.is_empty(), !route.pattern.contains(":id"));
                assert!(params.iter().all(|param| *param == ("id", "Ab_9-z")));
            }
        }
    }

    /// R096: whatever a path is dressed as, only the exact bytes name a route.
    #[test]
    fn path_tricks_name_nothing() {
        let table = table();
        let long = format!("/launches/{}", "a".repeat(65));
        for path in [
            "",
            "/",
            "*",
            "launches",
            "//launches",
            "/launches/",
            "/launches//",
            "/./launches",
            "/launches/.",
            "/x/../launches",
            "/launches/..",
            "/launches/../credits",
            "/%6Caunches",
            "/%6caunches",
            "/launches%2F",
            "/launches%2fid",
            "/LAUNCHES",
            "/Launches",
            "/launches;a=1",
            "/launches/id;a=1",
            "/launches%00",
            "/launches\0",
            "/launches/%00",
            "/launches ",
            " /launches",
            "/launches\\",
            "\\launches",
            "/launches/a%2Fb",
            "/launches//status",
            "/launches/a/status/",
            "/launches/a/b/status",
            "/launches/a.b",
            "/launches/é",
            "/launches/a b",
            "/launches/:id",
            "/launches/{id}",
            "/v1",
            "/v1/",
            "/v1//launches",
            "/v1/v1/launches",
            "/V1/launches",
            "/v2/launches",
            "/v1launches",
            "/v1/../launches",
            "http://host/launches",
            "/launches?x=1",
            "/launches#x",
            "/credits/",
            "/credits/purchase/x",
            "/payments/",
            "/openapi.json/",
            "/openapi%2Ejson",
            "/_core/launches/by-key/k",
            &long,
        ] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                assert!(matches!(table.find(&method, path), Find::NotFound), "{method} {path:?}");
            }
        }
        let longest = format!("/launches/{}", "a".repeat(64));
        assert!(matches!(table.find(&Method::GET, &longest), Find::Route { .. }));
    }

    /// R097: a method is exact; `HEAD` is not implied.
    #[test]
    fn other_methods_are_told_what_is_allowed() {
        let table = table();
        let post = Method::from_bytes(b"post").unwrap();
        for method in
            [Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::CONNECT, post]
        {
            let Find::WrongMethod { allow } = table.find(&method, "/v1/launches") else {
                panic!("{method} is served");
            };
            assert_eq!(allow, [Method::POST, Method::GET]);
        }
        let Find::WrongMethod { allow } = table.find(&Method::POST, "/usage") else {
            panic!("POST /usage is served");
        };
        assert_eq!(allow, [Method::GET]);
    }

    #[test]
    fn an_upstream_cannot_take_an_own_route() {
        let mut profile = Profile::load("dropspace", &|_| None).unwrap();
        let mut taken = profile.routes[1].clone();
        taken.pattern = "/usage".to_owned();
        taken.key = "GET /usage".to_owned();
        profile.routes.push(taken);
        let error = RouteTable::new(&profile, &OwnRoute::ALL).unwrap_err();
        assert!(error.to_string().contains("GET /usage"), "{error}");
    }
}
