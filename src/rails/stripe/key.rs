//! The API key, and whether it moves real money.

use std::fmt;

use http::HeaderValue;

use super::StripeConfigError;

/// A secret or restricted key of Stripe.
pub(super) struct ApiKey(String);

impl ApiKey {
    /// Reads a key by its prefix. A publishable key cannot charge and is none.
    pub(super) fn parse(text: &str) -> Result<Self, StripeConfigError> {
        let known = ["sk_test_", "rk_test_", "sk_live_", "rk_live_"]
            .iter()
            .any(|prefix| text.starts_with(prefix));
        if known { Ok(Self(text.to_owned())) } else { Err(StripeConfigError::Key) }
    }

    /// Whether it moves real money.
    pub(super) fn livemode(&self) -> bool {
        self.0.starts_with("sk_live_") || self.0.starts_with("rk_live_")
    }

    pub(super) fn authorization(&self) -> Result<HeaderValue, StripeConfigError> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0))
            .map_err(|_| StripeConfigError::Key)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}
