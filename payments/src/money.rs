//! Integer amounts, one type per unit. There is no conversion between units: a price in USDC and a
//! price in US dollars are two settings, never one computed from the other.

use std::fmt;
use std::num::TryFromIntError;

use serde::{Deserialize, Serialize};

/// Why a decimal text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not digits with at most one decimal point between digits.
    #[error("not a plain decimal amount: {0:?}")]
    NotDecimal(String),
    /// More decimals than the unit has.
    #[error("{text:?} has more than {max} decimals")]
    TooManyDecimals {
        /// The text that was read.
        text: String,
        /// The decimals of the unit.
        max: usize,
    },
    /// Larger than the unit can hold.
    #[error("{0:?} is too large")]
    TooLarge(String),
}

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident, decimals = $decimals:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);
            /// Decimals of one whole in this unit.
            pub const DECIMALS: usize = $decimals;

            /// From the smallest units.
            #[must_use]
            pub const fn new(minor: u64) -> Self {
                Self(minor)
            }

            /// The smallest units.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The sum, or `None` when it does not fit.
            #[must_use]
            pub const fn checked_add(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }

            /// The difference, or `None` when it would be negative.
            #[must_use]
            pub const fn checked_sub(self, other: Self) -> Option<Self> {
                match self.0.checked_sub(other.0) {
                    Some(difference) => Some(Self(difference)),
                    None => None,
                }
            }

            /// Reads whole units with optional decimals, exactly (`"0.55"`).
            ///
            /// # Errors
            /// [`MoneyError`] for signs, exponents, missing digits, more decimals than the unit
            /// has, or overflow.
            pub fn parse_decimal(text: &str) -> Result<Self, MoneyError> {
                parse_minor(text, Self::DECIMALS).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_decimal(self.0, Self::DECIMALS, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = MoneyError;

            fn from_str(text: &str) -> Result<Self, MoneyError> {
                Self::parse_decimal(text)
            }
        }
    };
}

unit! {
    /// Atomic units of USDC: six decimals, 550000 is 0.55 USDC.
    UsdcUnits, decimals = 6
}
unit! {
    /// US cents: 60 is 0.60 US dollars.
    UsdCents, decimals = 2
}
unit! {
    /// Prepaid launches; never a fraction.
    Credits, decimals = 0
}

/// An amount in one of the three currencies of the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Amount {
    /// Money on the chain.
    Usdc(UsdcUnits),
    /// Money at the card processor.
    Usd(UsdCents),
    /// Prepaid launches.
    Credits(Credits),
}

impl Amount {
    /// The currency's name in the books.
    #[must_use]
    pub const fn currency(self) -> &'static str {
        match self {
            Self::Usdc(_) => "USDC",
            Self::Usd(_) => "USD",
            Self::Credits(_) => "CREDIT",
        }
    }

    /// The smallest units as the signed integer that both databases store.
    ///
    /// # Errors
    /// When the amount is above `i64::MAX`.
    pub fn minor(self) -> Result<i64, TryFromIntError> {
        match self {
            Self::Usdc(units) => i64::try_from(units.get()),
            Self::Usd(cents) => i64::try_from(cents.get()),
            Self::Credits(credits) => i64::try_from(credits.get()),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usdc(units) => write!(f, "{units} USDC"),
            Self::Usd(cents) => write!(f, "{cents} USD"),
            Self::Credits(credits) => write!(f, "{credits} CREDIT"),
        }
    }
}

fn parse_minor(text: &str, decimals: usize) -> Result<u64, MoneyError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(MoneyError::NotDecimal(text.to_owned())),
        None => (text, ""),
    };
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return Err(MoneyError::NotDecimal(text.to_owned()));
    }
    let Some(missing) = decimals.checked_sub(fraction.len()) else {
        return Err(MoneyError::TooManyDecimals { text: text.to_owned(), max: decimals });
    };
    let digits = whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', missing));
    digits
        .map(|digit| u64::from(digit - b'0'))
        .try_fold(0_u64, |minor, digit| minor.checked_mul(10)?.checked_add(digit))
        .ok_or_else(|| MoneyError::TooLarge(text.to_owned()))
}

/// At least two decimals where the unit has any, no further trailing zeros: `0.55`, `12.00`,
/// `0.000001`.
fn write_decimal(minor: u64, decimals: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if decimals == 0 {
        return write!(f, "{minor}");
    }
    let digits = format!("{minor:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let kept = fraction.trim_end_matches('0').len().max(2);
    write!(f, "{whole}.{}", &fraction[..kept])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn prices_are_read_and_written_exactly() {
        for (text, units) in
            [("0.55", 550_000), ("12.00", 12_000_000), ("0.00", 0), ("0.000001", 1)]
        {
            let parsed = UsdcUnits::parse_decimal(text).unwrap();
            assert_eq!(parsed.get(), units);
            assert_eq!(parsed.to_string(), text);
        }
        assert_eq!(UsdCents::parse_decimal("0.6").unwrap(), UsdCents::new(60));
        assert_eq!(UsdCents::new(1200).to_string(), "12.00");
        assert_eq!(Credits::parse_decimal("20").unwrap().to_string(), "20");
    }

    #[test]
    fn odd_texts_are_refused_by_kind() {
        for text in ["", ".", ".5", "5.", "+1", "-1", "1e3", " 1", "1_0", "0x1", "1.2.3", "١"] {
            assert!(
                matches!(UsdcUnits::parse_decimal(text), Err(MoneyError::NotDecimal(_))),
                "{text:?}"
            );
        }
        assert!(matches!(
            UsdCents::parse_decimal("0.550"),
            Err(MoneyError::TooManyDecimals { max: 2, .. })
        ));
        assert!(matches!(
            Credits::parse_decimal("1.0"),
            Err(MoneyError::TooManyDecimals { max: 0, .. })
        ));
        assert!(matches!(UsdcUnits::parse_decimal("18446744073710"), Err(MoneyError::TooLarge(_))));
    }

    #[test]
    fn the_books_hold_signed_integers() {
        assert_eq!(Amount::Usdc(UsdcUnits::new(550_000)).minor().unwrap(), 550_000);
        assert!(Amount::Usd(UsdCents::new(u64::MAX)).minor().is_err());
        assert_eq!(Amount::Credits(Credits::new(20)).currency(), "CREDIT");
        assert_eq!(Amount::Usdc(UsdcUnits::new(550_000)).to_string(), "0.55 USDC");
    }
}
