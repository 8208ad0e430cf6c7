//! How agents were answered, and what operators did.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use payments::{
    agent::Payer,
    ids::PaymentId,
    ports::desk::{ActionRow, Page, RequestRow},
};

use super::shell::{Shell, Shown, Visit, cut, page, query};
use crate::operator::Desk;

/// Rows of a page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "requests.html")]
struct Requests {
    shell: Shell,
    payer: String,
    query: String,
    rows: Vec<Answered>,
    older: Option<String>,
}

struct Answered {
    row: RequestRow,
    tone: &'static str,
    says: &'static str,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Actions {
    shell: Shell,
    rows: Vec<Done>,
    older: Option<String>,
}

struct Done {
    row: ActionRow,
    href: Option<String>,
}

/// `GET /operator/requests`.
pub(super) async fn requests(State(desk): State<Arc<Desk>>, visit: Visit) -> Shown {
    let payer = visit.asked.only(&["payer", "after", "done"])?.payer()?;
    let after = visit.asked.page::<i64>()?.after;
    let (rows, more) =
        cut(desk.desk.requests(payer.as_ref(), &Page { after, limit: ROWS + 1 }).await?, ROWS);
    let named = payer.map(|payer| payer.to_string()).unwrap_or_default();
    let pairs =
        || Some(("payer", named.as_str())).filter(|(_, payer)| !payer.is_empty()).into_iter();
    let older = rows.last().filter(|_| more).map(|last| last.seq.to_string());
    let older =
        older.as_ref().map(|after| super::shell::older("/operator/requests", pairs(), after));
    let query = if named.is_empty() { String::new() } else { format!("?{}", query(pairs())) };
    let rows = rows
        .into_iter()
        .map(|row| Answered { tone: tone(row.status), says: says(&row), row })
        .collect();
    Ok(page(&Requests {
        shell: visit.shell("Requests", "/operator/requests"),
        payer: named,
        query,
        rows,
        older,
    }))
}

/// `GET /operator/audit`.
pub(super) async fn actions(State(desk): State<Arc<Desk>>, visit: Visit) -> Shown {
    visit.asked.only(&["after", "done"])?;
    let after = visit.asked.page::<i64>()?.after;
    let (rows, more) = cut(desk.desk.actions(&Page { after, limit: ROWS + 1 }).await?, ROWS);
    let older =
        rows.last().filter(|_| more).map(|last| format!("/operator/audit?after={}", last.seq));
    let rows = rows.into_iter().map(|row| Done { href: subject(&row.subject), row }).collect();
    Ok(page(&Actions { shell: visit.shell("Audit log", "/operator/audit"), rows, older }))
}

fn tone(status: i64) -> &'static str {
    match status {
        200..=299 => "ok",
        402 => "warn",
        500.. => "bad",
        _ => "mute",
    }
}

/// Why it was answered so, in a sentence.
fn says(row: &RequestRow) -> &'static str {
    match (row.status, row.reason.as_deref().unwrap_or_default()) {
        (200..=299, _) => "",
        _ if row.code.as_deref() == Some("PAYMENT_003") => {
            "the card or its payment token was rejected; nothing was charged"
        }
        (_, "invalid_body") => "invalid body; nothing was charged",
        (_, "insufficient_funds") => {
            "no free launch left, and the wallet balance was below the price"
        }
        (_, "free_calls_exhausted_today") => {
            "the daily free launches of all wallets were used up; a new proof pays"
        }
        (_, "no_credits") => "no credits left, and no payment was sent",
        (_, "account_blocked") => {
            "blocked after a chargeback or a fraud warning; an operator can unblock it"
        }
        (_, "settlement_lost") => {
            "a reorganisation took a payment of this wallet; closing its finding lets the wallet buy again"
        }
        (_, "too_many_refused") => "too many of its paid requests were rejected that day",
        (_, "settlement_pending") => {
            "the outcome was pending at the response deadline; see the payment"
        }
        (_, "refused_by_upstream") => "rejected upstream",
        (402, "") => "payment required",
        (500..=599, _) => "a dependency was unavailable; see the log for this request id",
        _ => "",
    }
}

/// The page of what an action was about, if it has one.
fn subject(subject: &str) -> Option<String> {
    if subject.parse::<PaymentId>().is_ok() {
        return Some(format!("/operator/payments/{subject}"));
    }
    subject.parse::<Payer>().ok().map(|payer| format!("/operator/payers/{payer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_action_is_about_has_its_page() {
        assert_eq!(
            subject("pay_0193e4a2b7c87d1e8f6a5b4c3d2e1f00").as_deref(),
            Some("/operator/payments/pay_0193e4a2b7c87d1e8f6a5b4c3d2e1f00")
        );
        let wallet = "wallet:0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
        assert_eq!(subject(wallet), Some(format!("/operator/payers/{wallet}")));
        assert_eq!(subject("javascript:alert(1)"), None);
    }
}
