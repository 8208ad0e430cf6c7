//! One field for every name that an operator may hold in hand.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use payments::{
    ids::PaymentId,
    ports::desk::{Page, PaymentFilter, TextSearch},
};

use super::shell::{Shown, Visit, query};
use crate::operator::{Desk, ask};

/// `GET /operator/find`: the payment, the payer, or the list of what has this name.
pub(super) async fn find(State(desk): State<Arc<Desk>>, visit: Visit) -> Shown {
    let text = visit.asked.only(&["q"])?.text("q").unwrap_or_default();
    if text.parse::<PaymentId>().is_ok() {
        return Ok(Redirect::to(&format!("/operator/payments/{text}")).into_response());
    }
    if let Ok(payer) = ask::payer(text) {
        return Ok(Redirect::to(&format!("/operator/payers/{payer}")).into_response());
    }
    // The request id of an answer speaks of a payment.
    if let Some(payment) = desk.books.request(text).await?.and_then(|note| note.payment) {
        return Ok(Redirect::to(&format!("/operator/payments/{payment}")).into_response());
    }
    let filter = PaymentFilter { text: Some(TextSearch::read(text)), ..PaymentFilter::default() };
    let found = desk.desk.payments(&filter, &Page { after: None, limit: 2 }).await?;
    Ok(match found.as_slice() {
        [only] => Redirect::to(&format!("/operator/payments/{}", only.id)).into_response(),
        _ => {
            Redirect::to(&format!("/operator/settlements?{}", query([("q", text)]))).into_response()
        }
    })
}
