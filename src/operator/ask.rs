//! What is asked for: the parameters of an address, read strictly. A name that nobody reads is an
//! error: a filter with a slip of the pen would show, or export, more than was meant.

use std::str::FromStr;

use axum::{
    extract::FromRequestParts,
    http::{Version, request::Parts},
};
use payments::{
    agent::{Payer, Wallet},
    ports::desk::{Page, PaymentFilter},
    time::UnixMs,
};

use super::answer::Refusal;

/// Rows of a page that says nothing of it.
const USUAL_LIMIT: u32 = 50;
/// Most rows of a page.
const MOST: u32 = 500;
const LIMIT: &str = "1 to 500";

/// The path and the parameters of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    path: String,
    pairs: Vec<(String, String)>,
    version: Version,
}

// === impl Asked ===

impl Asked {
    fn of(uri: &http::Uri, version: Version) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        Self { path: uri.path().to_owned(), pairs, version }
    }

    /// Refuses a version of HTTP in which a long answer that breaks off looks like a whole one: it
    /// ends with the connection.
    pub(super) fn ends_can_be_told(&self) -> Result<(), Refusal> {
        if self.version < Version::HTTP_11 {
            Err(Refusal::wrong(
                "version",
                "HTTP/1.1 or newer, in which half a file is not taken for all of it",
                "HTTP/1.0",
            ))
        } else {
            Ok(())
        }
    }

    /// Refuses every parameter that is none of these.
    pub(super) fn only(&self, names: &[&str]) -> Result<&Self, Refusal> {
        match self.pairs.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            Some((name, value)) => {
                let expected = if names.is_empty() {
                    String::from("no parameter")
                } else {
                    format!("one of {}", names.join(", "))
                };
                Err(Refusal::wrong(name, expected, value))
            }
            None => Ok(self),
        }
    }

    /// The last value of a parameter; an empty one is not there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .rev()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    fn read<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        self.text(name)
            .map(|text| parse(text).ok_or_else(|| Refusal::wrong(name, expected, text)))
            .transpose()
    }

    /// `true` or `false`; not there is false.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        let flag = |text: &str| match text {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        Ok(self.read(name, "true or false", flag)?.unwrap_or(false))
    }

    /// A moment, or the beginning of a day in UTC.
    pub(super) fn moment(&self, name: &str) -> Result<Option<UnixMs>, Refusal> {
        self.read(
            name,
            "a day (2026-01-31, in UTC) or a moment (2026-01-31T12:00:00Z)",
            UnixMs::parse_day_or_moment,
        )
    }

    /// Somebody who pays.
    pub(super) fn payer(&self) -> Result<Option<Payer>, Refusal> {
        self.read("payer", PAYER, |text| payer(text).ok())
    }

    /// How many rows.
    pub(super) fn limit(&self) -> Result<u32, Refusal> {
        let limit = |text: &str| text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        Ok(self.read("limit", LIMIT, limit)?.unwrap_or(USUAL_LIMIT))
    }

    /// Which page, with one row more than is shown: it tells whether there is another page.
    pub(super) fn page<K: FromStr>(&self) -> Result<Page<K>, Refusal> {
        let after = self.read("after", "`next` of the page before", |text| text.parse().ok())?;
        Ok(Page { after, limit: self.limit()?.saturating_add(1) })
    }

    /// Which payments.
    pub(super) fn filter(&self) -> Result<PaymentFilter, Refusal> {
        Ok(PaymentFilter::read(
            self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        )?)
    }

    /// The address of the page after this key.
    pub(super) fn next(&self, after: &str) -> String {
        let kept = self
            .pairs
            .iter()
            .filter(|(name, _)| name != "after")
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .append_pair("after", after)
            .finish();
        format!("{}?{query}", self.path)
    }
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.uri, parts.version))
    }
}

const PAYER: &str = "wallet:0x..., 0x... or card:...";

/// Who is named in a path; a wallet's address stands for the wallet.
pub(super) fn payer(text: &str) -> Result<Payer, Refusal> {
    let payer =
        if text.starts_with("0x") { Wallet::parse(text).map(Payer::Wallet) } else { text.parse() };
    payer.map_err(|_| Refusal::wrong("payer", PAYER, text))
}

/// A wallet that is named in a path.
pub(super) fn wallet(text: &str) -> Result<Wallet, Refusal> {
    match payer(text) {
        Ok(Payer::Wallet(wallet)) => Ok(wallet),
        _ => Err(Refusal::wrong("wallet", "0x and 40 hex digits", text)),
    }
}

/// A card account that is named in a path: only those have credits.
pub(super) fn card(text: &str) -> Result<Payer, Refusal> {
    match payer(text) {
        Ok(payer @ Payer::Card(_)) => Ok(payer),
        _ => {
            Err(Refusal::wrong("payer", "a card account, card:...; a wallet has no credits", text))
        }
    }
}

/// Something that is named in a path and has only one spelling.
pub(super) fn named<T: FromStr>(field: &str, expected: &str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::wrong(field, expected, text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(uri: &str) -> Asked {
        Asked::of(&uri.parse().unwrap(), Version::HTTP_11)
    }

    #[test]
    fn a_parameter_that_nobody_reads_is_refused() {
        let wrong = asked("/x?state=open&stat=open").only(&["state"]).unwrap_err();
        assert_eq!((wrong.status.as_u16(), wrong.details[0].field.as_str()), (400, "stat"));
        assert!(asked("/x?state=open").only(&["state"]).is_ok());
    }

    #[test]
    fn limits_and_keys_are_read_strictly() {
        assert_eq!(asked("/x").page::<i64>().unwrap(), Page { after: None, limit: 51 });
        assert_eq!(
            asked("/x?after=7&limit=500").page::<i64>().unwrap(),
            Page { after: Some(7), limit: 501 }
        );
        for wrong in ["/x?limit=0", "/x?limit=501", "/x?limit=-1", "/x?limit=all", "/x?after=seven"]
        {
            assert!(asked(wrong).page::<i64>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_next_page_keeps_the_filter() {
        let asked = asked("/operator/api/payments?route=POST+%2Flaunches&after=a&limit=2");
        assert_eq!(
            asked.next("b&c"),
            "/operator/api/payments?route=POST+%2Flaunches&limit=2&after=b%26c"
        );
    }
}
