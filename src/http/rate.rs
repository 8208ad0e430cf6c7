//! The headers that say what an agent's bucket holds, under the names that the profile gives them.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    gateway::RateState,
    upstream::profile::{RateHeaders, ResetUnit},
};

/// Limit, what is left, and when the bucket is full again.
pub(super) fn headers(state: RateState, names: &RateHeaders) -> [(HeaderName, String); 3] {
    let reset = match names.reset_unit {
        ResetUnit::Ms => state.reset.ms(),
        ResetUnit::S => state.reset.unix_s(),
    };
    [
        (names.limit.clone(), state.limit.to_string()),
        (names.remaining.clone(), state.remaining.to_string()),
        (names.reset.clone(), reset.to_string()),
    ]
}

/// Writes them into an answer.
pub(super) fn write(state: RateState, names: &RateHeaders, answer: &mut HeaderMap) {
    for (name, value) in headers(state, names) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.insert(name, value);
        }
    }
}
