//! Canonical JSON (RFC 8785) for what is signed: strings, whole numbers, arrays and objects, member
//! names in the order of their UTF-16 code units, whatever order a parser keeps.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::x402::json::push_quoted;

/// Largest whole number that every JSON reader keeps exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The value holds a number that is no whole number within 53 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("only whole numbers within 53 bits have one spelling")]
pub struct NotCanonical;

/// The canonical text.
///
/// # Errors
/// [`NotCanonical`].
pub fn canonical(value: &Value) -> Result<String, NotCanonical> {
    let mut text = String::new();
    write(&mut text, value)?;
    Ok(text)
}

/// The canonical text in base64url without padding, as `request` and `opaque` carry it.
///
/// # Errors
/// [`NotCanonical`].
pub fn encoded(value: &Value) -> Result<String, NotCanonical> {
    canonical(value).map(|text| URL_SAFE_NO_PAD.encode(text))
}

fn write(out: &mut String, value: &Value) -> Result<(), NotCanonical> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::Number(number) => {
            let size = number
                .as_u64()
                .or_else(|| number.as_i64().map(i64::unsigned_abs))
                .ok_or(NotCanonical)?;
            if size > MAX_SAFE_INTEGER {
                return Err(NotCanonical);
            }
            out.push_str(&number.to_string());
        }
        Value::String(text) => push_quoted(out, text),
        Value::Array(elements) => {
            out.push('[');
            for (i, element) in elements.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(out, element)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (i, (name, member)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_quoted(out, name);
                out.push(':');
                write(out, member)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_in_utf16_order_and_numbers_are_whole() {
        // RFC 8785, 3.2.3: U+1F600 is written with surrogates and sorts before U+FB33.
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "b": [true, null, {"z": -3, "a": "\u{1}\"/"}], "B": ""});
        let text = "{\"B\":\"\",\"b\":[true,null,{\"a\":\"\\u0001\\\"/\",\"z\":-3}],\"\u{1f600}\":2,\"\u{fb33}\":1}";
        assert_eq!(canonical(&value), Ok(text.to_owned()));
        for number in [json!(1.5), json!(1_u64 << 53), json!(-(1_i64 << 53))] {
            assert_eq!(canonical(&number), Err(NotCanonical));
        }
    }
}
