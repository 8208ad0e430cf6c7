//! The name of one paid piece of work.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::time::UnixMs;

/// The id of an intent: shown to agents as `payment_id`, sent upstream as `Idempotency-Key`, kept
/// as `core_key`. It sorts by the time it was made (UUID version 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentId(Uuid);

/// The text is not `pay_` followed by 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payment id is pay_ followed by 32 lower-case hex digits")]
pub struct PaymentIdError;

impl PaymentId {
    /// Wraps a fresh UUID; the service makes it in its one place for ids.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// An id that sorts before every id made at this moment or after it, and after those made
    /// before: a date as a key of a list.
    pub fn before_all_at(at: UnixMs) -> Self {
        let ms = u128::try_from(at.ms().max(0)).unwrap_or_default();
        Self(Uuid::from_u128(ms << 80))
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pay_{}", self.0.as_simple())
    }
}

impl FromStr for PaymentId {
    type Err = PaymentIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.strip_prefix("pay_").ok_or(PaymentIdError)?;
        let canonical = hex.len() == 32
            && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !canonical {
            return Err(PaymentIdError);
        }
        Uuid::try_parse(hex).map(Self).map_err(|_| PaymentIdError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_divides_the_ids_made_before_and_after_it() {
        let made = |ms| {
            PaymentId::new(uuid::Builder::from_unix_timestamp_millis(ms, &[255; 10]).into_uuid())
        };
        let divides = PaymentId::before_all_at(UnixMs::new(1_000_000));
        assert!(made(999_999) < divides && divides < made(1_000_000));
        assert!(
            made(999_999).to_string() < divides.to_string()
                && divides.to_string() < made(1_000_000).to_string()
        );
    }

    #[test]
    fn a_payment_id_has_exactly_one_spelling() {
        let id = PaymentId::new(Uuid::from_u128(7));
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in [
            "",
            "pay_",
            "pay_7",
            "PAY_00000000000000000000000000000007",
            "pay_0000000000000000000000000000000G",
        ] {
            assert_eq!(wrong.parse::<PaymentId>(), Err(PaymentIdError), "{wrong}");
        }
    }
}
