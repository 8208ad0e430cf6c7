//! One token charged in test mode, for `doctor`: whether Stripe takes a charge as we write it.

use miniserde::Deserialize;
use payments::ports::CardError;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{StripeRail, http::plain_id, objects::PaymentIntent};

/// The smallest charge in US cents.
const CENTS: &str = "50";
/// How long the token may be charged, in seconds.
const TOKEN_LIFE_S: i64 = 600;

/// A token of the test helper.
#[derive(Deserialize)]
struct Granted {
    id: String,
}

impl StripeRail {
    /// Makes a token and charges it, both in test mode. The name of the payment.
    ///
    /// # Errors
    /// [`CardError`]; a charge that did not succeed is one too.
    pub async fn try_charge(&self) -> Result<String, CardError> {
        let expires = self.clock.now().plus_s(TOKEN_LIFE_S).unix_s().to_string();
        let grant = [
            ("payment_method", "pm_card_visa"),
            ("usage_limits[currency]", "usd"),
            ("usage_limits[max_amount]", CENTS),
            ("usage_limits[expires_at]", expires.as_str()),
        ];
        let token = self
            .http
            .ask::<Granted>(post("/test_helpers/shared_payment/granted_tokens", &grant), None)
            .await?
            .object
            .id;
        let charge = [
            ("amount", CENTS),
            ("currency", "usd"),
            ("confirm", "true"),
            ("automatic_payment_methods[enabled]", "true"),
            ("automatic_payment_methods[allow_redirects]", "never"),
            ("metadata[machine_payment]", "true"),
            ("metadata[gateway_doctor]", "true"),
            (self.spt_parameter.name(), token.as_str()),
        ];
        let payment =
            self.http.ask::<PaymentIntent>(post("/payment_intents", &charge), None).await?.object;
        self.same_mode(payment.livemode)?;
        match payment.status.as_str() {
            "succeeded" if plain_id(&payment.id) => Ok(payment.id),
            _ => Err(CardError::Misconfigured(String::from(
                "a charge of a test token did not succeed",
            ))),
        }
    }
}

fn post(path: &str, pairs: &[(&str, &str)]) -> RequestBuilder {
    let mut request = RequestBuilder::new(StripeMethod::Post, path);
    request.body =
        Some(form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish());
    request
}
