//! Granted tokens: a card that an agent lends to a seller, up to an amount and a time
//! (<https://docs.stripe.com/api/shared-payment/granted-token>).

use serde_json::Value;

use super::PROFILE;
use super::error::ApiError;
use super::form::Form;
use super::methods;
use super::routes::Answered;
use super::rows::{Deactivated, Reason, Token};
use super::world::{Change, Tx};

/// The agent whose tokens these are.
pub(super) const AGENT_PROFILE: &str = "profile_test_agent";

const KNOWN: [&str; 9] = [
    "payment_method",
    "customer",
    "usage_limits[currency]",
    "usage_limits[max_amount]",
    "usage_limits[expires_at]",
    "seller_details[network_id]",
    "seller_details[network_business_profile]",
    "seller_details[external_id]",
    "shared_metadata[*]",
];

impl Tx<'_> {
    /// `POST /v1/test_helpers/shared_payment/granted_tokens`
    pub(super) fn grant(&mut self, form: &Form) -> Answered {
        form.only(&KNOWN)?;
        let method = form.need("payment_method")?.to_owned();
        let currency = form.need_currency("usage_limits[currency]")?;
        let max_amount = form.need_amount("usage_limits[max_amount]")?;
        let expires_at_unix_s = form.time("usage_limits[expires_at]")?;
        if expires_at_unix_s.is_some_and(|at| at <= self.now_unix_s) {
            return Err(ApiError::invalid(
                "usage_limits[expires_at]",
                "This value must be in the future.",
            ));
        }
        let shared_metadata = form.metadata("shared_metadata")?;
        if methods::find(&method).is_none() {
            return Err(ApiError::no_such(400, "PaymentMethod", "payment_method", &method));
        }
        let network_id = form
            .owned("seller_details[network_id]")
            .or_else(|| form.owned("seller_details[network_business_profile]"));
        let (id, customer) = (self.id("spt"), form.owned("customer"));
        let token = Token {
            id,
            created_unix_s: self.now_unix_s,
            method,
            customer,
            currency,
            max_amount,
            expires_at_unix_s,
            captured: 0,
            deactivated: None,
            held_by: None,
            network_id,
            shared_metadata,
        };
        self.put(Change::Token(token.clone()));
        Ok(self.token_json(&token))
    }

    /// `GET /v1/shared_payment/granted_tokens/:id`
    pub(super) fn granted(&self, id: &str) -> Answered {
        let token = self
            .world
            .tokens
            .get(id)
            .ok_or_else(|| ApiError::no_such(404, "shared_payment.granted_token", "id", id))?;
        Ok(self.token_json(token))
    }

    /// `POST /v1/test_helpers/shared_payment/granted_tokens/:id/revoke`
    pub(super) fn revoke(&mut self, id: &str, form: &Form) -> Answered {
        form.only(&[])?;
        let found = self.world.tokens.get(id).cloned();
        let mut token = found
            .ok_or_else(|| ApiError::no_such(404, "shared_payment.granted_token", "id", id))?;
        if token.deactivated_at(self.now_unix_s).is_some() {
            return Err(ApiError::refused(
                "This shared payment granted token has already been deactivated.",
            ));
        }
        token.deactivated =
            Some(Deactivated { at_unix_s: self.now_unix_s, reason: Reason::Revoked });
        self.put(Change::Token(token.clone()));
        let json = self.token_json(&token);
        self.emit("shared_payment.granted_token.deactivated", json.clone());
        Ok(json)
    }

    pub(super) fn token_json(&self, token: &Token) -> Value {
        let mut json = token.json(self.now_unix_s, AGENT_PROFILE);
        if self.world.settings.behaviour.hides_usage_limits {
            json["usage_limits"] = Value::Null;
        }
        json
    }

    /// Whether a token may pay `amount` now; the rules in the order in which they are told.
    pub(super) fn usable(
        &self,
        id: &str,
        param: &str,
        amount: i64,
        currency: &str,
    ) -> Result<Token, ApiError> {
        let no_such = || ApiError::no_such(400, "shared_payment.granted_token", param, id);
        let token = self.world.tokens.get(id).ok_or_else(no_such)?;
        let refused = |message: &str| Err(ApiError::refused(message).param(param));
        if let Some(deactivated) = token.deactivated_at(self.now_unix_s) {
            return refused(match deactivated.reason {
                Reason::Consumed => "This shared payment granted token has already been used.",
                Reason::Expired => "This shared payment granted token has expired.",
                Reason::Revoked => "This shared payment granted token has been revoked.",
            });
        }
        if token.held_by.is_some() {
            return refused(
                "This shared payment granted token is in use by a payment that is still processing.",
            );
        }
        if token.network_id.as_deref().is_some_and(|seller| seller != PROFILE) {
            return refused("This shared payment granted token was granted to another seller.");
        }
        if token.currency != currency {
            return refused(
                "The currency of the payment does not match the usage limits of the shared payment granted token.",
            );
        }
        if amount.checked_add(token.captured).is_none_or(|total| total > token.max_amount) {
            return refused(
                "The amount of the payment exceeds the usage limits of the shared payment granted token.",
            );
        }
        Ok(token.clone())
    }
}
