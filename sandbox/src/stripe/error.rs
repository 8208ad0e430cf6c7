//! Errors as Stripe words them (<https://docs.stripe.com/api/errors>).

use serde_json::{Value, json};

use super::methods::Decline;

/// A refused request.
pub(super) struct ApiError {
    pub status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    decline_code: Option<&'static str>,
    param: Option<Box<str>>,
    message: String,
    /// What the error is about: an intent, a charge.
    about: Vec<(&'static str, Value)>,
    /// Whether the endpoint had begun its work: such an answer is kept for the idempotency key.
    pub began: bool,
}

impl ApiError {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            code: None,
            decline_code: None,
            param: None,
            message: message.into(),
            about: Vec::new(),
            began: false,
        }
    }

    /// The request is malformed: nothing began.
    pub(super) fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(400, "invalid_request_error", message) }
    }

    /// A parameter that this version of the API does not have.
    pub(super) fn unknown_param(name: &str) -> Self {
        Self {
            code: Some("parameter_unknown"),
            ..Self::invalid(name, format!("Received unknown parameter: {name}"))
        }
    }

    pub(super) fn missing_param(name: &str) -> Self {
        Self {
            code: Some("parameter_missing"),
            ..Self::invalid(name, format!("Missing required param: {name}."))
        }
    }

    /// The request is well formed, and the state of things forbids it.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self { began: true, ..Self::new(400, "invalid_request_error", message) }
    }

    /// There is no such object. `status` is 404 where the path names it, 400 where a parameter
    /// does.
    pub(super) fn no_such(status: u16, what: &str, param: &str, id: &str) -> Self {
        let message = format!("No such {what}: '{id}'");
        let error = Self::new(status, "invalid_request_error", message)
            .code("resource_missing")
            .param(param);
        Self { began: true, ..error }
    }

    /// The card said no.
    pub(super) fn card(decline: &Decline, charge: &str) -> Self {
        let error = Self { began: true, ..Self::new(402, "card_error", decline.message) };
        Self {
            decline_code: Some(decline.decline_code),
            ..error.code(decline.code).about("charge", json!(charge))
        }
    }

    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, "invalid_request_error", message)
    }

    pub(super) fn unrecognized_url(method: &str, path: &str) -> Self {
        Self::new(
            404,
            "invalid_request_error",
            format!("Unrecognized request URL ({method}: {path})."),
        )
    }

    /// The key belongs to another request.
    pub(super) fn other_parameters(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than \
             '{key}' if you meant to execute a different request."
        );
        Self::new(400, "idempotency_error", message)
    }

    /// The first request with this key is still being worked on.
    pub(super) fn key_in_use(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the \
             other request is still going through): {key}. Please try again later."
        );
        Self::new(409, "idempotency_error", message).code("idempotency_key_in_use")
    }

    pub(super) fn rate_limited() -> Self {
        let message = "Request rate limit exceeded. You can learn more about rate limits here https://docs.stripe.com/rate-limits.";
        Self::new(429, "invalid_request_error", message).code("rate_limit")
    }

    /// Something outside Stripe failed; nothing was done.
    pub(super) fn dependency_failed() -> Self {
        Self::new(424, "api_error", "The request could not be completed due to a failure in a dependency external to Stripe.").kept()
    }

    /// The token cannot pay, in the status of a payment that failed.
    pub(super) fn token_refused() -> Self {
        let message = "This shared payment granted token cannot be used for this payment.";
        Self::new(402, "invalid_request_error", message)
            .param("payment_method_data[shared_payment_granted_token]")
            .kept()
    }

    pub(super) fn internal() -> Self {
        Self::new(500, "api_error", "An unknown error occurred")
    }

    /// The same, as the answer that the idempotency key keeps.
    pub(super) fn kept(self) -> Self {
        Self { began: true, ..self }
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    pub(super) fn param(self, param: &str) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    pub(super) fn about(mut self, name: &'static str, object: Value) -> Self {
        self.about.push((name, object));
        self
    }

    /// The inside of `error`, as it also stands in `last_payment_error`.
    pub(super) fn inner(&self) -> Value {
        let mut error = json!({"type": self.kind, "message": self.message});
        if let Some(code) = self.code {
            error["code"] = json!(code);
            error["doc_url"] =
                json!(format!("https://docs.stripe.com/error-codes/{}", code.replace('_', "-")));
        }
        if let Some(code) = self.decline_code {
            error["decline_code"] = json!(code);
        }
        if let Some(param) = &self.param {
            error["param"] = json!(param);
        }
        for (name, object) in &self.about {
            error[*name] = object.clone();
        }
        error
    }

    pub(super) fn body(&self) -> Value {
        json!({"error": self.inner()})
    }
}
