//! Why a file that the configuration names cannot be used.

use crate::strict_toml::InvalidToml;

/// Of a layer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// It is not there, or may not be read.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// It is no TOML.
    #[error(transparent)]
    Invalid(#[from] InvalidToml),
}

/// Of a secret. What the file holds is not said.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecretFileError {
    /// No file is named.
    #[error("expected the path of a file")]
    NoPath,
    /// It is not there, or may not be read.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// Where it should be.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// It holds something else than a secret.
    #[error("{path} is too large for a secret")]
    TooLarge {
        /// Where it is.
        path: String,
    },
    /// It holds nothing.
    #[error("{path} is empty")]
    Empty {
        /// Where it is.
        path: String,
    },
}
