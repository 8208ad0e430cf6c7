//! The page's forms: the same changes as over the API, and then the view that shows what came of
//! it.

use std::{num::NonZeroU32, sync::Arc};

use axum::{
    extract::{Path, Request, State},
    response::{IntoResponse, Redirect},
};
use payments::{
    ids::PaymentId,
    ports::{AdjustmentKind, FindingKind, HolderAction},
    reconcile::Scope,
};

use super::shell::Shown;
use crate::operator::{
    Desk,
    actions::{self, fields::Fields},
    answer::Refusal,
    ask, details,
};

/// How the list of actions names this way in.
const VIA: &str = "page";

fn seen_at(address: &str, done: &str) -> Shown {
    Ok(Redirect::to(&format!("{address}?done={done}")).into_response())
}

fn id(text: &str) -> Result<PaymentId, Refusal> {
    ask::named("id", details::PAYMENT_ID, text)
}

/// `POST /operator/payments/{id}/recheck`.
pub(super) async fn recheck(
    State(desk): State<Arc<Desk>>,
    Path(named): Path<String>,
    request: Request,
) -> Shown {
    let id = id(&named)?;
    let change = Fields::read(request).await?.change(VIA)?;
    actions::recheck(&desk, id, &change).await?;
    seen_at(&format!("/operator/payments/{id}"), "recheck")
}

/// `POST /operator/payments/{id}/resolve` with `outcome`.
pub(super) async fn resolve(
    State(desk): State<Arc<Desk>>,
    Path(named): Path<String>,
    request: Request,
) -> Shown {
    let id = id(&named)?;
    let fields = Fields::read(request).await?;
    let found = actions::resolve::found(&fields)?;
    let change = fields.change(VIA)?;
    actions::resolve::end(&desk, id, found, &change).await?;
    seen_at(&format!("/operator/payments/{id}"), "resolved")
}

/// `POST /operator/payments/{id}/refund`, with `paid_by` for USDC that was sent back by hand.
pub(super) async fn refund(
    State(desk): State<Arc<Desk>>,
    Path(named): Path<String>,
    request: Request,
) -> Shown {
    let id = id(&named)?;
    let fields = Fields::read(request).await?;
    let change = fields.change(VIA)?;
    let done = match fields.text("paid_by") {
        Some(_) => {
            actions::refunds::paid_by_hand(&desk, id, actions::api::paid_by(&fields)?, &change)
                .await?;
            "paid_back"
        }
        None if fields.flag("as_credit")? => {
            actions::refunds::credit_instead(&desk, id, &change).await?;
            "credited"
        }
        None => {
            actions::refunds::approve(&desk, id, &change).await?;
            "refund"
        }
    };
    seen_at(&format!("/operator/payments/{id}"), done)
}

/// `POST /operator/credits/change` with `payer`, `credits`, and `change`: `grant` or `void`.
pub(super) async fn credits(State(desk): State<Arc<Desk>>, request: Request) -> Shown {
    let fields = Fields::read(request).await?;
    let payer = ask::card(&fields.text("payer").unwrap_or_default())?;
    let credits: NonZeroU32 =
        fields.must("credits", "a whole number from 1 on", |text| text.parse().ok())?;
    let kind = fields.must("change", "grant or void", |text| match text {
        "grant" => Some(AdjustmentKind::Grant),
        "void" => Some(AdjustmentKind::Void),
        _ => None,
    })?;
    let change = fields.change(VIA)?;
    actions::accounts::adjust(&desk, &payer, kind, credits, &change).await?;
    let done = match kind {
        AdjustmentKind::Grant => "granted",
        AdjustmentKind::Void => "voided",
    };
    seen_at(&format!("/operator/payers/{payer}"), done)
}

/// `POST /operator/credits/lift` with `payer`.
pub(super) async fn lift(State(desk): State<Arc<Desk>>, request: Request) -> Shown {
    let fields = Fields::read(request).await?;
    let payer = ask::card(&fields.text("payer").unwrap_or_default())?;
    let change = fields.change(VIA)?;
    actions::accounts::lift(&desk, &payer, &change).await?;
    seen_at("/operator/attention", "lifted")
}

/// `POST /operator/upstream/open`.
pub(super) async fn open_upstream(State(desk): State<Arc<Desk>>, request: Request) -> Shown {
    let change = Fields::read(request).await?.change(VIA)?;
    actions::way::open(&desk, &change).await?;
    seen_at("/operator/attention", "opened")
}

/// `POST /operator/holders/change` with `payer`, and `change`: `freeze`, `unfreeze`, or `revoke`
/// with `holder`.
pub(super) async fn holders(State(desk): State<Arc<Desk>>, request: Request) -> Shown {
    let fields = Fields::read(request).await?;
    let payer = ask::card(&fields.text("payer").unwrap_or_default())?;
    let holder = fields.text("holder").unwrap_or_default();
    let asked = fields.text("change").unwrap_or_default();
    let (action, done) = match asked.as_str() {
        "freeze" => (HolderAction::Freeze(payer.clone()), "frozen"),
        "unfreeze" => (HolderAction::Unfreeze(payer.clone()), "unfrozen"),
        "revoke" => (HolderAction::Revoke(id(&holder)?), "revoked"),
        other => return Err(Refusal::wrong("change", "freeze, unfreeze or revoke", other).into()),
    };
    let change = fields.change(VIA)?;
    actions::accounts::change_holders(&desk, action, &change).await?;
    seen_at(&format!("/operator/payers/{payer}"), done)
}

/// `POST /operator/findings/close` with `kind` and `key`.
pub(super) async fn close(State(desk): State<Arc<Desk>>, request: Request) -> Shown {
    let fields = Fields::read(request).await?;
    let kind = fields.must("kind", "a kind of finding", FindingKind::from_word)?;
    let key = fields.must("key", "what the finding is about", |text| {
        (!text.is_empty()).then(|| text.to_owned())
    })?;
    let change = fields.change(VIA)?;
    actions::close(&desk, kind, key, &change).await?;
    seen_at("/operator/attention", "closed")
}

/// `POST /operator/payouts/assign` with `payout` and `ours`.
pub(super) async fn assign(State(desk): State<Arc<Desk>>, request: Request) -> Shown {
    let fields = Fields::read(request).await?;
    let payout = fields
        .must("payout", "a payout, po_...", |text| (!text.is_empty()).then(|| text.to_owned()))?;
    let ours = actions::payout::ours(&fields)?;
    let change = fields.change(VIA)?;
    actions::payout::assign(&desk, payout, ours, &change).await?;
    seen_at("/operator/attention", "assigned")
}

/// `POST /operator/reconciliation/run` with `scope`: `recent` or `full`.
pub(super) async fn reconcile(State(desk): State<Arc<Desk>>, request: Request) -> Shown {
    let fields = Fields::read(request).await?;
    let scope = fields.must("scope", "recent or full", |text| match text {
        "recent" => Some(Scope::Recent),
        "full" => Some(Scope::Full),
        _ => None,
    })?;
    let change = fields.change(VIA)?;
    actions::compare(&desk, scope, &change).await?;
    seen_at("/operator/reconciliation", "compared")
}
