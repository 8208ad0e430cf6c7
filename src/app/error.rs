//! Why a gateway could not start.

use std::net::SocketAddr;

use launch_core::CoreError;
use payments::{
    mpp::secrets::SecretError,
    ports::{BooksError, CardError, RailError},
};

use super::keys::KeysError;
use crate::{
    books::{postgres, sqlite},
    clock,
    gateway::ChallengeError,
    rails::{base::BaseConfigError, stripe::StripeConfigError},
    upstream::profile::ProfileError,
};

/// A part that could not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A price or count that cannot be.
    #[error("{0}")]
    Setting(String),
    /// A listener's address.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The sandbox's keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The books in a file.
    #[error(transparent)]
    File(#[from] sqlite::OpenError),
    /// The books on a server.
    #[error(transparent)]
    Database(#[from] postgres::OpenError),
    /// The books are open and cannot be read.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// The embedded core.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The rail's configuration.
    #[error(transparent)]
    Rail(#[from] BaseConfigError),
    /// The chain is another one than configured.
    #[error(transparent)]
    Chain(#[from] RailError),
    /// A challenge that does not fit.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    /// The sandbox chain.
    #[cfg(feature = "sandbox")]
    #[error(transparent)]
    Sandbox(#[from] sandbox::chain::ChainError),
    /// Card keys that are too short.
    #[error(transparent)]
    CardKey(#[from] SecretError),
    /// The card rail's configuration.
    #[error(transparent)]
    CardRail(#[from] StripeConfigError),
    /// The card processor does not answer, or not to us.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The Stripe emulator.
    #[cfg(feature = "sandbox")]
    #[error(transparent)]
    Emulator(#[from] sandbox::stripe::EmulatorError),
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] clock::NoRandomness),
}

impl AppError {
    /// Whether books were asked for that were never kept.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            Self::File(sqlite::OpenError::Missing(_))
                | Self::Database(postgres::OpenError::Missing(_))
        )
    }
}
