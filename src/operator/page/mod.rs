//! The operator's page: what the API says, made readable. Every view is whole without a script;
//! scripts add the chart, the keyboard, the local time, and figures that come after the list.

mod act;
mod alerts;
mod assets;
mod attention;
mod config;
mod credits;
mod find;
mod journal;
mod labels;
mod overview;
mod payer;
mod payment;
mod reconciliation;
mod requests;
mod settlements;
mod shell;
mod show;
mod timeline;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use super::Desk;

/// Every route of the page; [`guard`](super::guard) stands before all of them.
pub fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/", get(shell::to_overview))
        .route("/operator", get(overview::overview))
        .route("/operator/settlements", get(settlements::list))
        .route("/operator/settlements/sums", get(settlements::sums))
        .route("/operator/payments/{id}", get(payment::payment))
        .route("/operator/payments/{id}/recheck", post(act::recheck))
        .route("/operator/payments/{id}/resolve", post(act::resolve))
        .route("/operator/payments/{id}/refund", post(act::refund))
        .route("/operator/attention", get(attention::attention))
        .route("/operator/payers/{payer}", get(payer::payer))
        .route("/operator/requests", get(requests::requests))
        .route("/operator/credits", get(credits::credits))
        .route("/operator/credits/change", post(act::credits))
        .route("/operator/credits/lift", post(act::lift))
        .route("/operator/holders/change", post(act::holders))
        .route("/operator/reconciliation", get(reconciliation::reconciliation))
        .route("/operator/reconciliation/run", post(act::reconcile))
        .route("/operator/upstream/open", post(act::open_upstream))
        .route("/operator/findings/close", post(act::close))
        .route("/operator/payouts/assign", post(act::assign))
        .route("/operator/journal", get(journal::journal))
        .route("/operator/config", get(config::config))
        .route("/operator/audit", get(requests::actions))
        .route("/operator/find", get(find::find))
        .route("/operator/login", get(shell::login))
        .route("/operator/assets/{*path}", get(assets::asset))
        .with_state(desk)
}
