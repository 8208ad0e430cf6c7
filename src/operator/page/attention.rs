//! What waits for an operator, with what can be done about it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use payments::{
    ids::PaymentId,
    ports::{
        AccountBlock, DisputeNote, Finding, FindingKind,
        desk::{OwedRow, Page, PaymentFilter, PaymentRow, Standing},
    },
    time::UnixMs,
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
    /// What the upstream answered, where it refuses us, and since when.
    refuses: Option<(String, String)>,
    unknown: Vec<Waiting>,
    owed: Vec<Owed>,
    owed_older: Option<String>,
    disputes: Vec<Disputed>,
    blocked: Vec<Blocked>,
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
    /// What comes of what is owed for it.
    says: &'static str,
}

struct Owed {
    row: OwedRow,
    is_payment: bool,
    field: String,
    refund: String,
    can_refund: bool,
    says: &'static str,
}

/// A dispute that is not decided.
struct Disputed {
    payment: String,
    payer: String,
    amount_cents: i64,
    state: String,
    status: String,
    reason: String,
    due_by: Option<String>,
    id: String,
}

/// An account that is refused what costs money.
struct Blocked {
    payer: String,
    why: &'static str,
    detail: String,
    payment: String,
    since: String,
    field: String,
}

/// A finding, and whether it is about a payment that has a page.
pub(super) struct Found {
    pub(super) row: Finding,
    pub(super) is_payment: bool,
    field: String,
    can_close: bool,
    /// It is about a payout whose part that is ours must be said.
    can_assign: bool,
}

/// `GET /operator/attention`.
pub(super) async fn attention(State(desk): State<Arc<Desk>>, visit: Visit) -> Shown {
    visit.asked.only(&["after", "done"])?;
    let standing =
        |standing| PaymentFilter { standing: Some(standing), ..PaymentFilter::default() };
    let first = Page { after: None, limit: ROWS };
    let owed_page = Page { after: visit.asked.text("after").map(str::to_owned), limit: ROWS + 1 };
    let (unknown, refused) = (standing(Standing::Unknown), standing(Standing::PaidNotServed));
    let (unknown, refused, owed, findings, disputes, blocked, way) = tokio::try_join!(
        desk.desk.payments(&unknown, &first),
        desk.desk.payments(&refused, &first),
        desk.desk.owed(false, None, &owed_page),
        desk.desk.all_findings(true, ROWS),
        desk.cards.disputes(true, ROWS),
        desk.cards.blocks(ROWS),
        desk.way.way(),
    )?;
    let (owed, more) = cut(owed, ROWS);
    let owed_older = owed
        .last()
        .filter(|_| more)
        .map(|last| format!("/operator/attention?{}", query([("after", last.id.as_str())])));
    let refund_wallet = desk.refunds.is_some();
    let shell = visit.shell("Needs attention", "/operator/attention");
    let owed_ids: Vec<&str> = owed.iter().map(|row| row.id.as_str()).collect();
    // What is owed for it already stands above.
    let refused = refused.into_iter().filter(|row| !owed_ids.contains(&row.id.as_str()));
    let refused = refused.map(|row| Waiting::of(row, refund_wallet)).collect();
    Ok(page(&View {
        shell,
        refuses: way.closed.map(|closed| (closed.detail, closed.since.rfc3339())),
        unknown: unknown.into_iter().map(|row| Waiting::of(row, refund_wallet)).collect(),
        owed_older,
        refused,
        owed: owed.into_iter().map(|row| Owed::of(row, refund_wallet)).collect(),
        disputes: disputes.into_iter().map(Disputed::of).collect(),
        blocked: blocked.iter().map(Blocked::of).collect(),
        findings: findings.into_iter().map(Found::of).collect(),
    }))
}

fn is_payment(id: &str) -> bool {
    id.parse::<PaymentId>().is_ok()
}

impl Waiting {
    fn of(row: PaymentRow, refund_wallet: bool) -> Self {
        let can_refund =
            row.obligation.as_deref().is_some_and(|state| show::can_refund(state, &row.currency));
        Self {
            says: row
                .obligation
                .as_deref()
                .map_or("", |state| show::owed_says(state, &row.currency, refund_wallet)),
            field: format!("why-{}", row.id),
            recheck: format!("/operator/payments/{}/recheck", row.id),
            refund: format!("/operator/payments/{}/refund", row.id),
            can_refund,
            row,
        }
    }
}

impl Owed {
    fn of(row: OwedRow, refund_wallet: bool) -> Self {
        let is_payment = is_payment(&row.id);
        Self {
            says: show::owed_says(&row.state, &row.currency, refund_wallet),
            is_payment,
            field: format!("why-owed-{}", row.id),
            refund: format!("/operator/payments/{}/refund", row.id),
            can_refund: is_payment && show::can_refund(&row.state, &row.currency),
            row,
        }
    }
}

impl Disputed {
    fn of(note: DisputeNote) -> Self {
        Self {
            amount_cents: i64::try_from(note.amount_cents).unwrap_or(i64::MAX),
            due_by: note.due_by.map(UnixMs::rfc3339),
            payment: note.payment,
            payer: note.payer,
            state: note.state,
            status: note.status,
            reason: note.reason,
            id: note.id,
        }
    }
}

impl Blocked {
    fn of(block: &AccountBlock) -> Self {
        Self {
            payer: block.payer.to_string(),
            why: if block.cause == "chargeback" { "chargeback" } else { "fraud warning" },
            detail: block.detail.clone(),
            payment: block.payment.clone(),
            since: block.since.rfc3339(),
            field: format!("why-lift-{}", block.reference),
        }
    }
}

impl Found {
    pub(super) fn of(row: Finding) -> Self {
        let can_close = row.closed_at.is_none() && row.kind != "could_not_check";
        let can_assign = can_close && row.kind == FindingKind::UnassignedPayout.word();
        Self {
            can_assign,
            is_payment: is_payment(&row.key),
            field: format!("why-{}-{}", row.kind, row.key),
            can_close,
            row,
        }
    }
}
