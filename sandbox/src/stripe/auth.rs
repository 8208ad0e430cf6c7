//! Who may ask: whoever has the test key, as `Basic key:` or `Bearer key`
//! (<https://docs.stripe.com/api/authentication>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use subtle::ConstantTimeEq as _;

use super::error::ApiError;

pub(super) fn check(headers: &HeaderMap, secret_key: &str) -> Result<(), ApiError> {
    let Some(key) = key(headers) else {
        return Err(ApiError::unauthorized(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth.",
        ));
    };
    if bool::from(key.as_bytes().ct_eq(secret_key.as_bytes())) {
        return Ok(());
    }
    if key.starts_with("sk_live_") || key.starts_with("rk_live_") {
        return Err(ApiError::unauthorized("Live keys open nothing in the sandbox."));
    }
    let end: String = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    Err(ApiError::unauthorized(format!("Invalid API Key provided: ****{end}")))
}

fn key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credential) = value.split_once(' ')?;
    let credential = credential.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credential.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(credential).ok()?).ok()?;
    text.split(':').next().map(str::to_owned)
}
