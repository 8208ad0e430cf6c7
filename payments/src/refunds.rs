//! Money on its way back to cards, and what the card processor says later of a charge: a queue in
//! which each refund is looked at by itself.

use crate::{
    charge::{Refund, RefundState},
    ids::PaymentId,
    ports::{
        BooksError, CardBooks, CardError, CardRail, Clock, FactsBooked, RefundNote, RefundOutcome,
        UnrecognisedState,
    },
    time::UnixMs,
};

/// How many refunds one round looks at.
const ROUND_LIMIT: u32 = 256;
/// How many unanswered questions one after the other end a round: the processor is away then, not
/// one refund bad.
const FAULTS_LIMIT: u32 = 8;
/// How often a charge is looked at again because another look was booked meanwhile.
const LOOKS_LIMIT: u32 = 24;
/// How long a look keeps others away.
const LEASE_MS: i64 = 30_000;
/// The wait after the first unanswered question; each further one doubles it.
const FIRST_RETRY_MS: i64 = 2_000;
/// The longest such wait.
const LONGEST_RETRY_MS: i64 = 15 * 60_000;
/// The waits of a refund that the processor has and did not decide; the last one repeats. Its
/// events wake it earlier.
const PENDING_MS: [i64; 4] = [60_000, 3 * 60_000, 10 * 60_000, 20 * 60_000];
/// When a refund that succeeded is looked at again: banks return money within weeks, and an event
/// of it may be lost.
const RETURNS_MS: [i64; 4] = [DAY_MS, 4 * DAY_MS, 10 * DAY_MS, 30 * DAY_MS];
const DAY_MS: i64 = 24 * 3_600_000;

/// What a round of looks changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RefundRound {
    /// Looked at.
    pub looks: u32,
    /// Given back.
    pub refunded: Vec<PaymentId>,
    /// Refused for good: due again.
    pub failed: Vec<PaymentId>,
    /// Failed after they had succeeded: due again.
    pub reversed: Vec<PaymentId>,
    /// Overdue and not decided.
    pub stuck: Vec<PaymentId>,
}

/// What one look said.
struct Look {
    note: RefundNote,
    /// The processor did not answer, or asked for patience.
    fault: bool,
}

/// Looks at every refund whose time has come. One that cannot be decided waits by itself, and the
/// next one is looked at at once.
///
/// `stuck_after_ms` is how long after its approval an undecided refund becomes a finding.
///
/// # Errors
/// [`BooksError`] when the books do not answer.
pub async fn refund_round(
    rail: &dyn CardRail,
    books: &dyn CardBooks,
    clock: &dyn Clock,
    stuck_after_ms: i64,
) -> Result<RefundRound, BooksError> {
    let (mut round, mut faults) = (RefundRound::default(), 0);
    while round.looks < ROUND_LIMIT && faults < FAULTS_LIMIT {
        let now = clock.now();
        let Some(refund) = books.take_refund(now, now.plus_ms(LEASE_MS)).await? else { break };
        round.looks += 1;
        let mut look = look_at_refund(rail, books, clock, &refund).await?;
        faults = if look.fault { faults + 1 } else { 0 };
        look.note.is_stuck =
            look.note.state.is_open() && look.note.at >= refund.approved_at.plus_ms(stuck_after_ms);
        if !books.note_refund(&refund, look.note.clone()).await? {
            continue;
        }
        match (refund.state, look.note.state) {
            (RefundState::Refunded, RefundState::Failed) => round.reversed.push(refund.intent),
            (_, RefundState::Failed) => round.failed.push(refund.intent),
            (before, RefundState::Refunded) if before.is_open() => {
                round.refunded.push(refund.intent)
            }
            (_, RefundState::Refunded) => {}
            (_, RefundState::Sent | RefundState::Unknown) if look.note.is_stuck => {
                round.stuck.push(refund.intent)
            }
            (_, RefundState::Sent | RefundState::Unknown) => {}
        }
    }
    Ok(round)
}

async fn look_at_refund(
    rail: &dyn CardRail,
    books: &dyn CardBooks,
    clock: &dyn Clock,
    refund: &Refund,
) -> Result<Look, BooksError> {
    let answer = rail.refund(refund, clock.now()).await;
    let at = clock.now();
    let outcome = answer.as_ref().map(|answer| answer.outcome);
    let state = match (&outcome, refund.state) {
        (Ok(RefundOutcome::Refunded), _) => RefundState::Refunded,
        (Ok(RefundOutcome::Failed), _) => RefundState::Failed,
        (Ok(RefundOutcome::Elsewhere { back_minor }), open) => {
            elsewhere(rail, books, clock, refund, *back_minor).await?.unwrap_or(open)
        }
        // It may have happened.
        (Err(CardError::Unreachable(_)), RefundState::Sent) => RefundState::Unknown,
        (Ok(RefundOutcome::Pending) | Err(_), open) => open,
    };
    let looks = if state == refund.state { refund.looks.saturating_add(1) } else { 0 };
    let wait_ms = match (&outcome, state) {
        (_, RefundState::Failed) => None,
        (Err(error), _) => Some(retry_ms(error, refund.looks)),
        (Ok(_), RefundState::Refunded) => return_look(refund.approved_at, at),
        (Ok(_), RefundState::Sent | RefundState::Unknown) => Some(step(&PENDING_MS, refund.looks)),
    };
    let refund_id = answer.as_ref().ok().and_then(|answer| answer.id.clone());
    let next_look_at = wait_ms.map(|ms| at.plus_ms(ms));
    Ok(Look {
        note: RefundNote { state, refund_id, looks, next_look_at, is_stuck: false, at },
        fault: outcome.is_err(),
    })
}

/// Money went back by other means. What the charge says now is booked against the debt. A charge
/// that no payment of ours stands for has no facts: there the sum decides.
async fn elsewhere(
    rail: &dyn CardRail,
    books: &dyn CardBooks,
    clock: &dyn Clock,
    refund: &Refund,
    back_minor: u64,
) -> Result<Option<RefundState>, BooksError> {
    match books.intent_of_charge(&refund.payment_intent).await? {
        Some(intent) => {
            match look_at_charge(rail, books, clock, intent, &refund.payment_intent).await {
                Ok(_) | Err(LookError::Card(_) | LookError::Overtaken) => Ok(None),
                Err(LookError::Books(error)) => Err(error),
            }
        }
        None => Ok((back_minor >= refund.amount_minor).then_some(RefundState::Refunded)),
    }
}

/// The wait after an unanswered question.
fn retry_ms(error: &CardError, looks: u32) -> i64 {
    let doubled = FIRST_RETRY_MS
        .saturating_mul(1_i64.checked_shl(looks.min(16)).unwrap_or(i64::MAX))
        .min(LONGEST_RETRY_MS);
    match error {
        CardError::Busy { retry_after_s } => {
            doubled.max(i64::try_from(*retry_after_s).unwrap_or(0).saturating_mul(1_000))
        }
        CardError::Unreachable(_) | CardError::Misconfigured(_) | CardError::UnknownToken => {
            doubled
        }
    }
}

/// Until the next of the moments at which a refund that succeeded is looked at again; none after
/// the last.
fn return_look(approved_at: UnixMs, at: UnixMs) -> Option<i64> {
    RETURNS_MS
        .into_iter()
        .map(|after| approved_at.plus_ms(after).ms().saturating_sub(at.ms()))
        .find(|wait| *wait > 0)
}

fn step(waits: &[i64; 4], looks: u32) -> i64 {
    let last = waits.len() - 1;
    waits[usize::try_from(looks).unwrap_or(last).min(last)]
}

/// Why a look at a charge said nothing.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The processor did not say.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The books failed.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// Each time, another look was booked meanwhile.
    #[error("other looks at the charge are under way")]
    Overtaken,
}

/// Books what is true now of a settled charge: an event says that something changed, and only the
/// processor's current word says what. A refund of ours is looked at by itself, in the next round.
/// What is in a state that is not known stays as it is booked, and is told.
///
/// # Errors
/// [`LookError`]: nothing was booked, and the same look may be taken again.
pub async fn look_at_charge(
    rail: &dyn CardRail,
    books: &dyn CardBooks,
    clock: &dyn Clock,
    intent: PaymentId,
    payment_intent: &str,
) -> Result<Vec<UnrecognisedState>, LookError> {
    for _ in 0..LOOKS_LIMIT {
        // Looks may end in another order than they began: what was asked first must not be believed
        // last. Clocks of replicas differ, so the books count.
        let looks_before = books.looks_at(intent).await?;
        let facts = rail.facts(payment_intent).await?;
        match books.book_facts(intent, &facts, looks_before, clock.now()).await? {
            FactsBooked::Booked => return Ok(facts.unrecognised),
            FactsBooked::Overtaken => {}
        }
    }
    Err(LookError::Overtaken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undecided_refund_is_asked_about_a_few_times_an_hour() {
        let mut at = 0;
        let looks = (0_u32..).map(|looks| {
            at += step(&PENDING_MS, looks);
            at
        });
        let hours: Vec<i64> =
            looks.take_while(|at| *at < 48 * 3_600_000).map(|at| at / 3_600_000).collect();
        for hour in 0..48 {
            assert!(hours.iter().filter(|it| **it == hour).count() <= 5, "hour {hour}");
        }
    }

    #[test]
    fn waits_double_and_end_somewhere() {
        let error = CardError::Unreachable(String::new());
        assert_eq!(
            [0, 1, 2, 40].map(|looks| retry_ms(&error, looks)),
            [2_000, 4_000, 8_000, LONGEST_RETRY_MS]
        );
        assert_eq!(retry_ms(&CardError::Busy { retry_after_s: 9 }, 0), 9_000);
    }

    #[test]
    fn what_succeeded_is_looked_at_for_a_month() {
        let at = |ms| UnixMs::new(ms);
        assert_eq!(return_look(at(0), at(5_000)), Some(DAY_MS - 5_000));
        assert_eq!(return_look(at(0), at(10 * DAY_MS)), Some(20 * DAY_MS));
        assert_eq!(return_look(at(0), at(30 * DAY_MS)), None);
    }
}
