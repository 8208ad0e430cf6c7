//! What the state of a payment intent means for a charge.

use payments::{
    charge::{ChargeProof, Mischarge},
    money::UsdCents,
    ports::CardOutcome,
    settlement::PaymentFailure,
};
use stripe_shared::PaymentIntentStatus;

use super::{objects::PaymentIntent, refusal::declined};

pub(super) fn status(payment: &PaymentIntent) -> PaymentIntentStatus {
    let Ok(status) = payment.status.parse();
    status
}

pub(super) fn taken(amount: UsdCents, payment: PaymentIntent) -> CardOutcome {
    let right =
        [payment.amount, payment.amount_received] == [amount.get(); 2] && payment.currency == "usd";
    if !right {
        let PaymentIntent { id, amount_received, currency, .. } = payment;
        return CardOutcome::Mischarged(Mischarge {
            payment_intent: id,
            amount_minor: amount_received,
            currency,
        });
    }
    CardOutcome::Settled(ChargeProof {
        payment_intent: payment.id,
        charge: payment.latest_charge,
        livemode: payment.livemode,
    })
}

pub(super) fn last_word(payment: &PaymentIntent, otherwise: &str) -> PaymentFailure {
    let last = payment.last_payment_error.as_ref();
    let words = last.into_iter().flat_map(|error| [&error.decline_code, &error.code]).flatten();
    declined(words.map(String::as_str).chain([otherwise]))
}

pub(super) fn failed(word: &str) -> CardOutcome {
    CardOutcome::Failed(PaymentFailure::Declined(word.to_owned()))
}
