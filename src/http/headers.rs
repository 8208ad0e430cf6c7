//! Values of headers that are written here.

use http::HeaderValue;

/// The text as a header's value; a question mark where it holds what no header may.
pub(super) fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("?"))
}
