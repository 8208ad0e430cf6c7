//! Filters as the parameters of an address or a command, read and written.

use super::{FilterError, PaymentFilter, Standing, TextSearch};
use crate::{
    agent::Payer,
    intent::State,
    money::{Credits, UsdCents, UsdcUnits},
    settlement::ChainHash,
    time::UnixMs,
};

impl Standing {
    /// The words that are no state of one payment.
    pub const GROUPS: [(&'static str, Self); 7] = [
        ("open", Self::Open),
        ("unknown", Self::Unknown),
        ("settled", Self::Settled),
        ("paid_not_served", Self::PaidNotServed),
        ("no_launch", Self::NoLaunch),
        ("refunded", Self::Refunded),
        ("disputed", Self::Disputed),
    ];

    /// What a word stands for: one of [`Standing::GROUPS`], or a state.
    pub fn from_word(word: &str) -> Option<Self> {
        let group =
            Self::GROUPS.into_iter().find(|(name, _)| *name == word).map(|(_, standing)| standing);
        group.or_else(|| State::ALL.into_iter().find(|state| state.word() == word).map(Self::Is))
    }

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Is(state) => state.word(),
            group => Self::GROUPS
                .into_iter()
                .find(|(_, standing)| *standing == group)
                .map_or("", |(word, _)| word),
        }
    }
}

impl PaymentFilter {
    /// The parameters, in the order of [`PaymentFilter::pairs`].
    pub const NAMES: [&'static str; 11] = [
        "state", "rail", "payer", "route", "since", "until", "min", "max", "currency", "mode", "q",
    ];

    /// Reads parameters; empty ones are not there, and names that are none of these are the
    /// caller's own.
    ///
    /// # Errors
    /// Every parameter that says nothing, not only the first.
    pub fn read<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Vec<FilterError>> {
        let given: Vec<(&str, &str)> = pairs
            .into_iter()
            .map(|(name, value)| (name, value.trim()))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let value = |name: &str| {
            given.iter().rev().find(|(given, _)| *given == name).map(|(_, value)| *value)
        };
        let mut wrong = Vec::new();
        let currency = one_of(
            &mut wrong,
            "currency",
            value("currency"),
            "USDC, USD or CREDIT",
            &["USDC", "USD", "CREDIT"],
        );
        let filter = Self {
            standing: read(
                &mut wrong,
                "state",
                value("state"),
                "a state, open, unknown, settled, paid_not_served, no_launch, refunded or disputed",
                Standing::from_word,
            ),
            rail: one_of(&mut wrong, "rail", value("rail"), "x402 or mpp", &["x402", "mpp"]),
            payer: read(
                &mut wrong,
                "payer",
                value("payer"),
                "wallet:0x..., 0x... or card:...",
                Payer::read,
            ),
            route: value("route").map(str::to_owned),
            since: read(&mut wrong, "since", value("since"), MOMENT, UnixMs::parse_day_or_moment),
            until: read(&mut wrong, "until", value("until"), MOMENT, UnixMs::parse_day_or_moment),
            min_minor: read(&mut wrong, "min", value("min"), AMOUNT, |text| minor(currency, text)),
            max_minor: read(&mut wrong, "max", value("max"), AMOUNT, |text| minor(currency, text)),
            currency,
            live: one_of(&mut wrong, "mode", value("mode"), "live or test", &["live", "test"])
                .map(|mode| mode == "live"),
            text: value("q").map(TextSearch::read),
        };
        if wrong.is_empty() { Ok(filter) } else { Err(wrong) }
    }

    /// The filter as parameters; what [`PaymentFilter::read`] reads back to the same filter.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let amount = |minor: i64| decimal(self.currency, minor);
        let all = [
            self.standing.map(|standing| standing.word().to_owned()),
            self.rail.map(str::to_owned),
            self.payer.as_ref().map(ToString::to_string),
            self.route.clone(),
            self.since.map(UnixMs::rfc3339),
            self.until.map(UnixMs::rfc3339),
            self.min_minor.map(amount),
            self.max_minor.map(amount),
            self.currency.map(str::to_owned),
            self.live.map(|live| if live { "live" } else { "test" }.to_owned()),
            self.text.as_ref().map(TextSearch::text),
        ];
        Self::NAMES.into_iter().zip(all).filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

impl TextSearch {
    /// What a text names; every text names something, though perhaps nothing that is there.
    pub fn read(text: &str) -> Self {
        if let Ok(id) = text.parse() {
            return Self::Payment(id);
        }
        if let Some(hash) = ChainHash::parse(&text.to_ascii_lowercase()) {
            return Self::Transaction(hash);
        }
        if text.starts_with("pi_") || text.starts_with("ch_") {
            Self::Stripe(text.to_owned())
        } else {
            Self::Name(text.to_owned())
        }
    }

    /// The text.
    pub fn text(&self) -> String {
        match self {
            Self::Payment(id) => id.to_string(),
            Self::Transaction(hash) => hash.to_string(),
            Self::Stripe(text) | Self::Name(text) => text.clone(),
        }
    }
}

const MOMENT: &str = "a day (2026-01-31, in UTC) or a moment (2026-01-31T12:00:00Z)";
const AMOUNT: &str = "an amount of the currency that is named beside it, 0.55";

fn read<T>(
    wrong: &mut Vec<FilterError>,
    field: &'static str,
    value: Option<&str>,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let value = value?;
    let parsed = parse(value);
    if parsed.is_none() {
        wrong.push(FilterError { field, expected, got: value.to_owned() });
    }
    parsed
}

fn one_of(
    wrong: &mut Vec<FilterError>,
    field: &'static str,
    value: Option<&str>,
    expected: &'static str,
    words: &[&'static str],
) -> Option<&'static str> {
    read(wrong, field, value, expected, |value| words.iter().copied().find(|word| *word == value))
}

fn minor(currency: Option<&'static str>, text: &str) -> Option<i64> {
    let minor = match currency? {
        "USDC" => UsdcUnits::parse_decimal(text).ok()?.get(),
        "USD" => UsdCents::parse_decimal(text).ok()?.get(),
        _ => Credits::parse_decimal(text).ok()?.get(),
    };
    i64::try_from(minor).ok()
}

/// An amount without its currency; a filter has none below zero.
fn decimal(currency: Option<&'static str>, minor: i64) -> String {
    let minor = minor.unsigned_abs();
    match currency {
        Some("USDC") => UsdcUnits::new(minor).to_string(),
        Some("USD") => UsdCents::new(minor).to_string(),
        _ => minor.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_filter_reads_back_what_it_writes() {
        let given = [
            ("state", "unknown"),
            ("rail", "x402"),
            ("payer", "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"),
            ("route", "POST /launches"),
            ("since", "2026-10-01"),
            ("until", "2026-11-01T00:00:00.000Z"),
            ("min", "0.55"),
            ("max", "1"),
            ("currency", "USDC"),
            ("mode", "test"),
            ("q", "pi_123"),
            ("limit", "20"),
            ("empty", ""),
        ];
        let filter = PaymentFilter::read(given).unwrap();
        assert_eq!(filter.min_minor, Some(550_000));
        assert_eq!(filter.since, UnixMs::parse_rfc3339("2026-10-01T00:00:00Z"));
        assert_eq!(filter.text, Some(TextSearch::Stripe(String::from("pi_123"))));
        let pairs = filter.pairs();
        assert_eq!(pairs.len(), PaymentFilter::NAMES.len());
        assert_eq!(
            PaymentFilter::read(pairs.iter().map(|(name, value)| (*name, value.as_str()))),
            Ok(filter)
        );
    }

    #[test]
    fn every_part_that_says_nothing_is_named() {
        let wrong = PaymentFilter::read([
            ("state", "lost"),
            ("rail", "cash"),
            ("payer", "me"),
            ("since", "yesterday"),
            ("min", "0.55"),
            ("currency", "EUR"),
            ("mode", "real"),
        ]);
        let fields: Vec<_> = wrong.unwrap_err().into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["currency", "state", "rail", "payer", "since", "min", "mode"]);
        assert_eq!(PaymentFilter::read([]), Ok(PaymentFilter::default()));
    }

    #[test]
    fn every_state_and_group_has_its_word() {
        for state in State::ALL {
            assert_eq!(Standing::from_word(state.word()), Some(Standing::Is(state)));
        }
        for (word, group) in Standing::GROUPS {
            assert_eq!((Standing::from_word(word), group.word()), (Some(group), word));
        }
    }

    #[test]
    fn a_search_is_told_by_its_form() {
        let hash = format!("0x{}", "ab".repeat(32));
        assert!(matches!(TextSearch::read(&hash), TextSearch::Transaction(_)));
        assert!(matches!(
            TextSearch::read(&hash.to_uppercase().replacen("0X", "0x", 1)),
            TextSearch::Transaction(_)
        ));
        assert!(matches!(
            TextSearch::read("pay_0193e4a2b7c87d1e8f6a5b4c3d2e1f00"),
            TextSearch::Payment(_)
        ));
        assert!(matches!(TextSearch::read("ch_1"), TextSearch::Stripe(_)));
        assert!(matches!(TextSearch::read("my-launch-7"), TextSearch::Name(_)));
    }
}
