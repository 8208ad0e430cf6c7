//! What stands between us and the API: the account must be the one that the books were begun with,
//! and an API that asks for patience gets it.
//!
//! An account that is not known, because the API did not say, is no account: nothing is charged,
//! read or booked until it is.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use payments::{
    ports::{CardBooks, CardError, Clock},
    time::UnixMs,
};
use tokio::sync::Mutex;

/// How long one failed question about the account stands for those that come after it, in
/// milliseconds.
const ASK_AGAIN_MS: i64 = 1_000;
/// What the account is called among the marks of the books.
const ACCOUNT_MARK: &str = "stripe.account";

/// The books that an account must belong to.
pub(super) struct Gate {
    books: Arc<dyn CardBooks>,
    livemode: bool,
    state: Mutex<State>,
}

enum State {
    /// Not before this moment is it asked for again; and why it is not known.
    Unknown(UnixMs, String),
    Ours,
    Another(String),
}

/// Why nothing may be asked.
#[derive(Debug)]
pub(super) enum Closed {
    /// The account is not known yet.
    Unknown(String),
    /// It is known, and not ours.
    Another(String),
}

/// Why the account's name was not told.
#[derive(Debug, thiserror::Error)]
pub(super) enum AccountUnknown {
    /// The answer is about no account.
    #[error("the answer names no account")]
    Unnamed,
    /// There is no answer.
    #[error(transparent)]
    NoAnswer(#[from] CardError),
}

/// Until when the API asked for patience.
#[derive(Default)]
pub(super) struct Breaker(AtomicI64);

// === impl Gate ===

impl Gate {
    pub(super) fn new(books: Arc<dyn CardBooks>, livemode: bool) -> Self {
        Self { books, livemode, state: Mutex::new(State::Unknown(UnixMs::new(0), String::new())) }
    }

    /// Passes once the account is ours. `ask` tells its name, or why it is not known.
    ///
    /// # Errors
    /// [`Closed`].
    pub(super) async fn pass(
        &self,
        clock: &dyn Clock,
        ask: impl Future<Output = Result<String, AccountUnknown>>,
    ) -> Result<(), Closed> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Ours => return Ok(()),
            State::Another(why) => return Err(Closed::Another(why.clone())),
            State::Unknown(until, why) if clock.now() < *until => {
                return Err(Closed::Unknown(why.clone()));
            }
            State::Unknown(..) => {}
        }
        let mode = if self.livemode { "live" } else { "test" };
        let known = match ask.await {
            Ok(account) => {
                let mark = format!("{mode}:{account}");
                let ours = self.books.same_key(ACCOUNT_MARK, &mark).await;
                ours.map(|ours| (ours, account)).map_err(|error| error.to_string())
            }
            Err(why) => Err(format!("the account of the card processor is not known: {why}")),
        };
        *state = match known {
            Ok((true, _)) => State::Ours,
            Ok((false, account)) => State::Another(format!(
                "these books were begun with another Stripe account or mode than {account} ({mode}): what was bought there would be spent \
                 here. Give the first key back, or begin new books"
            )),
            Err(why) => State::Unknown(clock.now().plus_ms(ASK_AGAIN_MS), why),
        };
        match &*state {
            State::Ours => Ok(()),
            State::Another(why) => Err(Closed::Another(why.clone())),
            State::Unknown(_, why) => Err(Closed::Unknown(why.clone())),
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("livemode", &self.livemode).finish_non_exhaustive()
    }
}

// === impl Breaker ===

impl Breaker {
    /// Seconds to wait; none where calls may go.
    pub(super) fn wait_s(&self, now: UnixMs) -> Option<u64> {
        let left_ms = self.0.load(Ordering::Relaxed).saturating_sub(now.ms());
        u64::try_from(left_ms).ok().filter(|left| *left > 0).map(|left| left.div_ceil(1_000))
    }

    /// The API said that there were too many calls.
    pub(super) fn open(&self, now: UnixMs, wait_s: u64) {
        let until = now.plus_s(i64::try_from(wait_s).unwrap_or(0)).ms();
        self.0.fetch_max(until, Ordering::Relaxed);
    }
}
