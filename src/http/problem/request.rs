//! What a request that is refused for its form is answered with: 400 and its kin, before anything
//! is asked about it.

use http::header;
use payments::challenge::Retry;

use super::{super::error::RequestError, answer::ErrorAnswer};
use crate::upstream::profile::Condition;

pub(super) fn answer(error: &RequestError) -> ErrorAnswer {
    match error {
        RequestError::AmbiguousFraming { header, expected, got } => {
            invalid("ambiguous request framing; the request was not processed")
                .reason("ambiguous_framing")
                .field(header, expected, got)
        }
        RequestError::NoSuchPath => {
            ErrorAnswer::new(Condition::NotFound, "no such path").retry(Retry::FixRequest)
        }
        RequestError::WrongMethod { allowed } => {
            let answer = ErrorAnswer::new(
                Condition::MethodNotAllowed,
                format!("method not allowed; allowed: {allowed}"),
            );
            answer.retry(Retry::FixRequest).header(header::ALLOW, allowed)
        }
        RequestError::BodyTooLarge { limit } => {
            ErrorAnswer::new(Condition::TooLarge, "the body is too large")
                .retry(Retry::FixRequest)
                .field("body", &format!("at most {limit} bytes"), "more")
        }
        RequestError::BodyTimedOut => {
            invalid("the body did not arrive in time").with_code(408, "SERVER_002")
        }
        RequestError::BodyBroken => invalid("the request body was truncated"),
        RequestError::UnsupportedBody { header, expected, got } => {
            ErrorAnswer::new(Condition::UnsupportedMediaType, "the body must be plain JSON")
                .retry(Retry::FixRequest)
                .field(header, expected, got)
        }
        RequestError::SeveralCredentials { count } => {
            let message = "a request carries one credential: X-PAYMENT, PAYMENT-SIGNATURE or Authorization; X-Agent-Token may stand beside a \
                           card payment";
            invalid(message).reason("several_credentials").field(
                "headers",
                "one credential",
                &count.to_string(),
            )
        }
        RequestError::InvalidAgentToken => invalid("X-Agent-Token must be a single agent token")
            .reason("invalid_agent_token")
            .field("X-Agent-Token", "tpk_..., once", "another text"),
        RequestError::UnknownApiKey => {
            ErrorAnswer::new(Condition::Unauthenticated, "unknown API key or agent token")
                .reason("unknown_api_key")
                .retry(Retry::FixRequest)
        }
        RequestError::UnsupportedScheme { api_key_prefix } => {
            unsupported_scheme(api_key_prefix.as_deref())
        }
    }
}

fn unsupported_scheme(api_key_prefix: Option<&str>) -> ErrorAnswer {
    let (among, kinds) = match api_key_prefix {
        Some(prefix) => (
            format!(", an API key (Bearer {prefix}...)"),
            format!("Payment ..., Bearer tpk_... or Bearer {prefix}..."),
        ),
        None => (String::new(), String::from("Payment ... or Bearer tpk_...")),
    };
    let message = format!(
        "Authorization must be a card payment (Payment ...), an agent token (Bearer tpk_...){among}, or omitted"
    );
    invalid(message).reason("unsupported_credential").field(
        "Authorization",
        &kinds,
        "another scheme",
    )
}

fn invalid(message: impl Into<String>) -> ErrorAnswer {
    ErrorAnswer::new(Condition::Validation, message).retry(Retry::FixRequest)
}
