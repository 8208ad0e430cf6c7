//! Lists by cursor, newest first (<https://docs.stripe.com/api/pagination>), and search by
//! metadata.

use serde_json::{Value, json};

use super::error::ApiError;
use super::form::Form;
use super::payouts::Payout;
use super::routes::Answered;
use super::rows::{BalanceTransaction, Charge, Dispute, Event, FraudWarning, Intent, Refund};
use super::world::{Table, Tx};

const USUAL_LIMIT: usize = 10;
const LARGEST_LIMIT: usize = 100;
const PAGING: [&str; 9] = [
    "limit",
    "starting_after",
    "ending_before",
    "created",
    "created[gt]",
    "created[gte]",
    "created[lt]",
    "created[lte]",
    "expand[*]",
];

/// What a list needs to know of a row.
pub(super) trait Listed {
    /// What an error calls it.
    const WHAT: &'static str;
    fn id(&self) -> &str;
    fn created(&self) -> u64;
    /// The value of a filter of this kind of list.
    fn field(&self, name: &str) -> Option<&str>;
}

macro_rules! listed {
    ($row:ty, $what:literal, |$self:ident, $name:ident| $field:expr) => {
        impl Listed for $row {
            const WHAT: &'static str = $what;
            fn id(&self) -> &str {
                &self.id
            }
            fn created(&self) -> u64 {
                self.created_unix_s
            }
            fn field(&self, name: &str) -> Option<&str> {
                let ($self, $name) = (self, name);
                $field
            }
        }
    };
}

listed!(Intent, "payment_intent", |it, name| (name == "customer")
    .then_some(it.customer.as_deref())
    .flatten());
listed!(Charge, "charge", |it, name| (name == "payment_intent").then_some(it.intent.as_str()));
listed!(Refund, "refund", |it, name| match name {
    "payment_intent" => Some(it.intent.as_str()),
    _ => Some(it.charge.as_str()),
});
listed!(Dispute, "dispute", |it, name| match name {
    "payment_intent" => Some(it.intent.as_str()),
    _ => Some(it.charge.as_str()),
});
listed!(FraudWarning, "early_fraud_warning", |it, name| match name {
    "payment_intent" => Some(it.intent.as_str()),
    _ => Some(it.charge.as_str()),
});
listed!(BalanceTransaction, "balance_transaction", |it, name| match name {
    "source" => it.source.as_deref(),
    "payout" => it.payout.as_deref(),
    _ => Some(it.kind.as_str()),
});
listed!(Payout, "payout", |it, name| (name == "status").then_some(it.status.word()));
listed!(Event, "event", |it, name| (name == "type").then_some(it.kind.as_str()));

/// One page of a table, filtered by the parameters named in `filters`.
pub(super) fn page<T: Listed>(
    table: &Table<T>,
    url: &str,
    form: &Form,
    filters: &[&str],
    json: impl Fn(&T) -> Value,
) -> Answered {
    form.only(&[&PAGING[..], filters].concat())?;
    let limit = limit(form)?;
    let mut rows = matching(table, form, filters)?;
    let position = |param: &str| -> Result<Option<usize>, ApiError> {
        let Some(id) = form.get(param) else { return Ok(None) };
        let at = rows.iter().position(|row| row.id() == id);
        at.map(Some).ok_or_else(|| ApiError::no_such(400, T::WHAT, param, id))
    };
    let has_more = match (position("starting_after")?, position("ending_before")?) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(
                "ending_before",
                "Only one of starting_after and ending_before may be given.",
            ));
        }
        (None, Some(end)) => {
            rows.truncate(end);
            let start = end.saturating_sub(limit);
            rows.drain(..start);
            start > 0
        }
        (start, None) => {
            rows.drain(..start.map_or(0, |at| at + 1));
            let more = rows.len() > limit;
            rows.truncate(limit);
            more
        }
    };
    let data: Vec<Value> = rows.into_iter().map(json).collect();
    Ok(json!({"object": "list", "data": data, "has_more": has_more, "url": url}))
}

fn limit(form: &Form) -> Result<usize, ApiError> {
    let limit = form.integer("limit")?.map(usize::try_from);
    match limit {
        None => Ok(USUAL_LIMIT),
        Some(Ok(limit)) if (1..=LARGEST_LIMIT).contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::invalid("limit", "Limit must be between 1 and 100.")),
    }
}

/// The rows inside the time range and the filters, newest first.
fn matching<'t, T: Listed>(
    table: &'t Table<T>,
    form: &Form,
    filters: &[&str],
) -> Result<Vec<&'t T>, ApiError> {
    let exact = form.time("created")?;
    let (gt, gte) = (form.time("created[gt]")?, form.time("created[gte]")?);
    let (lt, lte) = (form.time("created[lt]")?, form.time("created[lte]")?);
    let in_time = |at: u64| {
        let lower = gt.is_none_or(|bound| at > bound) && gte.is_none_or(|bound| at >= bound);
        let upper = lt.is_none_or(|bound| at < bound) && lte.is_none_or(|bound| at <= bound);
        exact.is_none_or(|bound| at == bound) && lower && upper
    };
    let wanted = |row: &&T| {
        in_time(row.created())
            && filters.iter().all(|name| form.get(name).is_none_or(|v| row.field(name) == Some(v)))
    };
    let mut rows: Vec<&T> = table.iter().filter(wanted).collect();
    rows.reverse();
    rows.sort_by_key(|row| std::cmp::Reverse(row.created()));
    Ok(rows)
}

impl Tx<'_> {
    /// `GET /v1/payment_intents/search`: clauses `metadata['key']:'value'` and `status:'value'`,
    /// joined by `AND` (<https://docs.stripe.com/search#search-query-language>). What was made a
    /// moment ago may not be found yet.
    pub(super) fn search_intents(&self, form: &Form) -> Answered {
        form.only(&["query", "limit", "page", "expand[*]"])?;
        let (limit, query) = (limit(form)?, form.need("query")?);
        let clauses: Option<Vec<_>> = query.split(" AND ").map(clause).collect();
        let Some(clauses) = clauses else {
            return Err(ApiError::invalid("query", "We were unable to parse your search query."));
        };
        let skipped = usize::try_from(form.integer("page")?.unwrap_or(0)).unwrap_or(0);
        let indexed = |it: &&Intent| {
            it.created_unix_s.saturating_add(self.world.settings.search_lag_s) <= self.now_unix_s
        };
        let found = self
            .world
            .intents
            .iter()
            .filter(indexed)
            .filter(|it| clauses.iter().all(|clause| clause.holds(it)));
        let found: Vec<&Intent> = found.collect();
        let data: Vec<Value> =
            found.iter().rev().skip(skipped).take(limit).map(|it| it.json()).collect();
        let end = skipped.saturating_add(data.len());
        let has_more = found.len() > end;
        let next_page = has_more.then(|| end.to_string());
        Ok(
            json!({"object": "search_result", "data": data, "has_more": has_more, "next_page": next_page, "url": "/v1/payment_intents/search"}),
        )
    }
}

enum Clause {
    Metadata(String, String),
    Status(String),
}

impl Clause {
    fn holds(&self, intent: &Intent) -> bool {
        match self {
            Self::Metadata(key, value) => intent.metadata.get(key) == Some(value),
            Self::Status(status) => json!(intent.status) == json!(status),
        }
    }
}

fn clause(text: &str) -> Option<Clause> {
    let (field, value) = text.trim().split_once(':')?;
    let value = quoted(value)?;
    if field == "status" {
        return Some(Clause::Status(value));
    }
    let key = field.strip_prefix("metadata[")?.strip_suffix(']')?;
    Some(Clause::Metadata(quoted(key)?, value))
}

fn quoted(text: &str) -> Option<String> {
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    let inside = inside('\'').or_else(|| inside('"'))?;
    (!inside.contains(['\'', '"'])).then(|| inside.to_owned())
}
