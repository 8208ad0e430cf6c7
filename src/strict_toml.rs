//! Reads one TOML table into a struct and names **every** mistake in it, not only the first.
//!
//! serde stops at the first error. A struct whose fields all have defaults can be read one key at a
//! time, so each key is tried by itself first; what is wrong is named, and the rest is read
//! together.

use std::fmt;

use serde::de::DeserializeOwned;
use toml::Table;

/// One thing that is wrong in a configuration or profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where: `section.key`.
    pub place: String,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl Mistake {
    /// A mistake at a place.
    pub fn new(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), text: text.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// A text that is no TOML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {expected}")]
pub struct InvalidToml {
    line: usize,
    expected: String,
}

/// Reads `table` into `T`, which must give every field a default and deny unknown fields.
///
/// Keys that cannot be read are added to `mistakes` and keep their defaults, so that the checks
/// that follow can go on.
pub fn read<T: DeserializeOwned + Default>(
    place: &str,
    table: &Table,
    mistakes: &mut Vec<Mistake>,
) -> T {
    let mut readable = Table::new();
    for (key, value) in table {
        let single = Table::from_iter([(key.clone(), value.clone())]);
        match single.try_into::<T>() {
            Ok(_) => {
                readable.insert(key.clone(), value.clone());
            }
            Err(error) => mistakes.push(Mistake::new(join(place, key), error.message().trim())),
        }
    }
    readable.try_into::<T>().unwrap_or_else(|error| {
        mistakes.push(Mistake::new(place, error.message().trim()));
        T::default()
    })
}

/// Parses a whole file. A syntax error names its line, never the line's text: it may hold a secret.
///
/// # Errors
/// The line of the first syntax error and what the parser expected there.
pub fn parse(text: &str) -> Result<Table, InvalidToml> {
    text.parse::<Table>().map_err(|error| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map_or(1, |before| before.matches('\n').count() + 1);
        InvalidToml { line, expected: error.message().trim().to_owned() }
    })
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        port: u16,
        name: String,
    }

    #[test]
    fn every_wrong_key_is_named_and_the_rest_is_read() {
        let table = parse("port = \"x\"\nname = \"n\"\ncolour = 1\nsize = 2\n").unwrap();
        let mut mistakes = Vec::new();
        let sample: Sample = read("part", &table, &mut mistakes);
        assert_eq!(sample.name, "n");
        let places: Vec<_> = mistakes.iter().map(|m| m.place.as_str()).collect();
        assert_eq!(places, ["part.colour", "part.port", "part.size"]);
        assert!(mistakes[0].text.contains("unknown field"), "{mistakes:?}");
    }

    #[test]
    fn a_syntax_error_names_the_line_but_not_its_text() {
        let error = parse("a = 1\nseal_key = s3cr3t\n").unwrap_err().to_string();
        assert!(error.starts_with("line 2"), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}
