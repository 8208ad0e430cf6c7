//! Payouts that were asked for by hand: an operator says how much of one is ours.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Request, State},
    response::IntoResponse,
};
use payments::{
    clearing::CentsMoved,
    money::UsdCents,
    ports::{AssignPayout, AssignRefusal},
};
use serde_json::{Value, json};

use super::{
    Desk, Refusal,
    api::{Answer, VIA},
    fields::{Change, Fields},
};

/// Books how much of the payout is ours.
pub(in crate::operator) async fn assign(
    desk: &Desk,
    payout: String,
    ours: CentsMoved,
    change: &Change,
) -> Result<Value, Refusal> {
    let (reason, at) = (change.reason.clone(), desk.clock.now());
    let asked = AssignPayout { payout, ours, reason, via: change.via, at, dry_run: change.dry_run };
    let row = desk.clearing.assign_payout(&asked).await.map_err(|refusal| {
        let says = format!("{}: {refusal}", asked.payout);
        match refusal {
            AssignRefusal::Unknown => Refusal::not_found(says),
            AssignRefusal::NamesItsEntries
            | AssignRefusal::OtherCurrency
            | AssignRefusal::NotPaid
            | AssignRefusal::Already
            | AssignRefusal::NotInIt(_) => Refusal::conflict(says),
            AssignRefusal::Books(error) => error.into(),
        }
    })?;
    let mut shown = json!(row);
    shown["reason"] = json!(change.reason);
    shown["dry_run"] = json!(change.dry_run);
    Ok(shown)
}

/// The field `ours`: US dollars with at most two decimals.
pub(in crate::operator) fn ours(fields: &Fields) -> Result<CentsMoved, Refusal> {
    fields.must("ours", "US dollars, 12.34", dollars)
}

/// A plain amount in US dollars that the books can hold.
pub fn dollars(text: &str) -> Option<CentsMoved> {
    let cents = UsdCents::parse_decimal(text).ok()?;
    i64::try_from(cents.get()).ok().map(CentsMoved::new)
}

/// `POST payouts/{payout}/assign` with `ours`.
pub(in crate::operator) async fn assign_by_api(
    State(desk): State<Arc<Desk>>,
    Path(payout): Path<String>,
    request: Request,
) -> Answer {
    let fields = Fields::read(request).await?;
    let ours = ours(&fields)?;
    let change = fields.change(VIA)?;
    Ok(Json(assign(&desk, payout, ours, &change).await?).into_response())
}
