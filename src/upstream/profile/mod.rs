//! A profile: what an upstream offers, what a call costs there, and how it answers.
//!
//! One TOML file (`schema = 2`) makes any API payable. Reading it names every mistake at once. No
//! match in its routes means 404: nothing that a profile does not name is ever forwarded.

mod access;
mod builtin;
mod codes;
pub mod outcome;
mod own;
mod prices;
mod raw;
mod read;
mod read_outcome;
mod read_quota;
mod read_route;
mod read_upstream;
mod route;
mod table;
#[cfg(test)]
mod tests;
mod upgrade;
mod values;

use std::fmt;

use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

pub use codes::{Codes, Condition};
use outcome::OutcomeRules;
pub use own::OwnRoute;
pub use prices::LaunchPrices;
pub use route::{Judgement, Route, Target, UpstreamRoute};
pub use table::{Find, RouteTable};
pub use upgrade::{Upgrade, upgrade};

use crate::strict_toml::Mistake;

/// A checked profile.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// The API behind the gateway.
    pub upstream: Upstream,
    /// What the gateway shows the API; `None` when the profile names none or its variables are not
    /// set.
    pub credential: Option<Credential>,
    /// Variables that a built-in profile names and the environment does not have, by key; a file
    /// that names one is refused.
    pub unset: Vec<Mistake>,
    /// The shape of the API's errors.
    pub envelope: Envelope,
    /// The API's rate headers. The gateway replaces their values: the API's own speak of our key.
    pub rate_headers: Option<RateHeaders>,
    /// The status and code of each condition.
    pub codes: Codes,
    /// What its answers mean, whatever the route.
    pub outcome: OutcomeRules,
    /// Who keeps whose resource is whose.
    pub ownership: Ownership,
    /// How an attempt is named so that a repeat creates nothing.
    pub idempotency: Idempotency,
    /// The API's own keys that pass through.
    pub api_keys: ApiKeys,
    /// Every route, in the order of the file.
    pub routes: Vec<Route>,
}

impl Profile {
    /// Reads a built-in profile by name, or a file by path. `env` answers `${NAME}` wherever it
    /// stands in a text.
    ///
    /// # Errors
    /// Every mistake of the file at once.
    pub fn load(
        name_or_path: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ProfileError> {
        let error = |mistakes| ProfileError { profile: name_or_path.to_owned(), mistakes };
        let (text, schemas) = builtin::profile(name_or_path)
            .map_err(|unknown| error(vec![Mistake::new("profile", unknown.to_string())]))?;
        read::profile(&text, &schemas, env).map_err(error)
    }

    /// The route of that key, for example `POST /launches`.
    #[must_use]
    pub fn route(&self, key: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.key == key)
    }

    /// Whether an upstream of its own can be called. Not to be asked for the embedded core.
    ///
    /// # Errors
    /// Variables that are not set; a missing `upstream.signing_secret` when the upstream trusts our
    /// identity headers.
    pub fn require_network(&self, signing_secret_set: bool) -> Result<(), ProfileError> {
        let mut mistakes = self.unset.clone();
        if self.ownership == Ownership::Upstream && !signing_secret_set {
            let text = "needs upstream.signing_secret: nobody else may say who is asking";
            mistakes.push(Mistake::new("ownership", text));
        }
        if mistakes.is_empty() {
            return Ok(());
        }
        Err(ProfileError { profile: self.name.clone(), mistakes })
    }
}

/// Where the API is and how much it bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// `http(s)://host[:port][/path]` without a trailing slash.
    pub base_url: String,
    /// Prefixes with which every path is served too; `/v1` always is.
    pub strip_prefixes: Vec<String>,
    /// How long an answer may take.
    pub timeout_s: u64,
    /// The largest body, of requests and of answers.
    pub max_body_bytes: u64,
    /// A path that answers 200 while the API is well.
    pub health: Option<String>,
    /// Calls per minute for all agents together.
    pub per_minute: Option<u32>,
    /// Calls at the same time.
    pub concurrent: Option<u32>,
}

/// What the gateway shows the API. The values are marked sensitive and print as such.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The header of the credential.
    pub header: HeaderName,
    /// Its value.
    pub value: HeaderValue,
    /// Further fixed headers.
    pub extra: Vec<(HeaderName, HeaderValue)>,
}

/// JSON pointers into an error of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The error code.
    pub code: String,
    /// The text for people.
    pub message: String,
    /// Seconds to wait.
    pub retry_after: Option<String>,
    /// Members that every error has.
    pub constants: Vec<(String, Value)>,
}

impl Envelope {
    /// The gateway's own error in the shape of this API: code, text and waiting time where its
    /// clients look for them. What is there already stays, so that clients of the payment protocols
    /// find what they look for.
    #[must_use]
    pub fn dress(
        &self,
        body: Vec<u8>,
        code: &str,
        message: &str,
        retry_after_s: Option<u64>,
    ) -> Vec<u8> {
        let plain = self.code == "/error/code"
            && self.message == "/error/message"
            && self.constants.is_empty();
        if plain && (retry_after_s.is_none() || self.retry_after.is_none()) {
            return body;
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(&body) else { return body };
        put(&mut value, &self.code, code.into());
        put(&mut value, &self.message, message.into());
        if let (Some(pointer), Some(seconds)) = (&self.retry_after, retry_after_s) {
            put(&mut value, pointer, seconds.into());
        }
        for (pointer, constant) in &self.constants {
            put(&mut value, pointer, constant.clone());
        }
        value.to_string().into_bytes()
    }
}

/// Sets the member that a JSON pointer names; objects on the way are made, anything else on the way
/// is left alone.
fn put(value: &mut Value, pointer: &str, new: Value) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    let mut at = value;
    for part in parent.split('/').skip(1) {
        let Value::Object(members) = at else { return };
        at = members.entry(part).or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    if let Value::Object(members) = at {
        members.insert(name.to_owned(), new);
    }
}

/// The names of the rate headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateHeaders {
    /// Calls in a window.
    pub limit: HeaderName,
    /// Calls left.
    pub remaining: HeaderName,
    /// When the window ends.
    pub reset: HeaderName,
    /// The unit of `reset`.
    pub reset_unit: ResetUnit,
}

impl Default for RateHeaders {
    fn default() -> Self {
        Self {
            limit: HeaderName::from_static("x-ratelimit-limit"),
            remaining: HeaderName::from_static("x-ratelimit-remaining"),
            reset: HeaderName::from_static("x-ratelimit-reset"),
            reset_unit: ResetUnit::Ms,
        }
    }
}

/// The unit of a unix time in a rate header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResetUnit {
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
}

/// Who keeps whose resource is whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ownership {
    /// The API, which trusts our signed identity headers.
    Upstream,
    /// The gateway keeps who made what, filters, and answers 404.
    Gateway,
}

/// The API's own keys: whoever shows one on a route that takes it is the API's customer and not
/// ours. Its `Authorization` passes untouched, and nothing is charged. Each route says whether it
/// takes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeys {
    /// What a key begins with; none: no key passes.
    pub prefixes: Vec<String>,
}

impl ApiKeys {
    /// Whether a bearer token is such a key.
    #[must_use]
    pub fn has(&self, token: &str) -> bool {
        self.prefixes.iter().any(|prefix| token.starts_with(prefix.as_str()))
    }
}

/// How an attempt is named at the API. All empty: it cannot be, and an unknown creation waits for
/// an operator.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Idempotency {
    /// The header that carries the intent id.
    pub header: Option<HeaderName>,
    /// The path that answers what a key created, with `:key`.
    pub lookup: Option<String>,
    /// The path that lists everything that was created through us.
    pub list: Option<String>,
}

/// Everything that is wrong in a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError {
    /// The name or path that was asked for.
    pub profile: String,
    /// All mistakes.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "profile {:?}:", self.profile)?;
        for mistake in &self.mistakes {
            write!(f, "\n  {mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ProfileError {}
