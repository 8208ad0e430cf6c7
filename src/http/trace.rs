//! How a request was answered, noted for the operator who is asked about its id. Only of proven
//! payers: what strangers send leaves no row.

use axum::response::Response;
use payments::{agent::Payer, ports::RequestNote, time::UnixMs};

use super::asked::Refused;
use crate::gateway::GatewayRequest;

/// The note of an answer.
pub(super) fn of(
    call: &GatewayRequest,
    payer: Payer,
    response: &Response,
    at: UnixMs,
) -> RequestNote {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let refused = response.extensions().get::<Refused>();
    let payment = header("x-payment-id")
        .or_else(|| refused.and_then(|refused| refused.payment_id.as_deref()));
    RequestNote {
        request_id: call.request_id.clone(),
        at,
        route: call.route.clone(),
        payer,
        status: response.status().as_u16(),
        code: refused.map(|refused| refused.code.clone()).filter(|code| !code.is_empty()),
        reason: refused.and_then(|refused| refused.reason.clone()),
        payment: payment.and_then(|id| id.parse().ok()),
        charge: header("x-charge").unwrap_or("none").to_owned(),
    }
}
