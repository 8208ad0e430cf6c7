//! The x402 version 2 extension `payment-identifier`: the client's own name for one piece of work,
//! so that it may sign again without paying again.

use crate::error::{ProofError, Reason};
use crate::x402::json::Node;

/// The extension's key in a challenge and in a payment.
pub const PAYMENT_IDENTIFIER: &str = "payment-identifier";
/// Shortest and longest identifier, in characters.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=128;

/// What a challenge says of the extension. Clients drop every extension when one of them lacks
/// `info` or `schema`.
pub(crate) const ADVERTISEMENT: &str = concat!(
    r#"{"payment-identifier":{"info":{"required":false},"schema":{"$schema":"https://json-schema.org/draft/2020-12/schema","#,
    r#""type":"object","properties":{"required":{"type":"boolean"},"#,
    r#""id":{"type":"string","minLength":16,"maxLength":128,"pattern":"^[a-zA-Z0-9_-]+$"}},"required":["required"]}}}"#,
);

/// The identifier of a payment; `None` where the client only echoes the extension or does not know
/// it.
pub(crate) fn read(root: &Node<'_>) -> Result<Option<String>, ProofError> {
    const FIELD: &str = "extensions.payment-identifier.info.id";
    const EXPECTED: &str = "16 to 128 letters, digits, - and _";
    let extension =
        root.get("extensions").and_then(|extensions| extensions.get(PAYMENT_IDENTIFIER));
    let malformed = |got: &dyn std::fmt::Display| {
        Err(ProofError::new(Reason::InvalidPaymentIdentifier, FIELD, EXPECTED, got))
    };
    match extension.and_then(|extension| extension.get("info")).and_then(|info| info.get("id")) {
        None => Ok(None),
        Some(Node::Text(id))
            if LENGTHS.contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) =>
        {
            Ok(Some(id.clone().into_owned()))
        }
        Some(Node::Text(id)) => malformed(&format_args!("{} bytes of text", id.len())),
        Some(other) => malformed(&other.kind()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn identifier(extensions: &str) -> Result<Option<String>, ProofError> {
        read(&Node::parse(&format!("{{\"extensions\":{extensions}}}")).unwrap())
    }

    #[test]
    fn an_identifier_has_16_to_128_plain_characters() {
        let with = |id: &str| {
            identifier(&format!(
                r#"{{"payment-identifier":{{"info":{{"required":false,"id":"{id}"}}}}}}"#
            ))
        };
        for good in ["a".repeat(16), "pay_0123456789abcdef-ABCDEF".to_owned(), "Z".repeat(128)] {
            assert_eq!(with(&good), Ok(Some(good)));
        }
        for bad in [
            "",
            &"a".repeat(15),
            &"a".repeat(129),
            "sixteen.letters.",
            "sixteen letters ",
            "ääääääääääääääää",
        ] {
            assert_eq!(with(bad).unwrap_err().reason, Reason::InvalidPaymentIdentifier, "{bad}");
        }
        let number = identifier(r#"{"payment-identifier":{"info":{"id":1234567890123456}}}"#);
        assert_eq!(number.unwrap_err().status_hint(), 400);
    }

    #[test]
    fn an_echo_without_an_identifier_is_none() {
        for extensions in [
            "{}",
            "null",
            "[]",
            r#"{"payment-identifier":{"info":{"required":false},"schema":{}}}"#,
            r#"{"bazaar":{}}"#,
        ] {
            assert_eq!(identifier(extensions), Ok(None), "{extensions}");
        }
        assert_eq!(identifier(ADVERTISEMENT), Ok(None));
    }
}
