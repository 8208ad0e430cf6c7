//! What PostgreSQL's errors mean for a change that was under way.

use payments::ports::BooksError;

use crate::books::errors;

/// How often a change is begun again that lost against another one.
pub(super) const TRIES: u32 = 8;

/// Why a change is not known to be written.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// It never left, or the server refused it.
    Proven(sqlx::Error),
    /// It left, and its answer was lost.
    NotKnown(sqlx::Error),
}

// What is only read writes nothing, and a connection that could not be had sent nothing.
impl From<sqlx::Error> for Unwritten {
    fn from(error: sqlx::Error) -> Self {
        Self::Proven(error)
    }
}

impl From<Unwritten> for BooksError {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Proven(error) => super::unavailable(error),
            Unwritten::NotKnown(error) => Self::NotKnown(errors::counted(error)),
        }
    }
}

/// What the error of a statement means that commits by itself, or of a commit: sent on a connection
/// that was there.
pub(super) fn of_write(error: sqlx::Error) -> Unwritten {
    let refused = match &error {
        // The server ends the connection, or says itself that it does not know.
        sqlx::Error::Database(error) => {
            !matches!(error.code().as_deref(), Some("57P01" | "57P02" | "57P03" | "40003"))
        }
        sqlx::Error::Encode(_) => true,
        _ => false,
    };
    if refused { Unwritten::Proven(error) } else { Unwritten::NotKnown(error) }
}

/// Nothing was written, and another change was first (a serialization failure, a deadlock): look
/// again.
pub(super) fn is_raced(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| matches!(error.code().as_deref(), Some("40001" | "40P01")))
}

/// Keys that two claims may want at once: whoever looks again finds the other one.
const CLAIMED: [&str; 10] = [
    "auths_pkey",
    "challenges_pkey",
    "challenges_spt_sha256_key",
    "charges_challenge_id_key",
    "charges_spt_sha256_key",
    "intents_payer_client_idem_key_key",
    "free_slots_pkey",
    "refused_proofs_pkey",
    "obligations_reserved_by_key",
    "intents_pkey",
];

/// The same for a claim, which may also meet a key that was taken meanwhile.
pub(super) fn is_raced_claim(error: &sqlx::Error) -> bool {
    let key = error
        .as_database_error()
        .filter(|error| error.is_unique_violation())
        .and_then(|error| error.constraint());
    key.is_some_and(|key| CLAIMED.contains(&key)) || is_raced(error)
}

/// Whether a change of several statements lost against another one, and may be begun again.
pub(super) fn is_conflict(error: &BooksError) -> bool {
    let BooksError::Unavailable(source) = error else { return false };
    source.downcast_ref::<sqlx::Error>().is_some_and(is_raced)
}
