//! Actions over the API: a JSON object or a form with `reason`, and `dry_run` to only ask what
//! would come of it.

use std::{num::NonZeroU32, sync::Arc};

use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use payments::{
    ports::{AdjustmentKind, FindingKind, HolderAction},
    reconcile::Scope,
    settlement::ChainHash,
    time::UnixMs,
};

use super::{Desk, Refusal, fields::Fields};
use crate::operator::{ask, details::PAYMENT_ID};

/// How the list of actions names this way in.
pub(super) const VIA: &str = "api";

pub(super) type Answer = Result<Response, Refusal>;

/// `POST payments/{id}/recheck`.
pub(in crate::operator) async fn recheck(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let id = ask::named("id", PAYMENT_ID, &id)?;
    let change = Fields::read(request).await?.change(VIA)?;
    let done = super::recheck(&desk, id, &change).await?;
    // The look itself comes with the next round of the recovery loop.
    let status = if change.dry_run { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(done)).into_response())
}

/// `POST payments/{id}/resolve` with `outcome`.
pub(in crate::operator) async fn resolve(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let id = ask::named("id", PAYMENT_ID, &id)?;
    let fields = Fields::read(request).await?;
    let found = super::resolve::found(&fields)?;
    let change = fields.change(VIA)?;
    Ok(Json(super::resolve::end(&desk, id, found, &change).await?).into_response())
}

/// `POST refunds/{id}/approve`, with `as_credit` for a credit in the place of a refund that failed,
/// with `paid_by` for USDC that was sent back by hand.
pub(in crate::operator) async fn approve(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let id = ask::named("id", PAYMENT_ID, &id)?;
    let fields = Fields::read(request).await?;
    let as_credit = fields.flag("as_credit")?;
    let change = fields.change(VIA)?;
    let done = match (fields.text("paid_by"), as_credit) {
        (Some(_), true) => {
            return Err(Refusal::wrong("as_credit", "nothing beside paid_by", "true"));
        }
        (Some(_), false) => {
            super::refunds::paid_by_hand(&desk, id, paid_by(&fields)?, &change).await?
        }
        (None, true) => super::refunds::credit_instead(&desk, id, &change).await?,
        (None, false) => super::refunds::approve(&desk, id, &change).await?,
    };
    Ok(Json(done).into_response())
}

/// The transaction by which USDC was sent back by hand.
pub(in crate::operator) fn paid_by(fields: &Fields) -> Result<ChainHash, Refusal> {
    fields.must("paid_by", "a transaction's hash, 0x and 64 hex digits", ChainHash::parse)
}

/// `POST credits/{payer}/grant` with `credits`.
pub(in crate::operator) async fn grant(
    State(desk): State<Arc<Desk>>,
    Path(payer): Path<String>,
    request: Request,
) -> Answer {
    adjust(&desk, &payer, AdjustmentKind::Grant, request).await
}

/// `POST credits/{payer}/void` with `credits`.
pub(in crate::operator) async fn void(
    State(desk): State<Arc<Desk>>,
    Path(payer): Path<String>,
    request: Request,
) -> Answer {
    adjust(&desk, &payer, AdjustmentKind::Void, request).await
}

/// `POST credits/{payer}/lift`.
pub(in crate::operator) async fn lift(
    State(desk): State<Arc<Desk>>,
    Path(payer): Path<String>,
    request: Request,
) -> Answer {
    let payer = ask::card(&payer)?;
    let change = Fields::read(request).await?.change(VIA)?;
    Ok(Json(super::accounts::lift(&desk, &payer, &change).await?).into_response())
}

/// `POST holders/{id}/revoke`.
pub(in crate::operator) async fn revoke(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let id = ask::named("id", PAYMENT_ID, &id)?;
    let change = Fields::read(request).await?.change(VIA)?;
    Ok(Json(super::accounts::change_holders(&desk, HolderAction::Revoke(id), &change).await?)
        .into_response())
}

/// `POST credits/{payer}/freeze`.
pub(in crate::operator) async fn freeze(
    State(desk): State<Arc<Desk>>,
    Path(payer): Path<String>,
    request: Request,
) -> Answer {
    let action = HolderAction::Freeze(ask::card(&payer)?);
    let change = Fields::read(request).await?.change(VIA)?;
    Ok(Json(super::accounts::change_holders(&desk, action, &change).await?).into_response())
}

/// `POST credits/{payer}/unfreeze`.
pub(in crate::operator) async fn unfreeze(
    State(desk): State<Arc<Desk>>,
    Path(payer): Path<String>,
    request: Request,
) -> Answer {
    let action = HolderAction::Unfreeze(ask::card(&payer)?);
    let change = Fields::read(request).await?.change(VIA)?;
    Ok(Json(super::accounts::change_holders(&desk, action, &change).await?).into_response())
}

async fn adjust(desk: &Desk, payer: &str, kind: AdjustmentKind, request: Request) -> Answer {
    let payer = ask::card(payer)?;
    let fields = Fields::read(request).await?;
    let credits: NonZeroU32 =
        fields.must("credits", "a whole number from 1 on", |text| text.parse().ok())?;
    let change = fields.change(VIA)?;
    Ok(Json(super::accounts::adjust(desk, &payer, kind, credits, &change).await?).into_response())
}

/// `POST findings/close` with `kind` and `key`.
pub(in crate::operator) async fn close(State(desk): State<Arc<Desk>>, request: Request) -> Answer {
    let fields = Fields::read(request).await?;
    let kinds = format!("one of {}", FindingKind::ALL.map(FindingKind::word).join(", "));
    let kind = fields.must("kind", &kinds, FindingKind::from_word)?;
    let key = fields.must("key", "what the finding is about, as the list shows it", |text| {
        (!text.is_empty()).then(|| text.to_owned())
    })?;
    let change = fields.change(VIA)?;
    Ok(Json(super::close(&desk, kind, key, &change).await?).into_response())
}

/// `POST upstream/open`.
pub(in crate::operator) async fn open_upstream(
    State(desk): State<Arc<Desk>>,
    request: Request,
) -> Answer {
    let change = Fields::read(request).await?.change(VIA)?;
    Ok(Json(super::way::open(&desk, &change).await?).into_response())
}

/// `POST reconcile` with `since`, or `full`; otherwise from where the last run ended.
pub(in crate::operator) async fn reconcile(
    State(desk): State<Arc<Desk>>,
    request: Request,
) -> Answer {
    let fields = Fields::read(request).await?;
    let scope = match (fields.flag("full")?, fields.text("since")) {
        (true, None) => Scope::Full,
        (true, Some(since)) => return Err(Refusal::wrong("since", "nothing beside full", &since)),
        (false, None) => Scope::Recent,
        (false, Some(_)) => Scope::Since(fields.must(
            "since",
            "a day or a moment in RFC 3339",
            UnixMs::parse_day_or_moment,
        )?),
    };
    let change = fields.change(VIA)?;
    Ok(Json(super::compare(&desk, scope, &change).await?).into_response())
}
