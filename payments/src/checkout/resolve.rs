//! An operator decides a creation whose outcome is unknown.

use bytes::Bytes;
use serde_json::json;

use super::{Settings, create::never_created};
use crate::{
    ids::PaymentId,
    intent::{EndedBy, Intent, State, StoredAnswer, TransitionError},
    ports::{
        Books, BooksError,
        desk::{DeskBooks, NewAction},
    },
    time::UnixMs,
};

/// How the list of actions names it.
const ACTION: &str = "payment.resolve";
/// Longest name of a result, in bytes.
const LONGEST_RESULT: usize = 200;

/// What an operator found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedAs {
    /// The upstream did it: what it made has this name, or none that is known.
    Done(Option<ResultName>),
    /// The upstream did not do it, and will not.
    NotDone,
}

/// The upstream's name of what it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultName(String);

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The payment.
    pub id: PaymentId,
    /// What became of it.
    pub found: ResolvedAs,
    /// Why; kept in the list of actions.
    pub reason: String,
    /// `page`, `api` or `cli`.
    pub via: &'static str,
    /// Now.
    pub at: UnixMs,
    /// Only says what would come of it; nothing changes.
    pub dry_run: bool,
}

/// The numbers of the rules that it goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolveRules {
    /// As in [`Settings`].
    pub core_deadline_ms: i64,
    /// As in [`Settings`].
    pub core_late_copy_ms: i64,
    /// As in [`Settings`].
    pub entitlement_ms: i64,
    /// As in [`Settings`].
    pub lease_ms: i64,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ResolveRefusal {
    /// There is no such payment.
    #[error("there is no such payment")]
    Unknown,
    /// Its outcome is known.
    #[error("it is finished: {}", .0.word())]
    Finished(State),
    /// Whether it was paid is not known yet, or nothing goes upstream for it.
    #[error("it is {}: nothing was sent upstream for it", .0.word())]
    NotSent(State),
    /// A copy of it may still arrive upstream.
    #[error("a copy of it may be under way to the upstream until {}", .until.rfc3339_s())]
    UnderWay {
        /// Until when, as far as is known now.
        until: UnixMs,
    },
    /// A gateway is at work on it.
    #[error("a gateway is at work on it now; ask again in a minute")]
    Driven,
    /// It cannot be booked.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// The books failed.
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// Ends the payment as the operator says: what was done is earned, and what was not is owed as
/// after a refusal, which is not held against the payer. The action is noted before anything
/// changes; the lease keeps every driver away.
///
/// # Errors
/// [`ResolveRefusal`]: nothing changed.
pub async fn resolve(
    books: &dyn Books,
    desk: &dyn DeskBooks,
    rules: ResolveRules,
    asked: Resolution,
) -> Result<Intent, ResolveRefusal> {
    let intent = books.intent(asked.id).await?.ok_or(ResolveRefusal::Unknown)?;
    may_end(&intent, rules, asked.at)?;
    if asked.dry_run {
        return Ok(intent);
    }
    let until = asked.at.plus_ms(rules.lease_ms);
    let intent = books.take(asked.id, asked.at, until).await?.ok_or(ResolveRefusal::Driven)?;
    let ended = match may_end(&intent, rules, asked.at) {
        Ok(()) => end(books, desk, rules, &intent, asked).await,
        Err(refusal) => Err(refusal),
    };
    if ended.is_err() {
        // Whatever it is, the next round of the recovery loop goes on with it.
        let _ = books.release_lease(intent.id, intent.guard.fence).await;
    }
    ended
}

/// Whether an operator may end the payment now: nothing of it can reach the upstream any more.
///
/// # Errors
/// [`ResolveRefusal::UnderWay`], [`ResolveRefusal::NotSent`] or [`ResolveRefusal::Finished`], by
/// its state.
pub fn may_end(intent: &Intent, rules: ResolveRules, now: UnixMs) -> Result<(), ResolveRefusal> {
    let until = intent.silent_since(rules.core_deadline_ms, rules.core_late_copy_ms);
    match intent.state {
        State::CoreUnknown if intent.not_done || now >= until => Ok(()),
        State::CoreUnknown | State::Forwarding => Err(ResolveRefusal::UnderWay { until }),
        state @ (State::Queued
        | State::Signed
        | State::Submitted
        | State::SubmitUnknown
        | State::Charged) => Err(ResolveRefusal::NotSent(state)),
        state @ (State::PayFailed
        | State::Created
        | State::Rejected
        | State::Released
        | State::Granted) => Err(ResolveRefusal::Finished(state)),
    }
}

async fn end(
    books: &dyn Books,
    desk: &dyn DeskBooks,
    rules: ResolveRules,
    intent: &Intent,
    asked: Resolution,
) -> Result<Intent, ResolveRefusal> {
    let at = asked.at;
    let transition = match asked.found {
        ResolvedAs::Done(result) => {
            let (answer, name) = done(result);
            intent.created(answer, name, at)?
        }
        ResolvedAs::NotDone => {
            intent.refused(never_created(), at.plus_ms(rules.entitlement_ms), at)?
        }
    };
    let (action, subject) = (ACTION, intent.id.to_string());
    desk.note_action(&NewAction { at, action, subject, reason: asked.reason, via: asked.via })
        .await?;
    Ok(books.apply(transition.brought_by(EndedBy::Operator)).await?)
}

/// What its client is answered, and the result's name: the upstream's own answer was never seen.
fn done(result: Option<ResultName>) -> (StoredAnswer, String) {
    let (status, body) = match &result {
        Some(ResultName(name)) => (200, json!({"data": {"id": name}, "answer_kept": false})),
        None => {
            let message = "it was done, and its answer was not kept";
            (
                410,
                json!({"error": {"code": "SERVER_001", "message": message}, "reason": "answer_not_kept", "retry": "never"}),
            )
        }
    };
    let headers = vec![(String::from("content-type"), String::from("application/json"))];
    let answer = StoredAnswer { status, headers, body: Bytes::from(body.to_string()) };
    (answer, result.map(|ResultName(name)| name).unwrap_or_default())
}

// === impl ResolvedAs ===

impl ResolvedAs {
    /// The word in answers.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::NotDone => "not_done",
        }
    }
}

// === impl ResultName ===

impl ResultName {
    /// What is accepted.
    pub const EXPECTED: &'static str =
        "the upstream's name of the result, 1 to 200 visible characters of ASCII";

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        let good = (1..=LONGEST_RESULT).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        good.then(|| Self(text.to_owned()))
    }
}

// === impl ResolveRules ===

impl From<&Settings> for ResolveRules {
    fn from(settings: &Settings) -> Self {
        Self {
            core_deadline_ms: settings.core_deadline_ms,
            core_late_copy_ms: settings.core_late_copy_ms,
            entitlement_ms: settings.entitlement_ms,
            lease_ms: settings.lease_ms,
        }
    }
}
