//! The card processor against the books, both ways. A lost event is found by what it would have
//! told of, and carried out as the event would have been.

mod judge;
mod slice;

use std::collections::HashSet;

use judge::about;
use slice::{judged, look, slice};

use super::{CardSide, CheckError, Compared, Scope, clearing, turn::Turn};
use crate::{
    ports::{CardError, FindingKind, OpenFinding, Source, Window},
    refunds::LookError,
    time::UnixMs,
};

/// Lists of the processor are not complete up to the last moment, and our clocks differ.
const OVERLAP_MS: i64 = 2 * 3_600_000;

/// The span of one list.
const SLICE_MS: i64 = 24 * 3_600_000;

const MARK: &str = "stripe:until_ms";

/// Warnings and disputes that one comparison lists.
const MOST_TOLD: u32 = 1_000;

impl From<CardError> for CheckError {
    fn from(error: CardError) -> Self {
        Self::CouldNot(error.to_string())
    }
}

impl From<LookError> for CheckError {
    fn from(error: LookError) -> Self {
        match error {
            LookError::Card(error) => error.into(),
            LookError::Books(error) => error.into(),
            overtaken @ LookError::Overtaken => Self::CouldNot(overtaken.to_string()),
        }
    }
}

#[derive(Default)]
struct Seen {
    compared: Compared,
    /// Payments at the processor that were judged.
    payments: HashSet<String>,
    /// Charges whose credit was compared.
    charges: HashSet<String>,
    /// Payments that were looked at for what went back.
    looked: HashSet<String>,
}

pub(super) async fn check(turn: &mut Turn<'_>, cards: &CardSide) -> Result<Compared, CheckError> {
    let now = turn.parts.clock.now();
    let begun = begin(turn, now).await?;
    let mut seen = Seen::default();
    clearing::catch_up(turn, cards, &mut seen.compared, begun).await?;
    let mut from = begun;
    while from < now {
        let until = from.plus_ms(SLICE_MS).min(now);
        slice(turn, cards, &mut seen, Window { from, until }).await?;
        from = until;
    }
    for (intent, payment) in turn.parts.books.open_disputes().await? {
        look(turn, cards, &mut seen, intent, &payment).await?;
    }
    told(cards, &mut seen).await?;
    for open in turn
        .parts
        .books
        .open_findings(Source::Stripe)
        .await?
        .iter()
        .filter(|open| !clearing::is_about(open))
    {
        again(turn, cards, &mut seen, open).await?;
    }
    clearing::check(turn, cards, &mut seen.compared, begun, now).await?;
    if !matches!(turn.scope, Scope::Since(_)) {
        turn.set_mark(MARK, &now.ms().to_string()).await?;
    }
    Ok(seen.compared)
}

/// What the processor told of disputes and frauds that an operator must look at.
async fn told(cards: &CardSide, seen: &mut Seen) -> Result<(), CheckError> {
    for block in cards
        .books
        .blocks(MOST_TOLD)
        .await?
        .into_iter()
        .filter(|block| block.cause == "fraud_warning")
    {
        let detail = format!(
            "the card network warns that {} was a fraud ({}); {} may not buy",
            block.payment, block.detail, block.payer
        );
        seen.compared.found.push(about(
            FindingKind::FraudWarning,
            block.reference.clone(),
            &block.reference,
            detail,
        ));
    }
    for dispute in cards
        .books
        .disputes(true, MOST_TOLD)
        .await?
        .into_iter()
        .filter(|dispute| dispute.state == "unrecognised")
    {
        let detail = format!(
            "Stripe calls the dispute {} of {} {:?}; nothing of it is booked",
            dispute.id, dispute.payment, dispute.status
        );
        seen.compared.found.push(about(
            FindingKind::UnknownState,
            dispute.id.clone(),
            &dispute.id,
            detail,
        ));
    }
    Ok(())
}

async fn begin(turn: &Turn<'_>, now: UnixMs) -> Result<UnixMs, CheckError> {
    let oldest = turn.parts.books.oldest_charge().await?.map_or(now, |at| at.min(now));
    let from = match turn.scope {
        Scope::Full => oldest,
        Scope::Since(at) => at.max(oldest),
        Scope::Recent => {
            turn.mark(MARK).await?.and_then(|text| text.parse().ok()).map_or(oldest, UnixMs::new)
        }
    };
    Ok(from.plus_ms(-OVERLAP_MS))
}

async fn again(
    turn: &mut Turn<'_>,
    cards: &CardSide,
    seen: &mut Seen,
    open: &OpenFinding,
) -> Result<(), CheckError> {
    if matches!(open.kind, FindingKind::FraudWarning | FindingKind::UnknownState)
        && !open.subject.starts_with("pi_")
    {
        if !seen.compared.differs(open) {
            seen.compared.gone.push(open.clone());
        }
        return Ok(());
    }
    if open.kind == FindingKind::UnknownState
        && let Some(intent) = cards.books.intent_of_charge(&open.subject).await?
    {
        look(turn, cards, seen, intent, &open.subject).await?;
    }
    let by_charge = open.subject.starts_with("ch_") || open.subject.starts_with("py_");
    if by_charge && !seen.charges.contains(&open.subject)
        || open.subject.is_empty()
        || open.kind == FindingKind::CouldNotCheck
    {
        return Ok(());
    }
    if !by_charge && !seen.payments.contains(&open.subject) {
        turn.step().await?;
        match cards.history.payment(&open.subject).await? {
            Some(payment) => judged(turn, cards, seen, &payment).await?,
            // Still booked, and still not there.
            None if turn
                .parts
                .books
                .known_charge(&open.subject, None)
                .await?
                .settlement
                .is_some() =>
            {
                return Ok(());
            }
            None => {}
        }
    }
    if !seen.compared.differs(open) {
        seen.compared.gone.push(open.clone());
    }
    Ok(())
}
