//! What a request may be refused with, as closed types: what went wrong, not how it is answered. `problem` decides that.

mod api;
pub(super) mod card;
mod gateway;
mod request;

pub(super) use api::ApiError;
pub(super) use gateway::{GatewayError, KnownBy, NextPayment, OfferedRail, RateLimited, ReceiptHeader};
pub(super) use request::RequestError;
