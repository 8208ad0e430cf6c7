//! Which status and error code an upstream's own clients expect for each condition that the gateway
//! can meet.

use std::collections::BTreeMap;

use http::StatusCode;
use toml::{Table, Value};

use crate::strict_toml::Mistake;

/// A condition that the gateway answers by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// No payment, or the challenge of a priced route.
    PaymentRequired,
    /// An x402 proof does not verify.
    X402Invalid,
    /// An MPP credential does not verify.
    MppInvalid,
    /// Charged, but the credits are not yet added.
    PurchaseFailed,
    /// Money may have moved; the outcome is not known yet.
    UnknownSettlement,
    /// Too many requests.
    RateLimited,
    /// Nobody proved who is asking where a payment challenge makes no sense.
    Unauthenticated,
    /// The agent may not do this.
    Forbidden,
    /// The request is malformed.
    Validation,
    /// No such path or resource.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// A used proof with another request, or another conflict of states.
    Conflict,
    /// The body is larger than the limit.
    TooLarge,
    /// The content type or encoding is not accepted.
    UnsupportedMediaType,
    /// The upstream answered something unusable.
    UpstreamFailed,
    /// The upstream, a rail or a store cannot be asked now; nothing was claimed.
    Unavailable,
    /// A fault of the gateway.
    Internal,
}

/// Every condition: its key in `[codes]`, and the status and code of an upstream that names none.
const CONDITIONS: [(Condition, &str, u16, &str); 17] = {
    use Condition as C;
    [
        (C::PaymentRequired, "payment_required", 402, "PAYMENT_001"),
        (C::X402Invalid, "x402_invalid", 402, "PAYMENT_002"),
        (C::MppInvalid, "mpp_invalid", 402, "PAYMENT_003"),
        (C::PurchaseFailed, "purchase_failed", 500, "PAYMENT_004"),
        (C::UnknownSettlement, "unknown_settlement", 503, "PAYMENT_005"),
        (C::RateLimited, "rate_limited", 429, "RATE_001"),
        (C::Unauthenticated, "unauthenticated", 401, "AUTH_001"),
        (C::Forbidden, "forbidden", 403, "AUTH_002"),
        (C::Validation, "validation", 400, "SERVER_002"),
        (C::NotFound, "not_found", 404, "SERVER_003"),
        (C::MethodNotAllowed, "method_not_allowed", 405, "SERVER_004"),
        (C::Conflict, "conflict", 409, "SERVER_009"),
        (C::TooLarge, "too_large", 413, "SERVER_002"),
        (C::UnsupportedMediaType, "unsupported_media_type", 415, "SERVER_002"),
        (C::UpstreamFailed, "upstream_failed", 502, "SERVER_001"),
        (C::Unavailable, "unavailable", 503, "SERVER_001"),
        (C::Internal, "internal", 500, "SERVER_001"),
    ]
};

/// Condition to status and code; complete by construction.
#[derive(Debug, Clone)]
pub struct Codes(BTreeMap<Condition, (StatusCode, String)>);

impl Codes {
    /// The status and the error code for a condition.
    #[must_use]
    pub fn get(&self, condition: Condition) -> (StatusCode, &str) {
        self.0.get(&condition).map_or((StatusCode::INTERNAL_SERVER_ERROR, ""), |(status, code)| {
            (*status, code.as_str())
        })
    }

    /// Reads `[codes]`; what it does not name keeps its default.
    pub(super) fn read(table: &Table, mistakes: &mut Vec<Mistake>) -> Self {
        let mut codes = BTreeMap::new();
        for (condition, _, status, code) in CONDITIONS {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            codes.insert(condition, (status, code.to_owned()));
        }
        for (key, value) in table {
            let place = format!("codes.{key}");
            let Some((condition, _, default_status, _)) =
                CONDITIONS.iter().find(|(_, name, ..)| name == key)
            else {
                mistakes.push(Mistake::new(place, "unknown condition"));
                continue;
            };
            match pair(value) {
                // Clients pay on 402 and wait on 429: these statuses are the protocol's, not the
                // upstream's to choose.
                Some((status, _))
                    if matches!(default_status, 402 | 429)
                        && status.as_u16() != *default_status =>
                {
                    mistakes
                        .push(Mistake::new(place, format!("the status must be {default_status}")));
                }
                Some(pair) => {
                    codes.insert(*condition, pair);
                }
                None => mistakes.push(Mistake::new(
                    place,
                    "expected [status 400-599, \"CODE\"], for example [402, \"PAYMENT_001\"]",
                )),
            }
        }
        Self(codes)
    }
}

fn pair(value: &Value) -> Option<(StatusCode, String)> {
    let [Value::Integer(status), Value::String(code)] = value.as_array()?.as_slice() else {
        return None;
    };
    let status = StatusCode::from_u16(u16::try_from(*status).ok()?).ok()?;
    let is_error = status.is_client_error() || status.is_server_error();
    (is_error && !code.is_empty()).then(|| (status, code.clone()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_condition_has_a_code_and_a_profile_may_change_it() {
        let table = "payment_required = [402, \"INSUFFICIENT_CREDITS\"]".parse().unwrap();
        let mut mistakes = Vec::new();
        let codes = Codes::read(&table, &mut mistakes);
        assert!(mistakes.is_empty());
        for (condition, _, status, _) in CONDITIONS {
            assert_eq!(codes.get(condition).0.as_u16(), status);
        }
        assert_eq!(codes.get(Condition::PaymentRequired).1, "INSUFFICIENT_CREDITS");
        assert_eq!(codes.get(Condition::NotFound).1, "SERVER_003");
    }

    #[test]
    fn mistakes_are_named() {
        let text = "payment_required = [400, \"A\"]\nvalidation = [200, \"B\"]\ninternal = [500]\nodd = [400, \"C\"]\n";
        let mut mistakes = Vec::new();
        Codes::read(&text.parse().unwrap(), &mut mistakes);
        let mut places: Vec<_> = mistakes.iter().map(|m| m.place.as_str()).collect();
        places.sort_unstable();
        assert_eq!(
            places,
            ["codes.internal", "codes.odd", "codes.payment_required", "codes.validation"]
        );
    }
}
