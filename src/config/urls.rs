//! Web addresses: the one that clients see, and those that may hold a credential.

use std::fmt;

use http::Uri;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The address under which clients reach the gateway: `http(s)://host[:port][/path]`, without a
/// trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// A text that is no public address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected http(s)://host[:port][/path] without user, query or fragment")]
pub(super) struct InvalidPublicUrl;

impl PublicUrl {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its host, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split('/').next().unwrap_or_default();
        match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        }
    }

    /// The address of a listener.
    #[must_use]
    pub fn of(listen: std::net::SocketAddr) -> Self {
        Self(format!("http://{listen}"))
    }

    /// An address that is known to be good.
    pub(super) fn known(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn parse(text: &str) -> Result<Self, InvalidPublicUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidPublicUrl)?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let good = matches!(uri.scheme_str(), Some("http" | "https"))
            && !authority.is_empty()
            && !authority.contains('@')
            && !text.contains(['?', '#']);
        if !good {
            return Err(InvalidPublicUrl);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl Serialize for PublicUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PublicUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// An address that may hold a credential: a password before `@`, or a key in the path or query
/// (chain nodes). Prints without them; empty means "not set".
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CredentialUrl(String);

impl CredentialUrl {
    /// Wraps an address.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The whole address. Never log it or put it in an error.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is set.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What stands before the first `:`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split_once(':').map_or("", |(scheme, _)| scheme)
    }
}

impl fmt::Display for CredentialUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_once("://") {
            // A file, or no address at all.
            Some(("sqlite", _)) | None => f.write_str(&self.0),
            // The last @ is the border: a password may contain one, and even a slash.
            Some((scheme, rest)) => {
                let (user, rest) = match rest.rsplit_once('@') {
                    Some((_, rest)) => ("****@", rest),
                    None => ("", rest),
                };
                let (host, path) = match rest.find(['/', '?', '#']) {
                    Some(at) => rest.split_at(at),
                    None => (rest, ""),
                };
                let path = if path.len() > 1 { "/****" } else { "" };
                write!(f, "{scheme}://{user}{host}{path}")
            }
        }
    }
}

impl fmt::Debug for CredentialUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for CredentialUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CredentialUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::Secret::deserialize(deserializer).map(|text| Self(text.expose().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
        let value = toml::Value::String(text.to_owned());
        value.try_into::<T>().map_err(|error| error.to_string())
    }

    #[test]
    fn public_urls() {
        let host = |text: &str| read::<PublicUrl>(text).map(|url| url.host().to_owned());
        assert_eq!(host("http://127.0.0.1:8402").unwrap(), "127.0.0.1");
        assert_eq!(host("https://pay.example.com/").unwrap(), "pay.example.com");
        assert_eq!(host("https://[::1]:8402/x").unwrap(), "[::1]");
        assert_eq!(host("https://[::1]").unwrap(), "[::1]");
        for bad in [
            "",
            "pay.example.com",
            "ftp://x",
            "http://u:p@x",
            "http://x/?q",
            "http://x#f",
            "http://",
        ] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_print_without_their_credentials() {
        for (text, shown) in [
            ("https://base.example.com/v2/s3cr3t", "https://base.example.com/****"),
            ("https://base.example.com?key=s3cr3t", "https://base.example.com/****"),
            ("https://s3cr3t@base.example.com/", "https://****@base.example.com"),
            ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
            ("postgres://u:s3cr3t@db/books", "postgres://****@db/****"),
            ("postgres://u:s3cr3t@/x@db:5432", "postgres://****@db:5432"),
            ("sqlite://turnpike.db", "sqlite://turnpike.db"),
            ("memory:", "memory:"),
        ] {
            let url = CredentialUrl::new(text);
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), format!("\"{shown}\""));
        }
    }
}
