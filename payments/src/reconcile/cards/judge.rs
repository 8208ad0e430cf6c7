//! What a payment at the card processor means, given what the books know of it.

use crate::{
    clearing::BalanceEntry,
    ids::PaymentId,
    intent::State,
    ports::{BookedCharge, CardPayment, FindingKind, Found, KnownCharge, Source},
};

/// What one payment at the processor is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Agrees,
    /// It took money and its intent waits: an event was lost.
    Wake(PaymentId),
    Differs(Box<Found>),
}

pub(super) fn about(kind: FindingKind, key: String, payment: &str, detail: String) -> Found {
    Found { kind, key, source: Source::Stripe, subject: payment.to_owned(), detail }
}

pub(super) fn judge(payment: &CardPayment, known: &KnownCharge) -> Judgement {
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
            Some(State::Queued | State::Signed | State::Submitted | State::SubmitUnknown),
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
pub(super) fn short(booked: &BookedCharge, credited: &BalanceEntry) -> Option<String> {
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
