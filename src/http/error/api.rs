//! Every refusal of the agents' listener.

use super::request::RequestError;
use crate::gateway::GatewayError;

/// Why a request is not answered as it asked.
#[derive(Debug, Clone)]
pub(in super::super) enum ApiError {
    /// The request itself cannot be taken: its framing, path, body or headers.
    Request(RequestError),
    /// The gateway refuses what it asks for.
    Gateway(GatewayError),
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<GatewayError> for ApiError {
    fn from(error: GatewayError) -> Self {
        Self::Gateway(error)
    }
}
