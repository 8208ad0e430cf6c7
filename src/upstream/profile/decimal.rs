//! Decimal text to the smallest units of a currency, exactly.

/// Why a decimal text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// A sign, an exponent, blanks, no digits, or a point without digits on both sides.
    #[error("not a plain decimal amount such as \"0.55\"")]
    NotDecimal,
    /// Digits after the smallest unit.
    #[error("more than {0} decimals")]
    TooManyDecimals(u32),
    /// Does not fit in 63 bits, which is what the books store.
    #[error("too large")]
    TooLarge,
}

/// Reads whole units with at most `decimals` digits after the point into the smallest units: `("0.55", 6)` is 550000.
///
/// # Errors
/// [`DecimalError`]; nothing is ever rounded.
pub fn parse_decimal(text: &str, decimals: u32) -> Result<u64, DecimalError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(DecimalError::NotDecimal),
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(DecimalError::NotDecimal);
    }
    let missing = (decimals as usize).checked_sub(fraction.len()).ok_or(DecimalError::TooManyDecimals(decimals))?;
    let padding = std::iter::repeat_n(b'0', missing);
    whole
        .bytes()
        .chain(fraction.bytes())
        .chain(padding)
        .try_fold(0_u64, |minor, digit| minor.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
        .filter(|minor| i64::try_from(*minor).is_ok())
        .ok_or(DecimalError::TooLarge)
}

/// The smallest units as whole units with all decimals: `(550000, 6)` is `"0.550000"`, `(60, 2)` is `"0.60"`.
#[must_use]
pub fn format_decimal(minor: u64, decimals: u32) -> String {
    let width = decimals as usize + 1;
    let mut text = format!("{minor:0width$}");
    if decimals > 0 {
        text.insert(text.len() - decimals as usize, '.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_amounts() {
        let cases = [
            ("0.55", 6, 550_000),
            ("0.60", 2, 60),
            ("12.00", 2, 1_200),
            ("12", 2, 1_200),
            ("0", 6, 0),
            ("0.000001", 6, 1),
            ("9223372036854.775807", 6, 9_223_372_036_854_775_807),
        ];
        for (text, decimals, minor) in cases {
            assert_eq!(parse_decimal(text, decimals), Ok(minor), "{text}");
            assert_eq!(parse_decimal(&format_decimal(minor, decimals), decimals), Ok(minor));
        }
        assert_eq!(format_decimal(550_000, 6), "0.550000");
        assert_eq!(format_decimal(60, 2), "0.60");
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["", ".", ".5", "5.", "-1", "+1", "1e3", " 1", "1 ", "1,5", "0x1", "1_0", "١", "1.2.3"] {
            assert_eq!(parse_decimal(text, 6), Err(DecimalError::NotDecimal), "{text:?}");
        }
        assert_eq!(parse_decimal("0.601", 2), Err(DecimalError::TooManyDecimals(2)));
        assert_eq!(parse_decimal("9223372036854.775808", 6), Err(DecimalError::TooLarge));
        assert_eq!(parse_decimal(&"9".repeat(400), 2), Err(DecimalError::TooLarge));
    }
}
