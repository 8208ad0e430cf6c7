//! Card accounts, what they come to, and their changes by hand.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use payments::ports::desk::{CreditAccountRow, CreditTotals, Page};

use super::shell::{Shell, Shown, Visit, cut, page, query};
use crate::operator::Desk;

/// Rows of a page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "credits.html")]
struct View {
    shell: Shell,
    totals: CreditTotals,
    accounts: Vec<CreditAccountRow>,
    chosen: String,
    next: Option<String>,
    /// The form's change, sent twice, is made once.
    change_name: String,
}

/// `GET /operator/credits`.
pub(super) async fn credits(State(desk): State<Arc<Desk>>, visit: Visit) -> Shown {
    visit.asked.only(&["after", "payer", "done"])?;
    let after = Page { after: visit.asked.text("after").map(str::to_owned), limit: ROWS + 1 };
    let (accounts, totals) =
        tokio::try_join!(desk.desk.credit_accounts(&after), desk.desk.credit_totals())?;
    let (accounts, more) = cut(accounts, ROWS);
    let next = accounts
        .last()
        .filter(|_| more)
        .map(|last| format!("/operator/credits?{}", query([("after", last.payer.as_str())])));
    let (shell, chosen) = (visit.shell("Credits", "/operator/credits"), visit.text("payer"));
    Ok(page(&View {
        shell,
        totals,
        accounts,
        chosen,
        next,
        change_name: desk.ids.payment_id().to_string(),
    }))
}
