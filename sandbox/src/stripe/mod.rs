//! A Stripe emulator in process: what a gateway needs of the API, over HTTP on loopback, with the
//! rules that hurt.
//!
//! - A granted token is confirmed, declined, held, consumed and refused as Stripe does it; the card
//!   that a token was made from decides (`pm_card_visa`, `pm_card_chargeDeclined`, ... in
//!   `methods.rs`).
//! - Idempotency keys, restricted versions, cursors, events and their signatures follow Stripe's
//!   API reference.
//! - What goes wrong is asked for by rules ([`Rule`]), on the handle or below `/_emulator`.
//! - Refunds are pending, fail, and fail after they succeeded: `POST /_emulator/refunds` with
//!   `{"status": "pending"}` (`succeeded`, `failed`) says what new ones are at first, `POST
//!   /_emulator/refunds/{id}/settle` with `{"succeeds": false}` decides a pending one or takes a
//!   succeeded one back, with `refund.updated`, `charge.refund.updated`, `refund.failed` and a
//!   falling `amount_refunded`. A 500 that a key keeps is the fault `error_kept` of `POST
//!   /_emulator/faults`; `dependency_failed` is a 424, `token_refused` a 402 about the token. `POST
//!   /_emulator/refunds/{id}/status` gives one a status in any word.
//! - Partial disputes and inquiries: `POST /_emulator/charges/{id}/dispute` with `{"amount": 300}`
//!   or `{"inquiry": true}`.
//! - Fingerprints are one per card; `pm_card_noFingerprint` shows none, `pm_card_newFingerprint`
//!   another one on each token, and `pm_local` is a local method, whose money is of the type
//!   `payment`.
//! - What differs between accounts and versions is in [`Behaviour`], `POST /_emulator/behaviour`:
//!   the spelling of the token in a charge, tokens that are consumed by amount, usage limits that
//!   are null, thin events, a rate limit, the account's id.
//! - Each charge, refund and dispute moves the balance: a charge costs 2.9 % and 30 cents, a
//!   dispute 15.00, a refund gives no fee back. `POST /_emulator/payouts` pays all of it out as the
//!   schedule does, `{"manual": true, "amount": 500}` by hand, which names no entry; `{"status":
//!   "pending"}` leaves it on its way, and `POST /_emulator/payouts/{id}/settle` with `{"succeeds":
//!   false}` decides one, or lets a paid one fail. `POST /_emulator/balance_transactions` with
//!   `{"amount": -25, "type": "stripe_fee"}` adds what no call of the API made, with `fee`,
//!   `currency` and `source` where they are needed.
//! - Everything is on the disk before it is answered, if a folder is given: a killed process comes
//!   back to the same account. Faults and the list of calls live as long as the process.

mod auth;
mod balance;
mod behaviour;
mod call;
mod control;
mod disputes;
mod error;
mod faults;
mod form;
mod handle;
mod intents;
mod json;
mod list;
mod methods;
mod payouts;
mod refunds;
mod reply;
mod routes;
mod rows;
mod serve;
mod state;
mod tokens;
pub mod webhook;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::LogError;
use crate::chain::Clock;

pub use behaviour::Behaviour;
pub use disputes::DisputeTerms;
pub use faults::{Fault, Rule};
pub use handle::{Emulator, Order, Resend};
pub use payouts::{EntryTerms, PayoutStatus, PayoutTerms};
pub use rows::RefundStatus;
pub use state::CallSeen;

/// The key that a sandbox uses. Nothing real answers to it.
pub const SECRET_KEY: &str = "sk_test_sandboxTurnpikeNotARealKey";
/// The secret that a sandbox signs its webhooks with.
pub const WEBHOOK_SECRET: &str = "whsec_sandboxTurnpikeNotARealSecret";
/// The account that the key belongs to, unless told otherwise.
pub const ACCOUNT: &str = "acct_sandbox";
/// The seller's profile: the `networkId` of a challenge.
pub const PROFILE: &str = "profile_test_turnpike";

/// What an emulator is made of, and where it is kept.
#[derive(Clone)]
pub struct EmulatorConfig {
    /// Where it listens; loopback only. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder of its log; made if it is not there. `None` keeps everything in memory.
    pub dir: Option<PathBuf>,
    /// The key that opens it: `sk_test_...`.
    pub secret_key: String,
    /// What its webhooks are signed with: `whsec_...`.
    pub webhook_secret: String,
    /// Where events are sent: `http://...`. `None` keeps the target that was set before.
    pub webhook_url: Option<String>,
    /// Tells the time in seconds since the Unix epoch.
    pub clock: Clock,
}

impl EmulatorConfig {
    /// An emulator in memory on a free port, with the well-known keys.
    pub fn in_memory(clock: Clock) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            dir: None,
            secret_key: SECRET_KEY.to_owned(),
            webhook_secret: WEBHOOK_SECRET.to_owned(),
            webhook_url: None,
            clock,
        }
    }
}

/// Why an emulator could not be started or could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// Anything but a test key could be a real one.
    #[error("the Stripe emulator takes test keys only: sk_test_...")]
    NotATestKey,
    /// Other machines could reach it.
    #[error("the Stripe emulator is served on loopback only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The webhook's target cannot be called.
    #[error("the webhook's target must be an http:// URL: {0}")]
    Target(String),
    /// Its log could not be opened or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A record of the log is not one of the emulator's.
    #[error("the emulator's log holds a record that cannot be read: {0}")]
    Record(String),
    /// An earlier piece of work ended half-way. Starting again repairs it.
    #[error("the Stripe emulator stopped after a failure: start it again")]
    Broken,
    /// What was asked for is refused; the text says why.
    #[error("{0}")]
    Refused(String),
    /// The listener could not be opened.
    #[error("{address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}
