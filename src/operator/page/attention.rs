//! What waits for an operator, with what can be done about it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use payments::{
    ids::PaymentId,
    ports::{
        Finding,
        desk::{OwedRow, Page, PaymentFilter, PaymentRow, Standing},
    },
};

use super::{
    shell::{Shell, Shown, Visit, cut, page, query},
    show,
};
use crate::operator::Desk;

/// Rows of each part.
const ROWS: u32 = 25;

#[derive(Template)]
#[template(path = "attention.html")]
struct View {
    shell: Shell,
    unknown: Vec<Waiting>,
    owed: Vec<Owed>,
    owed_older: Option<String>,
    findings: Vec<Found>,
    refused: Vec<Waiting>,
}

/// A payment, with the addresses of its actions.
struct Waiting {
    row: PaymentRow,
    field: String,
    recheck: String,
    refund: String,
    can_refund: bool,
}

struct Owed {
    row: OwedRow,
    is_payment: bool,
    field: String,
    refund: String,
    can_refund: bool,
}

/// A finding, and whether it is about a payment that has a page.
pub(super) struct Found {
    pub(super) row: Finding,
    pub(super) is_payment: bool,
    field: String,
    can_close: bool,
}

/// `GET /operator/attention`.
pub(super) async fn attention(State(desk): State<Arc<Desk>>, visit: Visit) -> Shown {
    visit.asked.only(&["after", "done"])?;
    let standing = |standing| PaymentFilter { standing: Some(standing), ..PaymentFilter::default() };
    let first = Page { after: None, limit: ROWS };
    let owed_page = Page { after: visit.asked.text("after").map(str::to_owned), limit: ROWS + 1 };
    let (unknown, refused) = (standing(Standing::Unknown), standing(Standing::PaidNotServed));
    let (unknown, refused, owed, findings) = tokio::try_join!(
        desk.desk.payments(&unknown, &first),
        desk.desk.payments(&refused, &first),
        desk.desk.owed(false, None, &owed_page),
        desk.desk.all_findings(true, ROWS),
    )?;
    let (owed, more) = cut(owed, ROWS);
    let owed_older = owed.last().filter(|_| more).map(|last| format!("/operator/attention?{}", query([("after", last.id.as_str())])));
    let shell = visit.shell("Needs attention", "/operator/attention");
    let owed_ids: Vec<&str> = owed.iter().map(|row| row.id.as_str()).collect();
    // What is owed for it already stands above.
    let refused = refused.into_iter().filter(|row| !owed_ids.contains(&row.id.as_str())).map(Waiting::of).collect();
    Ok(page(&View {
        shell,
        unknown: unknown.into_iter().map(Waiting::of).collect(),
        owed_older,
        refused,
        owed: owed.into_iter().map(Owed::of).collect(),
        findings: findings.into_iter().map(Found::of).collect(),
    }))
}

fn is_payment(id: &str) -> bool {
    id.parse::<PaymentId>().is_ok()
}

impl Waiting {
    fn of(row: PaymentRow) -> Self {
        let can_refund = row.obligation.as_deref().is_some_and(|state| show::can_refund(state, &row.currency));
        Self {
            field: format!("why-{}", row.id),
            recheck: format!("/operator/payments/{}/recheck", row.id),
            refund: format!("/operator/payments/{}/refund", row.id),
            can_refund,
            row,
        }
    }
}

impl Owed {
    fn of(row: OwedRow) -> Self {
        let is_payment = is_payment(&row.id);
        Self {
            is_payment,
            field: format!("why-owed-{}", row.id),
            refund: format!("/operator/payments/{}/refund", row.id),
            can_refund: is_payment && show::can_refund(&row.state, &row.currency),
            row,
        }
    }
}

impl Found {
    pub(super) fn of(row: Finding) -> Self {
        let can_close = row.closed_at.is_none() && row.kind != "could_not_check";
        Self { is_payment: is_payment(&row.key), field: format!("why-{}-{}", row.kind, row.key), can_close, row }
    }
}
