//! Every refusal of the agents' listener, as closed types. `problem` decides how each is answered.

mod api;
mod request;

pub(super) use api::ApiError;
pub(super) use request::RequestError;
