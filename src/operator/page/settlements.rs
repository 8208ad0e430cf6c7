//! The payments of a filter.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::IntoResponse};
use http::StatusCode;
use payments::{
    ids::PaymentId,
    intent::State as IntentState,
    ports::desk::{Page, PaymentFilter, PaymentRow, PaymentSums, Standing},
};

use super::{
    shell::{Outside, Shell, Shown, Visit, cut, page, query},
    show,
};
use crate::operator::{Desk, Links, ask::Asked};

/// Rows of a page.
const ROWS: u32 = 50;
/// What stands for each group of states.
const GROUPS: [(&str, &str); 7] = [
    ("open", "In progress"),
    ("unknown", "Pending"),
    ("settled", "Settled"),
    ("paid_not_served", "Paid, rejected upstream"),
    ("no_launch", "Settled without launch"),
    ("refunded", "Refunded"),
    ("disputed", "Disputed"),
];

#[derive(Template)]
#[template(path = "settlements.html")]
struct View {
    shell: Shell,
    form: Form,
    rows: Vec<Line>,
    /// Already added up, where no script does it later.
    sums: Option<String>,
    /// The filter, without a question mark.
    query: String,
    /// The filter with its question mark, or nothing.
    more: String,
    older: Option<String>,
    /// Where agents pay.
    public_url: String,
}

#[derive(Template)]
#[template(path = "sums.html")]
struct Sums {
    sums: PaymentSums,
}

#[derive(Template)]
#[template(path = "too_many.html")]
struct TooMany {
    query: String,
    summed: u32,
}

/// The filter as it was given, so that a slip can be corrected.
struct Form {
    given: Vec<(&'static str, String)>,
    errors: Vec<String>,
}

struct Choice {
    value: &'static str,
    name: String,
    chosen: bool,
}

/// A row with the address of what settled it.
pub(super) struct Line {
    pub(super) row: PaymentRow,
    pub(super) reference: Option<Outside>,
}

/// `GET /operator/settlements`.
pub(super) async fn list(State(desk): State<Arc<Desk>>, visit: Visit) -> Shown {
    visit.asked.only(&[&PaymentFilter::NAMES[..], &["after", "sums", "done"]].concat())?;
    let shell = visit.shell("Payments", "/operator/settlements");
    let mut form = Form::of(&visit.asked);
    let public_url = desk.settings["server"]["public_url"].as_str().unwrap_or_default().to_owned();
    let filter = match visit.asked.filter() {
        Ok(filter) => filter,
        Err(refusal) => {
            form.errors = refusal
                .details
                .iter()
                .map(|wrong| {
                    format!("{}: expected {}, got “{}”", wrong.field, wrong.expected, wrong.got)
                })
                .collect();
            let (query, more) = (String::new(), String::new());
            let empty = View {
                shell,
                form,
                rows: Vec::new(),
                sums: None,
                query,
                more,
                older: None,
                public_url,
            };
            return Ok((StatusCode::BAD_REQUEST, page(&empty)).into_response());
        }
    };
    let after = visit.asked.page::<PaymentId>()?.after;
    let (rows, more) =
        cut(desk.desk.payments(&filter, &Page { after, limit: ROWS + 1 }).await?, ROWS);
    let sums = match visit.asked.text("sums") {
        Some(_) => Some(render_sums(desk.desk.payment_sums(&filter).await?)),
        None => None,
    };
    let pairs = filter.pairs();
    let pairs = || pairs.iter().map(|(name, value)| (*name, value.as_str()));
    let query_now = query(pairs());
    let older = rows.last().filter(|_| more).map(|last| {
        format!("/operator/settlements?{}", query(pairs().chain([("after", last.id.as_str())])))
    });
    let more = if query_now.is_empty() { String::new() } else { format!("?{query_now}") };
    let rows = rows.into_iter().map(|row| Line::of(row, desk.links)).collect();
    Ok(page(&View { shell, form, rows, sums, query: query_now, more, older, public_url }))
}

/// Payments that are added up without being asked to: the page of a long ledger is read as fast as
/// that of a short one.
const SUMMED: u32 = 1_000;

/// `GET /operator/settlements/sums`: what a filter comes to, as a part of the page.
pub(super) async fn sums(State(desk): State<Arc<Desk>>, visit: Visit) -> Shown {
    let filter = visit.asked.only(&PaymentFilter::NAMES)?.filter()?;
    if desk.desk.shows_more_than(&filter, SUMMED).await? {
        let query = query(filter.pairs().iter().map(|(name, value)| (*name, value.as_str())));
        return Ok(page(&TooMany { query, summed: SUMMED }));
    }
    let sums = desk.desk.payment_sums(&filter).await?;
    Ok(page(&Sums { sums }))
}

fn render_sums(sums: PaymentSums) -> String {
    Sums { sums }.render().unwrap_or_default()
}

// === impl Form ===

impl Form {
    fn of(asked: &Asked) -> Self {
        let given = PaymentFilter::NAMES
            .into_iter()
            .filter_map(|name| Some((name, asked.text(name)?.to_owned())));
        Self { given: given.collect(), errors: Vec::new() }
    }

    fn value(&self, name: &str) -> &str {
        self.given.iter().find(|(given, _)| *given == name).map_or("", |(_, value)| value)
    }

    fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// A day is picked; a moment that came by a link is kept as text.
    fn date_type(&self, name: &str) -> &'static str {
        if matches!(self.value(name).len(), 0 | 10) { "date" } else { "text" }
    }

    fn choices(
        &self,
        name: &str,
        all: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Vec<Choice> {
        let chosen = self.value(name);
        let any = [("", String::from("any"))].into_iter();
        any.chain(all)
            .map(|(value, name)| Choice { value, name, chosen: value == chosen })
            .collect()
    }

    fn states(&self) -> Vec<Choice> {
        let groups = Standing::GROUPS.into_iter().map(|(word, _)| {
            let name =
                GROUPS.iter().find(|(group, _)| *group == word).map_or(word, |(_, name)| name);
            (word, format!("{name} ({word})"))
        });
        self.choices(
            "state",
            groups.chain(IntentState::ALL.map(|state| (state.word(), state.word().to_owned()))),
        )
    }

    fn rails(&self) -> Vec<Choice> {
        self.choices("rail", [("x402", String::from("x402")), ("mpp", String::from("card (mpp)"))])
    }

    fn modes(&self) -> Vec<Choice> {
        self.choices("mode", [("live", String::from("live")), ("test", String::from("test"))])
    }

    fn currencies(&self) -> Vec<Choice> {
        self.choices("currency", ["USDC", "USD", "CREDIT"].map(|word| (word, word.to_owned())))
    }
}

// === impl Line ===

impl Line {
    pub(super) fn of(row: PaymentRow, links: Links) -> Self {
        let reference =
            row.reference.clone().map(|text| Outside { href: links.of_payment(&row), text });
        Self { row, reference }
    }

    fn taken(&self) -> Option<(i64, &str)> {
        show::taken(&self.row)
    }
}
