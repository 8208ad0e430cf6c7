//! The parameters of a charge: built once, sealed, and sent as they were saved
//! (draft-stripe-charge, "Settlement").

use std::collections::HashMap;

use payments::{ids::PaymentId, ports::NewCharge};
use stripe_client_core::StripeRequest;
use stripe_core::payment_intent::{
    CreatePaymentIntent, CreatePaymentIntentAutomaticPaymentMethods,
    CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects,
};
use stripe_types::Currency;

use super::{
    SptParameter,
    objects::{BOOKS, PAYMENT_ID},
};

/// The form of `POST /v1/payment_intents`; none for an amount that no card can pay.
pub(super) fn charge_form(
    intent: PaymentId,
    charge: &NewCharge,
    spt: SptParameter,
    books: Option<&str>,
) -> Option<String> {
    let amount = i64::try_from(charge.amount.get()).ok()?;
    let metadata = [
        ("mpp_challenge_id", charge.key.challenge_id.to_string()),
        ("mpp_intent", String::from("charge")),
        ("machine_payment", String::from("true")),
        (PAYMENT_ID, intent.to_string()),
        ("route", charge.route.clone()),
    ];
    let books = books.map(|name| (BOOKS, name.to_owned()));
    let metadata: HashMap<String, String> =
        metadata.into_iter().chain(books).map(|(name, value)| (name.to_owned(), value)).collect();
    let mut methods = CreatePaymentIntentAutomaticPaymentMethods::new(true);
    // Nobody could follow a redirect: an agent has no browser.
    methods.allow_redirects = Some(CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects::Never);
    let request = CreatePaymentIntent::new(amount, Currency::USD)
        .confirm(true)
        .automatic_payment_methods(methods)
        .metadata(metadata);
    let form = request.build().body?;
    // The library's API version has no such parameter. A token is letters, digits and underscores:
    // nothing to encode.
    Some(format!("{form}&{}={}", spt.name(), charge.token.expose()))
}
