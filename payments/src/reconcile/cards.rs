//! The card processor against the books, both ways. A lost event is found by what it would have
//! told of, and carried out as the event would have been.

use std::collections::{HashMap, HashSet};

use super::{CardSide, CheckError, Compared, Scope, clearing, turn::Turn};
use crate::{
    clearing::BalanceEntry,
    ids::PaymentId,
    intent::State,
    ports::{
        BookedCharge, CardError, CardPayment, FindingKind, Found, KnownCharge, OpenFinding, Source,
        Window,
    },
    refunds::{LookError, look_at_charge},
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
    clearing::check(turn, cards, &mut seen.compared, (begun, now)).await?;
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

async fn slice(
    turn: &mut Turn<'_>,
    cards: &CardSide,
    seen: &mut Seen,
    window: Window,
) -> Result<(), CheckError> {
    turn.step().await?;
    for payment in
        cards.history.payments(window).await?.iter().filter(|payment| payment.payment.is_some())
    {
        judged(turn, cards, seen, payment).await?;
    }
    let booked = turn.parts.books.charges_in(window).await?;
    for charge in &booked {
        if !seen.payments.contains(&charge.payment_intent) {
            absent_from_list(turn, cards, seen, charge).await?;
        }
    }
    turn.step().await?;
    for payment in cards.history.given_back(window).await? {
        if let Some(intent) = cards.books.intent_of_charge(&payment).await? {
            look(turn, cards, seen, intent, &payment).await?;
        }
    }
    let entries = clearing::read(turn, cards, &mut seen.compared, window).await?;
    let of_charges =
        entries.iter().filter(|entry| matches!(entry.kind.as_str(), "charge" | "payment"));
    let by_charge: HashMap<&str, &BalanceEntry> =
        of_charges.filter_map(|entry| Some((entry.source.as_deref()?, entry))).collect();
    for charge in &booked {
        let Some(credited) = by_charge.get(charge.charge.as_str()) else { continue };
        seen.charges.insert(charge.charge.clone());
        if let Some(detail) = short(charge, credited) {
            let (key, subject) = (charge.intent.to_string(), charge.charge.clone());
            seen.compared.found.push(Found {
                kind: FindingKind::AmountMismatch,
                key,
                source: Source::Stripe,
                subject,
                detail,
            });
        }
    }
    Ok(())
}

/// A booked charge that the list does not show: the processor is asked for it by name.
async fn absent_from_list(
    turn: &mut Turn<'_>,
    cards: &CardSide,
    seen: &mut Seen,
    charge: &BookedCharge,
) -> Result<(), CheckError> {
    turn.step().await?;
    match cards.history.payment(&charge.payment_intent).await? {
        Some(payment) => judged(turn, cards, seen, &payment).await,
        None => {
            seen.payments.insert(charge.payment_intent.clone());
            let detail =
                format!("{} is booked, and Stripe does not know it", charge.payment_intent);
            seen.compared.found.push(about(
                FindingKind::PhantomSettlement,
                charge.intent.to_string(),
                &charge.payment_intent,
                detail,
            ));
            Ok(())
        }
    }
}

async fn judged(
    turn: &Turn<'_>,
    cards: &CardSide,
    seen: &mut Seen,
    payment: &CardPayment,
) -> Result<(), CheckError> {
    if !seen.payments.insert(payment.id.clone()) {
        return Ok(());
    }
    seen.compared.compared = seen.compared.compared.saturating_add(1);
    let known = turn.parts.books.known_charge(&payment.id, payment.payment).await?;
    match judge(payment, &known) {
        Judgement::Agrees => {}
        Judgement::Wake(intent) if turn.fence().is_some() => {
            cards.books.wake(intent).await?;
        }
        Judgement::Wake(_) => {}
        Judgement::Differs(found) => seen.compared.found.push(*found),
    }
    Ok(())
}

/// What an event about the payment would have told. A dry run books nothing.
async fn look(
    turn: &mut Turn<'_>,
    cards: &CardSide,
    seen: &mut Seen,
    intent: PaymentId,
    payment: &str,
) -> Result<(), CheckError> {
    if !seen.looked.insert(payment.to_owned()) {
        return Ok(());
    }
    turn.step().await?;
    seen.compared.compared = seen.compared.compared.saturating_add(1);
    if turn.fence().is_none() {
        return Ok(());
    }
    cards.books.wake_refund(payment, turn.parts.clock.now()).await?;
    let unknown =
        |key: &str, detail| about(FindingKind::UnknownState, key.to_owned(), payment, detail);
    match look_at_charge(&*cards.rail, &*cards.books, &*turn.parts.clock, intent, payment).await {
        Ok(odd) => {
            let found = odd.iter().map(|it| {
                let detail = format!(
                    "Stripe calls the refund {} of {payment} {:?}; nothing of it is booked",
                    it.id, it.status
                );
                unknown(&it.id, detail)
            });
            seen.compared.found.extend(found);
        }
        // This one object is odd; the others are compared.
        Err(LookError::Card(CardError::Misconfigured(why))) => {
            seen.compared.found.push(unknown(payment, format!("{payment} cannot be read: {why}")));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
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

/// What one payment at the processor is.
#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    Agrees,
    /// It took money and its intent waits: an event was lost.
    Wake(PaymentId),
    Differs(Box<Found>),
}

fn about(kind: FindingKind, key: String, payment: &str, detail: String) -> Found {
    Found { kind, key, source: Source::Stripe, subject: payment.to_owned(), detail }
}

fn judge(payment: &CardPayment, known: &KnownCharge) -> Judgement {
    let differs = |kind, key: String, detail| {
        Judgement::Differs(Box::new(about(kind, key, &payment.id, detail)))
    };
    let told = format!("{} {}", payment.received_minor, payment.currency.to_uppercase());
    if let Some(booked) = &known.settlement {
        let key = booked.intent.to_string();
        if !payment.succeeded {
            return differs(
                FindingKind::PhantomSettlement,
                key,
                format!("{} is booked, and Stripe says that it did not succeed", payment.id),
            );
        }
        let same = payment.received_minor == booked.amount_minor
            && payment.currency.eq_ignore_ascii_case(&booked.currency);
        let text = format!(
            "the books say {} {} (minor units), Stripe {told} for {}",
            booked.amount_minor, booked.currency, payment.id
        );
        return if same {
            Judgement::Agrees
        } else {
            differs(FindingKind::AmountMismatch, key, text)
        };
    }
    // Nothing was taken, or all of it went back.
    if !payment.succeeded || payment.refunded_minor >= payment.received_minor {
        return Judgement::Agrees;
    }
    match (payment.payment, known.state) {
        (Some(intent), _) if known.mischarged => {
            let text = format!(
                "Stripe took {told} (minor units) by {}, which nobody asked for; its refund is not through",
                payment.id
            );
            differs(FindingKind::AmountMismatch, intent.to_string(), text)
        }
        (
            Some(intent),
            Some(State::Claimed | State::Signed | State::Submitted | State::SubmitUnknown),
        ) => Judgement::Wake(intent),
        (Some(intent), Some(state)) => {
            let text = format!(
                "Stripe took {told} (minor units) by {} for {intent}, which is {}: give it back",
                payment.id,
                state.word()
            );
            differs(FindingKind::UnearnedReceipt, payment.id.clone(), text)
        }
        (named, _) => {
            let named = named.map(|id| format!(" for {id}")).unwrap_or_default();
            let text = format!(
                "Stripe took {told} (minor units) by {}{named}, which the books do not know",
                payment.id
            );
            differs(FindingKind::UnmatchedReceipt, payment.id.clone(), text)
        }
    }
}

/// What a charge brought to the balance must be what was booked. A balance in another currency
/// cannot be compared.
fn short(booked: &BookedCharge, credited: &BalanceEntry) -> Option<String> {
    let same = i64::try_from(booked.amount_minor).is_ok_and(|minor| minor == credited.amount_minor);
    (credited.currency.eq_ignore_ascii_case(&booked.currency) && !same).then(|| {
        format!(
            "{} is booked with {} minor units and brought {} to the balance",
            booked.charge, booked.amount_minor, credited.amount_minor
        )
    })
}

#[cfg(test)]
mod tests;
