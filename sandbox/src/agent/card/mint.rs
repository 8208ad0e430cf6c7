//! How a token comes about: the agent's side of Stripe makes one of a card, for one seller, up to
//! the price and until the challenge ends
//! (<https://docs.stripe.com/api/shared-payment/granted-token>). With test keys an endpoint of
//! Stripe's does it, and the emulator's.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use payments::mpp::stripe::token::PaymentToken;
use serde_json::Value;

use super::super::{Transport, TransportError};
use super::{CURRENCY, CardAgreed};

/// Where tokens are made, and what opens it.
#[derive(Clone)]
pub struct Mint {
    /// `.../v1/test_helpers/shared_payment/granted_tokens`.
    pub url: Uri,
    /// A test key. Wherever a live one works, this endpoint does not.
    pub key: String,
    /// `Stripe-Version`.
    pub api_version: String,
}

/// Whose card.
#[derive(Clone, Debug)]
pub struct Card {
    /// `pm_card_visa`, ...
    pub method: String,
    /// Its holder; the same method of another holder is another card.
    pub customer: Option<String>,
}

/// No token was made. Nothing was paid.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// Nobody answered.
    #[error(
        "no payment token could be minted, nothing was paid: {0}; --mint-url names another place"
    )]
    Connection(TransportError),
    /// It answered something else.
    #[error("no payment token was minted, nothing was paid: {url} says {status} {message}")]
    Refused {
        /// Who was asked.
        url: Uri,
        /// Its status.
        status: u16,
        /// Its reason.
        message: String,
    },
}

impl std::fmt::Debug for Mint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mint").field("url", &self.url).finish_non_exhaustive()
    }
}

// === impl Mint ===

impl Mint {
    /// Makes a token for exactly what was agreed to.
    ///
    /// # Errors
    /// [`MintError`].
    pub async fn token(
        &self,
        transport: &impl Transport,
        card: &Card,
        agreed: &CardAgreed,
    ) -> Result<PaymentToken, MintError> {
        let response =
            transport.send(self.request(card, agreed)?).await.map_err(MintError::Connection)?;
        let body: Value = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let status = response.status();
        let token =
            text("/id").filter(|_| status.is_success()).and_then(|id| PaymentToken::parse(id).ok());
        token.ok_or_else(|| {
            self.refused(status.as_u16(), text("/error/message").unwrap_or("and no token"))
        })
    }

    fn request(&self, card: &Card, agreed: &CardAgreed) -> Result<Request<Bytes>, MintError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("payment_method", &card.method)
            .append_pair("usage_limits[currency]", CURRENCY)
            .append_pair("usage_limits[max_amount]", &agreed.amount.get().to_string())
            .append_pair("seller_details[network_id]", &agreed.network_id);
        if let Some(expires) = agreed.expires {
            form.append_pair("usage_limits[expires_at]", &expires.unix_s().to_string());
        }
        if let Some(customer) = &card.customer {
            form.append_pair("customer", customer);
        }
        let mut request = Request::new(Bytes::from(form.finish()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let key = HeaderValue::from_str(&format!("Bearer {}", self.key));
        let mut key =
            key.map_err(|_| self.refused(0, "the key holds characters that no header may hold"))?;
        key.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, key);
        let version = HeaderValue::from_str(&self.api_version);
        headers.insert(
            "stripe-version",
            version.map_err(|_| self.refused(0, "the API version is no version"))?,
        );
        Ok(request)
    }

    fn refused(&self, status: u16, message: &str) -> MintError {
        MintError::Refused { url: self.url.clone(), status, message: message.to_owned() }
    }
}
