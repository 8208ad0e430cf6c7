//! What goes wrong on demand: a rule for the next calls of a route.

use http::Method;
use serde::{Deserialize, Serialize};

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The connection is closed; nothing was done.
    DropBefore,
    /// It is done and stored, and the connection is closed without an answer.
    DropAfter,
    /// It is done and stored, nothing is heard for `ms` milliseconds, and then the connection is
    /// closed.
    HangAfter {
        /// How long.
        ms: u64,
    },
    /// It begins only `ms` milliseconds later; meanwhile its idempotency key is in use.
    Delay {
        /// How long.
        ms: u64,
    },
    /// It is done, and the answer that is stored and sent is a 500.
    ErrorAfter,
    /// 500; nothing was done, and that answer is stored: its key says nothing else for a day.
    ErrorKept,
    /// 500; nothing was done and nothing is stored for the key.
    ErrorBefore,
    /// 429 with `Retry-After`; nothing was done.
    RateLimited {
        /// How long the client is asked to wait, in seconds.
        retry_after_s: u64,
    },
    /// 424: something that Stripe itself depends on failed; nothing was done, and that answer is
    /// stored.
    DependencyFailed,
    /// 402 about the token, as an invalid request; nothing was done.
    TokenRefused,
    /// 409 as if a request with the same key was being worked on; nothing was done.
    Conflict,
    /// It is done, and the answer tells another amount or currency.
    WrongAnswer {
        /// Told instead of the amount.
        #[serde(default)]
        amount: Option<i64>,
        /// Told instead of the currency.
        #[serde(default)]
        currency: Option<String>,
    },
}

/// A fault for the next `times` calls of `method path`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// `GET`, `POST`, or `*`.
    pub method: String,
    /// A path without query; a segment `*` or one that begins with `:` stands for any.
    pub path: String,
    /// What happens.
    #[serde(flatten)]
    pub fault: Fault,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl Rule {
    /// One fault for the next call of `method path`.
    pub fn once(method: &str, path: &str, fault: Fault) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), fault, times: 1 }
    }

    fn fits(&self, method: &Method, path: &str) -> bool {
        let same =
            |(ours, theirs): (&str, &str)| ours == "*" || ours.starts_with(':') || ours == theirs;
        let method_fits = self.method == "*" || self.method.eq_ignore_ascii_case(method.as_str());
        let lengths_fit = self.path.split('/').count() == path.split('/').count();
        method_fits && lengths_fit && self.path.split('/').zip(path.split('/')).all(same)
    }
}

/// The rules in the order in which they came. They live as long as the process.
#[derive(Default)]
pub(super) struct Faults(Vec<Rule>);

impl Faults {
    pub(super) fn add(&mut self, rule: Rule) {
        if rule.times > 0 {
            self.0.push(rule);
        }
    }

    /// Uses up one time of the first rule that fits.
    pub(super) fn take(&mut self, method: &Method, path: &str) -> Option<Fault> {
        let at = self.0.iter().position(|rule| rule.fits(method, path))?;
        let rule = &mut self.0[at];
        rule.times -= 1;
        let fault = rule.fault.clone();
        if rule.times == 0 {
            self.0.remove(at);
        }
        Some(fault)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn left(&self) -> &[Rule] {
        &self.0
    }
}
