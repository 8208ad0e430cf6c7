//! Parameters: `application/x-www-form-urlencoded` with brackets, as Stripe reads bodies and query
//! strings.

use super::error::ApiError;
use super::rows::Metadata;

/// Stripe's limits on metadata.
const MOST_METADATA: usize = 50;
const LONGEST_METADATA_KEY: usize = 40;
const LONGEST_METADATA_VALUE: usize = 500;
/// The largest amount, in the smallest unit of the currency.
const LARGEST_AMOUNT: i64 = 99_999_999;

/// The parameters of one request, in the order in which they were sent.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The same text for the same parameters.
    pub(super) fn canonical(&self) -> String {
        let mut pairs = self.0.clone();
        pairs.sort();
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    /// The value of `name`; an empty one is none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    pub(super) fn need(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::missing_param(name))
    }

    /// Refuses what is not in `known`. `a[*]` stands for `a` with anything in brackets.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        let is_known = |key: &str| {
            known.iter().any(|name| match name.strip_suffix("[*]") {
                Some(name) => {
                    key == name || key.strip_prefix(name).is_some_and(|rest| rest.starts_with('['))
                }
                None => key == *name,
            })
        };
        match self.0.iter().find(|(key, _)| !is_known(key)) {
            Some((key, _)) => Err(ApiError::unknown_param(key)),
            None => Ok(()),
        }
    }

    /// The first parameter named `name` or below it.
    pub(super) fn first_below(&self, name: &str) -> Option<&str> {
        let below = |key: &str| {
            key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        };
        self.0.iter().map(|(key, _)| key.as_str()).find(|key| below(key))
    }

    /// The values of a list: `a[]=x`, `a[0]=x`.
    pub(super) fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let inside =
            move |key: &str| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('['));
        self.0.iter().filter(move |(key, _)| inside(key)).map(|(_, value)| value.as_str())
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(ApiError::invalid(name, format!("Invalid integer: {text}"))
                .code("parameter_invalid_integer")),
        }
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(number) = self.integer(name)? else { return Ok(None) };
        u64::try_from(number)
            .map(Some)
            .map_err(|_| ApiError::invalid(name, format!("Invalid timestamp: {number}")))
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(text) => Err(ApiError::invalid(name, format!("Invalid boolean: {text}"))),
        }
    }

    /// A positive amount in the smallest unit of its currency, if there is one.
    pub(super) fn amount(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.integer(name)? {
            Some(amount) if amount <= 0 => {
                Err(ApiError::invalid(name, "This value must be greater than or equal to 1.")
                    .code("parameter_invalid_integer"))
            }
            Some(amount) if amount > LARGEST_AMOUNT => {
                Err(ApiError::invalid(name, "Amount must be no more than $999,999.99")
                    .code("amount_too_large"))
            }
            amount => Ok(amount),
        }
    }

    pub(super) fn need_amount(&self, name: &str) -> Result<i64, ApiError> {
        self.amount(name)?.ok_or_else(|| ApiError::missing_param(name))
    }

    /// A currency in lower case.
    pub(super) fn need_currency(&self, name: &str) -> Result<String, ApiError> {
        let currency = self.need(name)?.to_ascii_lowercase();
        if !["usd", "eur", "gbp"].contains(&currency.as_str()) {
            return Err(ApiError::invalid(name, format!("Invalid currency: {currency}.")));
        }
        Ok(currency)
    }

    /// What stands below `name`, one level deep.
    pub(super) fn metadata(&self, name: &str) -> Result<Metadata, ApiError> {
        let mut metadata = Metadata::new();
        for (key, value) in &self.0 {
            let Some(rest) = key.strip_prefix(name).filter(|rest| rest.starts_with('[')) else {
                continue;
            };
            let inner = rest
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .filter(|inner| !inner.contains(['[', ']']));
            let Some(inner) = inner else {
                return Err(ApiError::invalid(key, "Metadata values must be strings"));
            };
            if inner.chars().count() > LONGEST_METADATA_KEY
                || value.chars().count() > LONGEST_METADATA_VALUE
            {
                return Err(ApiError::invalid(
                    name,
                    "Metadata keys can have up to 40 characters and values up to 500",
                ));
            }
            metadata.insert(inner.to_owned(), value.clone());
        }
        if metadata.len() > MOST_METADATA {
            return Err(ApiError::invalid(name, "Metadata can have up to 50 keys"));
        }
        Ok(metadata)
    }
}
