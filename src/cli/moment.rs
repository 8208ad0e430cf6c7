//! Moments as commands take them: a moment, a day, or how long ago.

use payments::time::UnixMs;

use super::invalid_argument::InvalidArgument;

/// A moment that may depend on now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    At(UnixMs),
    Ago { ms: i64 },
}

// === impl Moment ===

impl Moment {
    /// The moment, told now.
    pub(super) fn seen_at(self, now: UnixMs) -> UnixMs {
        match self {
            Self::At(at) => at,
            Self::Ago { ms } => now.plus_ms(ms.saturating_neg()),
        }
    }

    /// Reads an argument.
    pub(super) fn read(text: &str) -> Result<Self, InvalidArgument> {
        if let Some(at) = UnixMs::parse_day_or_moment(text) {
            return Ok(Self::At(at));
        }
        let unit_ms = match text.chars().last() {
            Some('s') => 1_000_i64,
            Some('m') => 60_000,
            Some('h') => 3_600_000,
            Some('d') => 86_400_000,
            _ => return Err(InvalidArgument::Moment),
        };
        let digits = text.get(..text.len().saturating_sub(1));
        let number: i64 = digits
            .and_then(|digits| digits.parse().ok())
            .filter(|number| *number >= 0)
            .ok_or(InvalidArgument::Moment)?;
        number.checked_mul(unit_ms).map(|ms| Self::Ago { ms }).ok_or(InvalidArgument::TooLongAgo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_a_day_or_a_span() {
        assert_eq!(Moment::read("2h"), Ok(Moment::Ago { ms: 7_200_000 }));
        assert_eq!(Moment::read("1970-01-01T00:00:01Z"), Ok(Moment::At(UnixMs::new(1_000))));
        assert_eq!(Moment::read("1970-01-02"), Ok(Moment::At(UnixMs::new(86_400_000))));
        assert_eq!(Moment::Ago { ms: 1_000 }.seen_at(UnixMs::new(5_000)), UnixMs::new(4_000));
        for wrong in ["", "h", "2", "-2h", "2w", "99999999999999999d", "ü", "2026-13-01"] {
            assert!(Moment::read(wrong).is_err(), "{wrong}");
        }
    }
}
