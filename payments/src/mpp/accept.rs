//! The request header `Accept-Payment`: which of our offers a client can pay, best first.

/// The request header.
pub const ACCEPT_PAYMENT_HEADER: &str = "Accept-Payment";
/// Weight of a range without `q`, in thousandths.
const FULL_WEIGHT: u16 = 1000;

/// The header is not a list of `method/intent[;q=0..1]`: behave as if it were absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Accept-Payment is a list of method/intent, each with an optional ;q=0 to 1")]
pub struct Malformed;

struct Range<'a> {
    method: &'a str,
    intent: &'a str,
    weight: u16,
}

/// The places of the offers (method, intent) that the client takes, best first; equal ones keep our
/// order. When none is left, send them all: the client sees what there is.
///
/// # Errors
/// [`Malformed`].
pub fn rank(header_value: &str, offers: &[(&str, &str)]) -> Result<Vec<usize>, Malformed> {
    let elements = header_value
        .split(',')
        .map(|element| element.trim_matches([' ', '\t']))
        .filter(|element| !element.is_empty());
    let ranges = elements.map(Range::parse).collect::<Result<Vec<_>, _>>()?;
    if ranges.is_empty() {
        return Err(Malformed);
    }
    let weight = |offer: &(&str, &str)| {
        let matching = ranges.iter().filter(|range| range.matches(offer.0, offer.1));
        // Of two equally exact ranges the heavier one counts, as in the published implementations.
        matching
            .map(|range| (range.exactness(), range.weight))
            .max()
            .map_or(0, |(_, weight)| weight)
    };
    let mut ranked: Vec<_> =
        offers.iter().map(weight).enumerate().filter(|(_, weight)| *weight > 0).collect();
    ranked.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    Ok(ranked.into_iter().map(|(place, _)| place).collect())
}

impl<'a> Range<'a> {
    fn parse(element: &'a str) -> Result<Self, Malformed> {
        let (range, weight) = match element.split_once(';') {
            None => (element, FULL_WEIGHT),
            Some((range, parameter)) => {
                (range.trim_end(), weight(parameter.trim_start()).ok_or(Malformed)?)
            }
        };
        let (method, intent) = range.split_once('/').ok_or(Malformed)?;
        let known = (method == "*" || is_method(method)) && (intent == "*" || is_intent(intent));
        if known { Ok(Self { method, intent, weight }) } else { Err(Malformed) }
    }

    fn matches(&self, method: &str, intent: &str) -> bool {
        (self.method == "*" || self.method == method)
            && (self.intent == "*" || self.intent == intent)
    }

    fn exactness(&self) -> u8 {
        u8::from(self.method != "*") + u8::from(self.intent != "*")
    }
}

/// `q=` and a number from 0 to 1 with at most three decimals (RFC 9110, section 12.4.2), in
/// thousandths.
fn weight(parameter: &str) -> Option<u16> {
    let number = parameter.strip_prefix(['q', 'Q'])?.strip_prefix('=')?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, decimals) {
        ("0", _) => Some(decimals),
        ("1", 0) => Some(FULL_WEIGHT),
        _ => None,
    }
}

/// `[a-z][a-z0-9:_-]*`, as the published parsers read a method.
pub(crate) fn is_method(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b":_-".contains(&b);
    text.bytes().next().is_some_and(|b| b.is_ascii_lowercase()) && text.bytes().all(rest)
}

fn is_intent(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_range_counts_and_then_the_weight() {
        let offers = [("evm", "charge"), ("stripe", "charge")];
        assert_eq!(rank("*/*;q=0.9, stripe/*;q=0.2, stripe/charge;q=0.1", &offers), Ok(vec![0, 1]));
        assert_eq!(rank("*/charge;q=0, stripe/*;q=0.001", &offers), Ok(vec![1]));
        assert_eq!(rank(",stripe/charge;Q=1.000,", &offers), Ok(vec![1]));
        for malformed in [
            " , ",
            "stripe/charge;q=0.1234",
            "stripe/charge;q=1.001",
            "stripe/charge;x=1",
            "stripe/",
            "a/b/c",
            "stripe/charge;q=",
        ] {
            assert_eq!(rank(malformed, &offers), Err(Malformed), "{malformed:?}");
        }
    }
}
