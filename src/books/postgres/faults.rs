//! What PostgreSQL's errors mean for a change that was under way.

use payments::ports::BooksError;

/// How often a change is begun again that lost against another one.
pub(super) const TRIES: u32 = 8;

/// What to do with a failed change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing was written, and another change was first: look again.
    Raced,
    /// The connection broke: nobody knows whether it was written.
    Unknown,
    /// Anything else.
    Failed,
}

pub(super) fn of(error: &sqlx::Error) -> Fault {
    match error {
        // Whoever waited that long waits no longer.
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Fault::Failed,
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => Fault::Unknown,
        sqlx::Error::Database(error) => match error.code().as_deref() {
            // A serialization failure, a deadlock.
            Some("40001" | "40P01") => Fault::Raced,
            // The server ends the connection.
            Some("57P01" | "57P02" | "57P03") => Fault::Unknown,
            _ => Fault::Failed,
        },
        _ => Fault::Failed,
    }
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
pub(super) fn of_claim(error: &sqlx::Error) -> Fault {
    let key = error.as_database_error().filter(|error| error.is_unique_violation()).and_then(|error| error.constraint());
    if key.is_some_and(|key| CLAIMED.contains(&key)) { Fault::Raced } else { of(error) }
}

/// Whether a change of several statements lost against another one, and may be begun again.
pub(super) fn is_conflict(error: &BooksError) -> bool {
    let BooksError::Unavailable(source) = error else { return false };
    source.downcast_ref::<sqlx::Error>().is_some_and(|error| of(error) == Fault::Raced)
}
