//! What stands around every view: the ways to the others, who is there, what was just done.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{FromRequestParts, State},
    response::{Html, IntoResponse, Redirect, Response},
};
use http::{StatusCode, request::Parts};
use payments::ports::BooksError;

use crate::operator::{Desk, answer::Refusal, ask::Asked, guard::Access};

/// The views in the bar: key, address, name.
const VIEWS: [(char, &str, &str); 9] = [
    ('o', "/operator", "Overview"),
    ('s', "/operator/settlements", "Payments"),
    ('n', "/operator/attention", "Needs attention"),
    ('c', "/operator/credits", "Credits"),
    ('r', "/operator/reconciliation", "Reconciliation"),
    ('j', "/operator/journal", "Journal"),
    ('q', "/operator/requests", "Requests"),
    ('a', "/operator/audit", "Audit log"),
    ('k', "/operator/config", "Configuration"),
];

/// What was done, by its word in the address; nothing of an address is ever shown itself.
const DONE: [(&str, &str); 15] = [
    ("opened", "Charging is resumed; the next rejection closes it again."),
    ("resolved", "The payment is resolved; the entries are shown below."),
    ("recheck", "Retried; the current state is shown below."),
    ("refund", "The refund is approved; the gateway sends it."),
    ("paid_back", "The transfer was found; the refund is booked."),
    ("assigned", "The assigned part of the payout is booked as in the bank."),
    ("credited", "A credit was issued instead of the refund."),
    ("granted", "The credits are on the account."),
    ("voided", "The credits are removed."),
    ("frozen", "The account is frozen: it can neither pay nor read."),
    ("unfrozen", "The account is unfrozen."),
    ("revoked", "The holder's tokens are revoked."),
    ("lifted", "The account is unblocked."),
    ("closed", "The finding is closed."),
    ("compared", "The run is complete; its findings are shown below."),
];

/// A request for a view.
pub(super) struct Visit {
    /// Its parameters.
    pub(super) asked: Asked,
    csrf: String,
    can_leave: bool,
}

/// What stands around a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shell {
    /// Of the tab.
    pub(super) title: String,
    /// The mark of a form.
    pub(super) csrf: String,
    /// Somebody is signed in, or need not be.
    pub(super) signed: bool,
    /// There is a session to end.
    pub(super) can_leave: bool,
    /// What was just done.
    pub(super) notice: Option<Notice>,
    here: &'static str,
    waiting: u64,
}

/// A sentence above the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    /// `ok` or `bad`.
    pub(super) tone: &'static str,
    /// What it says.
    pub(super) text: &'static str,
}

/// A way to a view.
pub(super) struct Entry {
    /// Pressed after `g`.
    pub(super) key: char,
    pub(super) href: &'static str,
    pub(super) name: &'static str,
    pub(super) here: bool,
    /// What waits there.
    pub(super) count: u64,
}

/// Something outside, or its bare name where it has no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outside {
    pub(super) href: Option<String>,
    pub(super) text: String,
}

/// A view that cannot be shown.
pub(super) struct Trouble(Box<Refusal>);

/// A view, or why not.
pub(super) type Shown = Result<Response, Trouble>;

#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    shell: Shell,
    text: String,
    back: &'static str,
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    shell: Shell,
}

// === impl Visit ===

impl Visit {
    /// The surroundings of the view with this title at this address.
    pub(super) fn shell(&self, title: impl Into<String>, here: &'static str) -> Shell {
        let done =
            self.asked.text("done").and_then(|done| DONE.iter().find(|(word, _)| *word == done));
        Shell {
            title: title.into(),
            csrf: self.csrf.clone(),
            signed: true,
            can_leave: self.can_leave,
            notice: done.map(|(_, text)| Notice { tone: "ok", text }),
            here,
            waiting: 0,
        }
    }

    /// A parameter as it was given, or nothing.
    pub(super) fn text(&self, name: &str) -> String {
        self.asked.text(name).unwrap_or_default().to_owned()
    }
}

impl FromRequestParts<Arc<Desk>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Response> {
        let asked = Asked::from_request_parts(parts, desk).await.map_err(|never| match never {})?;
        let access = parts.extensions.get::<Access>();
        let csrf = access.map(|access| desk.guard.form_mark(access)).unwrap_or_default();
        Ok(Self { asked, csrf, can_leave: matches!(access, Some(Access::Session(_))) })
    }
}

// === impl Shell ===

impl Shell {
    /// With a number beside the view of what waits.
    pub(super) fn waiting(mut self, count: u64) -> Self {
        self.waiting = count;
        self
    }

    fn outside(title: &str) -> Self {
        let (csrf, here) = (String::new(), "");
        Self {
            title: title.to_owned(),
            csrf,
            signed: false,
            can_leave: false,
            notice: None,
            here,
            waiting: 0,
        }
    }

    pub(super) fn nav(&self) -> impl Iterator<Item = Entry> + '_ {
        VIEWS.into_iter().map(|(key, href, name)| {
            let count = if href == "/operator/attention" { self.waiting } else { 0 };
            Entry { key, href, name, here: href == self.here, count }
        })
    }
}

// === impl Trouble ===

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self(Box::new(refusal))
    }
}

impl From<BooksError> for Trouble {
    fn from(error: BooksError) -> Self {
        Refusal::from(error).into()
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let title = match self.0.status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::CONFLICT => "Action not possible",
            StatusCode::BAD_REQUEST => "Invalid request",
            _ => "Internal error",
        };
        let shell = Shell { signed: true, ..Shell::outside(title) };
        (self.0.status, page(&Message { shell, text: self.0.message, back: "/operator" }))
            .into_response()
    }
}

/// A template as an answer.
pub(super) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => Refusal::fault(&error).into_response(),
    }
}

/// `GET /`: whoever opens the bare address wants the overview.
pub(super) async fn to_overview() -> Redirect {
    Redirect::to("/operator")
}

/// `GET /operator/login`: the form for the token; where there is none, or somebody is in already,
/// the overview.
pub(super) async fn login(State(desk): State<Arc<Desk>>, visit: Visit) -> Response {
    if !desk.guard.has_token() || visit.can_leave {
        return Redirect::to("/operator").into_response();
    }
    let mut shell = Shell::outside("Sign in");
    if visit.asked.text("wrong").is_some() {
        shell.notice = Some(Notice { tone: "bad", text: "Invalid token." });
    }
    page(&Login { shell })
}

/// The rows of a page and whether there are more: one more than is shown was read.
pub(super) fn cut<R>(mut rows: Vec<R>, limit: u32) -> (Vec<R>, bool) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    (rows, more)
}

/// Parameters as a query without its question mark.
pub(super) fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The address of a list after a key, with its filter.
pub(super) fn older<'a>(
    path: &str,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    after: &'a str,
) -> String {
    format!("{path}?{}", query(pairs.chain([("after", after)])))
}
