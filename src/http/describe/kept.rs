//! Both texts as they are kept: written once, when the first client asks.

use std::sync::OnceLock;

use bytes::Bytes;

/// Both texts, written when the first one asks.
#[derive(Debug)]
pub struct Descriptions {
    service: String,
    openapi: OnceLock<Bytes>,
    llms: OnceLock<Bytes>,
}

// === impl Descriptions ===

impl Descriptions {
    /// The descriptions of a service, by the name of its profile.
    #[must_use]
    pub fn of(service: &str) -> Self {
        Self { service: service.to_owned(), openapi: OnceLock::new(), llms: OnceLock::new() }
    }

    pub(super) fn service(&self) -> &str {
        &self.service
    }

    pub(super) fn openapi(&self, write: impl FnOnce() -> Bytes) -> &Bytes {
        self.openapi.get_or_init(write)
    }

    pub(super) fn llms(&self, write: impl FnOnce() -> Bytes) -> &Bytes {
        self.llms.get_or_init(write)
    }
}
