//! One slice of time: the processor's payments against the books, and the books' against its list.

use std::collections::HashMap;

use super::{
    super::{CardSide, CheckError, clearing, turn::Turn},
    Seen, about,
    judge::{Judgement, judge, short},
};
use crate::{
    clearing::BalanceEntry,
    ids::PaymentId,
    ports::{BookedCharge, CardError, CardPayment, FindingKind, Found, Source, Window},
    refunds::{LookError, look_at_charge},
};

pub(super) async fn slice(
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

pub(super) async fn judged(
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
pub(super) async fn look(
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
