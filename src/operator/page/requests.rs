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
    Ok(page(&Actions {
        shell: visit.shell("Operators’ actions", "/operator/audit"), rows, older
    }))
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
        (200..=299, _) => "every check passed",
        _ if row.code.as_deref() == Some("PAYMENT_003") => {
            "the card or its payment token was refused; nothing was charged"
        }
        (_, "invalid_body") => "the body breaks a rule; nothing was claimed or charged",
        (_, "insufficient_funds") => {
            "no free launch was left and the wallet did not hold the price"
        }
        (_, "free_calls_exhausted_today") => {
            "the free launches of all wallets were used up for the day; another proof pays"
        }
        (_, "no_credits") => "the account has no credit left, and nothing to pay with came along",
        (_, "account_blocked") => {
            "the account charged back or is warned of; an operator can lift that"
        }
        (_, "settlement_lost") => {
            "a reorganisation took a payment of this wallet; closing its finding lets the wallet buy again"
        }
        (_, "too_many_refused") => "its paid requests were refused too often that day",
        (_, "settlement_pending") => {
            "the outcome was not known when the answer was due; its payment says what is known now"
        }
        (_, "refused_by_upstream") => "the launch core refused it",
        (402, "") => "a payment was asked for",
        (500..=599, _) => "a part did not answer; the log has the cause under this request id",
        _ => "see its code and reason",
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
