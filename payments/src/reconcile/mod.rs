//! The books against the chain, the card processor and the upstream. A difference is a finding,
//! opened once and closed by itself when it is gone; a source that does not say is a finding too.
//! Nothing here moves an intent: what an event would have told is carried out by the same path as
//! events, and money that belongs to no payment is booked once per log.
//!
//! | file | one thing |
//! |---|---|
//! | `chain`, `transfers` | every transfer to us, and every settlement's log; what each is |
//! | `moves` | transfers between our receiving address and the refund wallet |
//! | `balance` | what our address holds, and what the journal says |
//! | `cards` | payments, refunds, disputes and the balance at the card processor |
//! | `clearing`, `payouts` | what it kept as fees, what it sent to the bank, and what it holds for us still |
//! | `launches` | creations at the upstream |
//! | `stuck` | what should have ended |
//! | `turn` | one run: its lease, its time, what it saves |

mod balance;
mod cards;
mod chain;
mod clearing;
mod launches;
mod moves;
mod payouts;
mod stuck;
mod transfers;
mod turn;
mod window;

use std::sync::Arc;

pub use balance::{MARK as BALANCE_MARK, account_without};
pub use clearing::{ACCEPT as ACCEPTED, BALANCE as CARD_BALANCE_MARK, CLEARING as CLEARING_MARK};
pub use stuck::Deadlines;
pub use turn::RunError;

use crate::{
    ids::PaymentId,
    ports::{
        BooksError, CardBalance, CardBooks, CardHistory, CardRail, ChainHistory, ChainReader,
        ClearingBooks, Clock, Found, Ids, NewRun, OpenFinding, Receiver, ReconcileBooks, RunEnd,
        Source, SourceReport, Upstream,
    },
    time::UnixMs,
};
use turn::Turn;

/// The day of the last comparison over everything.
const MARK_FULL: &str = "full:day";

/// Everything that a comparison needs.
#[derive(Clone)]
pub struct Reconciler {
    /// What the books hold.
    pub books: Arc<dyn ReconcileBooks>,
    /// The chain, for where a settlement stands.
    pub rail: Arc<dyn ChainReader>,
    /// The chain, for what came in.
    pub chain: Arc<dyn ChainHistory>,
    /// The card processor, where cards are taken.
    pub cards: Option<CardSide>,
    /// The API behind us.
    pub upstream: Arc<dyn Upstream>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Names.
    pub ids: Arc<dyn Ids>,
    /// Where USDC comes in.
    pub receiver: Receiver,
    /// When work should have ended.
    pub deadlines: Deadlines,
}

/// The card processor and the accounts behind it.
#[derive(Clone)]
pub struct CardSide {
    /// What it has done for us.
    pub history: Arc<dyn CardHistory>,
    /// What is true now of a charge.
    pub rail: Arc<dyn CardRail>,
    /// Card accounts.
    pub books: Arc<dyn CardBooks>,
    /// What it holds for us, and what it sent to the bank.
    pub balance: Arc<dyn CardBalance>,
    /// What the books keep of that.
    pub clearing: Arc<dyn ClearingBooks>,
    /// Nothing but these books uses the account: its balance is compared, and what others move in
    /// it is a finding.
    pub exclusive: bool,
}

/// How far back a run looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// From where the run before ended.
    Recent,
    /// From this moment.
    Since(UnixMs),
    /// From the beginning of the books.
    Full,
}

/// What one run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its name.
    pub id: PaymentId,
    /// `recent`, `since` or `full`.
    pub scope: &'static str,
    /// When it began.
    pub started: UnixMs,
    /// When it ended.
    pub ended: UnixMs,
    /// Each source.
    pub sources: Vec<SourceReport>,
    /// Every difference that was seen, whether or not its finding is new.
    pub differences: Vec<Found>,
    /// Findings that are new, or open again.
    pub opened: u64,
    /// Findings whose difference is gone.
    pub closed: u64,
}

/// What comparing one source showed.
#[derive(Default)]
struct Compared {
    compared: u64,
    found: Vec<Found>,
    gone: Vec<OpenFinding>,
    not_offered: Option<&'static str>,
}

/// Why a source was not compared to its end.
enum CheckError {
    /// It did not say.
    CouldNot(String),
    /// The run is over.
    Run(RunError),
}

/// Why the books' first block was not noted.
#[derive(Debug, thiserror::Error)]
pub enum FirstBlockError {
    /// The chain did not say where it is.
    #[error("{0}")]
    Chain(String),
    /// The books did not take it.
    #[error(transparent)]
    Run(RunError),
}

impl From<BooksError> for CheckError {
    fn from(error: BooksError) -> Self {
        Self::Run(error.into())
    }
}

impl Scope {
    /// The word in tables and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Recent => "recent",
            Self::Since(_) => "since",
            Self::Full => "full",
        }
    }
}

impl Compared {
    fn differs(&self, open: &OpenFinding) -> bool {
        self.found.iter().any(|found| found.kind == open.kind && found.key == open.key)
    }
}

/// Compares everything once. A dry run writes nothing: neither findings nor marks nor what it would
/// book.
///
/// # Errors
/// [`RunError`]: another run has the turn, or took it, or the books failed.
pub async fn run(parts: &Reconciler, scope: Scope, dry_run: bool) -> Result<Report, RunError> {
    let started = parts.clock.now();
    let id = parts.ids.payment_id();
    let new = NewRun {
        id,
        scope: scope.word(),
        at: started,
        lease_until: started.plus_ms(turn::LEASE_MS),
    };
    let fence = if dry_run {
        None
    } else {
        Some(parts.books.begin_run(&new).await?.ok_or(RunError::Busy)?)
    };
    let mut turn = Turn::new(parts, scope, fence);
    let mut report = Report {
        id,
        scope: scope.word(),
        started,
        ended: started,
        sources: Vec::new(),
        differences: Vec::new(),
        opened: 0,
        closed: 0,
    };
    let outcome = all(&mut turn, &mut report).await;
    report.ended = parts.clock.now();
    if let Some(fence) = fence {
        let (opened, closed) = (report.opened, report.closed);
        let end = RunEnd { id, at: report.ended, sources: report.sources.clone(), opened, closed };
        let ended = parts.books.end_run(fence, &end).await;
        outcome?;
        ended?;
    }
    Ok(report)
}

/// Notes where the books begin on the chain, before anything is asked of them; once it is noted it
/// stays.
///
/// # Errors
/// [`FirstBlockError`].
pub async fn note_first_block(parts: &Reconciler) -> Result<(), FirstBlockError> {
    chain::note_first_block(parts).await.map_err(|error| match error {
        CheckError::CouldNot(why) => FirstBlockError::Chain(why),
        CheckError::Run(error) => FirstBlockError::Run(error),
    })
}

/// Whether today's comparison over everything is still to be made: from this hour of the day on, in
/// UTC, once over all replicas.
///
/// # Errors
/// [`BooksError`].
pub async fn full_is_due(parts: &Reconciler, from_utc_hour: u8) -> Result<bool, BooksError> {
    let now = parts.clock.now();
    let hour = now.unix_s().rem_euclid(86_400).div_euclid(3_600);
    Ok(hour >= i64::from(from_utc_hour) && parts.books.mark(MARK_FULL).await? != Some(now.day()))
}

async fn all(turn: &mut Turn<'_>, report: &mut Report) -> Result<(), RunError> {
    turn.begin().await?;
    let compared = stuck::check(turn).await;
    turn.save(Source::Books, compared, report).await?;
    turn.begin().await?;
    let compared = chain::check(turn).await;
    turn.save(Source::Chain, compared, report).await?;
    if let Some(cards) = turn.parts.cards.clone() {
        turn.begin().await?;
        let compared = cards::check(turn, &cards).await;
        turn.save(Source::Stripe, compared, report).await?;
    }
    if let Some(fence) = turn.fence() {
        turn.parts
            .books
            .book_gas(fence, turn.parts.ids.payment_id(), turn.parts.clock.now())
            .await?;
    }
    turn.begin().await?;
    let compared = launches::check(turn).await;
    turn.save(Source::Core, compared, report).await?;
    match turn.scope {
        Scope::Full => Ok(turn.note(MARK_FULL, &report.started.day()).await?),
        Scope::Recent | Scope::Since(_) => Ok(()),
    }
}
