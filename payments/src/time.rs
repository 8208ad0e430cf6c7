//! Moments and calendar months. The rules never read a clock: a moment is always an argument.

use std::fmt;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(i64);

/// A calendar month in UTC, the window of the free tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    month: u8,
}

// === impl UnixMs ===

impl UnixMs {
    /// A moment from milliseconds since the epoch.
    pub const fn new(ms: i64) -> Self {
        Self(ms)
    }

    /// A moment from whole seconds since the epoch.
    pub const fn from_s(unix_s: i64) -> Self {
        Self(unix_s.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn unix_s(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Whole seconds since the epoch as the protocols count them; a moment before the epoch is 0.
    pub fn protocol_s(self) -> u64 {
        u64::try_from(self.unix_s()).unwrap_or(0)
    }

    /// This moment moved by some milliseconds.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This moment moved by some seconds.
    #[must_use]
    pub const fn plus_s(self, s: i64) -> Self {
        Self(self.0.saturating_add(s.saturating_mul(1000)))
    }

    /// RFC 3339 in UTC with milliseconds, the form that the views and answers show.
    pub fn rfc3339(self) -> String {
        let whole = self.datetime();
        let ms = self.0.rem_euclid(1000);
        let text = whole.format(&Rfc3339).unwrap_or_else(|_| String::from("9999-12-31T23:59:59Z"));
        format!("{}.{ms:03}Z", text.trim_end_matches('Z'))
    }

    /// RFC 3339 in UTC with whole seconds, rounded down: `2026-11-21T23:05:39Z`.
    pub fn rfc3339_s(self) -> String {
        let moment = self.datetime();
        let (hour, minute, second) = moment.time().as_hms();
        let mut text = String::with_capacity(20);
        push_digits(&mut text, moment.year().unsigned_abs(), 4);
        let parts = [
            ('-', moment.month() as u8),
            ('-', moment.day()),
            ('T', hour),
            (':', minute),
            (':', second),
        ];
        for (separator, part) in parts {
            text.push(separator);
            push_digits(&mut text, u32::from(part), 2);
        }
        text.push('Z');
        text
    }

    /// Reads RFC 3339, rounded down to the millisecond; `None` when the text is none.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Self)
    }

    /// A moment, or a day in UTC that stands for its beginning; `None` for anything else.
    pub fn parse_day_or_moment(text: &str) -> Option<Self> {
        Self::parse_rfc3339(text).or_else(|| Self::parse_rfc3339(&format!("{text}T00:00:00Z")))
    }

    /// The UTC calendar month that this moment lies in.
    pub fn month(self) -> Month {
        let date = self.datetime();
        Month { year: date.year(), month: date.month() as u8 }
    }

    /// The first moment of the next UTC calendar day.
    #[must_use]
    pub const fn day_end(self) -> Self {
        const DAY_MS: i64 = 86_400_000;
        Self(self.0.div_euclid(DAY_MS).saturating_add(1).saturating_mul(DAY_MS))
    }

    /// The UTC calendar day as `YYYY-MM-DD`.
    pub fn day(self) -> String {
        let date = self.datetime();
        format!("{:04}-{:02}-{:02}", date.year(), date.month() as u8, date.day())
    }

    fn datetime(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.unix_s()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

// === impl Month ===

impl Month {
    /// The first moment of the next month: when the free tier starts afresh.
    pub fn end(self) -> UnixMs {
        let (year, month) =
            if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        first_of(year, month)
    }

    /// The first moment of this month.
    pub fn start(self) -> UnixMs {
        first_of(self.year, self.month)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The last `width` decimal digits. Written by hand: every 402 carries a time, and the formatting
/// machinery takes ten times as long.
fn push_digits(out: &mut String, number: u32, width: u32) {
    for place in (0..width).rev() {
        let digit = number / 10_u32.pow(place) % 10;
        out.extend(char::from_digit(digit, 10));
    }
}

fn first_of(year: i32, month: u8) -> UnixMs {
    let month = time::Month::try_from(month).unwrap_or(time::Month::January);
    let date = time::Date::from_calendar_date(year, month, 1).unwrap_or(time::Date::MAX);
    UnixMs::from_s(date.midnight().assume_utc().unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_belongs_to_its_utc_month_to_the_millisecond() {
        let last = UnixMs::new(1_798_761_599_999);
        assert_eq!(last.month().to_string(), "2026-12");
        assert_eq!(last.plus_ms(1).month().to_string(), "2027-01");
        assert_eq!(last.month().end(), last.plus_ms(1));
        assert_eq!(last.rfc3339(), "2026-12-31T23:59:59.999Z");
        assert_eq!(last.day(), "2026-12-31");
        assert_eq!(
            (last.day_end(), last.plus_ms(1).day_end()),
            (last.plus_ms(1), last.plus_ms(86_400_001))
        );
    }

    #[test]
    fn rfc3339_is_written_and_read() {
        let moment = UnixMs::new(1_795_302_339_527);
        assert_eq!(moment.rfc3339_s(), "2026-11-21T23:05:39Z");
        assert_eq!(UnixMs::parse_rfc3339("2026-11-21T23:05:39.5279Z"), Some(moment));
        assert_eq!(UnixMs::parse_rfc3339("2026-11-22T01:05:39.527+02:00"), Some(moment));
        assert_eq!(
            UnixMs::parse_rfc3339(&moment.rfc3339_s()),
            Some(UnixMs::from_s(moment.unix_s()))
        );
        assert_eq!(UnixMs::from_s(253_402_300_799).rfc3339_s(), "9999-12-31T23:59:59Z");
        assert_eq!(UnixMs::new(-1).rfc3339_s(), "1969-12-31T23:59:59Z");
        for text in [
            "",
            "tomorrow",
            "2026-11-21",
            "2026-11-21T23:05:39",
            "2026-13-01T00:00:00Z",
            "1795302339",
        ] {
            assert_eq!(UnixMs::parse_rfc3339(text), None, "{text:?}");
        }
    }
}
