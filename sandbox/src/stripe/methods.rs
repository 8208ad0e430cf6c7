//! The test payment methods: which card a name stands for, and what it does when it is charged.
//!
//! The names are those of Stripe's page on testing; a declining card is also known by the plain
//! name of its decline (`pm_card_insufficient_funds`), each with and without `visa_`.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What happens to a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It succeeds at once.
    Succeeds,
    /// It succeeds, and a dispute is opened a minute later.
    Disputed,
    /// The card says no.
    Declined(Decline),
    /// The card's holder has to do something, which an agent cannot.
    NeedsAction,
    /// Nobody knows yet; it is settled later.
    Processing,
}

/// How a card says no (<https://docs.stripe.com/declines/codes>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decline {
    pub code: &'static str,
    pub decline_code: &'static str,
    pub message: &'static str,
}

pub(super) const GENERIC_DECLINE: Decline = Decline {
    code: "card_declined",
    decline_code: "generic_decline",
    message: "Your card was declined.",
};
const INSUFFICIENT_FUNDS: Decline = Decline {
    code: "card_declined",
    decline_code: "insufficient_funds",
    message: "Your card has insufficient funds.",
};
const EXPIRED_CARD: Decline = Decline {
    code: "expired_card",
    decline_code: "expired_card",
    message: "Your card has expired.",
};
const PROCESSING_ERROR: Decline = Decline {
    code: "processing_error",
    decline_code: "processing_error",
    message: "An error occurred while processing your card. Try again in a little bit.",
};

/// What tokens tell of a card's fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fingerprint {
    /// The card's own.
    OfCard,
    /// Another one on each token.
    OfToken,
    Hidden,
}

/// One test payment method.
#[derive(Clone, Copy, Debug)]
pub(super) struct Method {
    /// The brand and last four digits of a card; `None` for Link, and for a local method.
    card: Option<(&'static str, &'static str)>,
    /// What Stripe tells of its fingerprint.
    fingerprint: Fingerprint,
    pub outcome: Outcome,
}

/// A local method: no card, and its money is of another type.
pub(super) const LOCAL: &str = "pm_local";

/// The method of a name, if there is one.
pub(super) fn find(name: &str) -> Option<Method> {
    let method = |card, outcome| Some(Method { card, fingerprint: Fingerprint::OfCard, outcome });
    match name {
        "pm_card_visa" => return method(Some(("visa", "4242")), Outcome::Succeeds),
        "pm_card_mastercard" => return method(Some(("mastercard", "4444")), Outcome::Succeeds),
        "pm_link" | "pm_card_link" | LOCAL => return method(None, Outcome::Succeeds),
        _ => {}
    }
    let rest = name.strip_prefix("pm_card_")?;
    let (digits, outcome) = match rest.strip_prefix("visa_").unwrap_or(rest) {
        "chargeDeclined" | "generic_decline" => ("0002", Outcome::Declined(GENERIC_DECLINE)),
        "chargeDeclinedInsufficientFunds" | "insufficient_funds" => {
            ("9995", Outcome::Declined(INSUFFICIENT_FUNDS))
        }
        "chargeDeclinedExpiredCard" | "expired_card" => ("0069", Outcome::Declined(EXPIRED_CARD)),
        "chargeDeclinedProcessingError" | "processing_error" => {
            ("0119", Outcome::Declined(PROCESSING_ERROR))
        }
        "authenticationRequired" | "authentication_required" => ("3184", Outcome::NeedsAction),
        "processing" => ("7726", Outcome::Processing),
        "createDispute" | "dispute" => ("0259", Outcome::Disputed),
        "noFingerprint" | "no_fingerprint" => {
            return Some(Method {
                card: Some(("visa", "1881")),
                fingerprint: Fingerprint::Hidden,
                outcome: Outcome::Succeeds,
            });
        }
        "newFingerprint" | "new_fingerprint" => {
            return Some(Method {
                card: Some(("visa", "1881")),
                fingerprint: Fingerprint::OfToken,
                outcome: Outcome::Succeeds,
            });
        }
        _ => return None,
    };
    method(Some(("visa", digits)), outcome)
}

impl Method {
    /// `payment_method_details` of a granted token, or of a charge where `token` is empty.
    pub(super) fn details(&self, name: &str, customer: Option<&str>, token: &str) -> Value {
        if name == LOCAL {
            return json!({"type": "cashapp", "cashapp": {"buyer_id": null, "cashtag": null}});
        }
        let Some((brand, last4)) = self.card else {
            let mailbox = customer.unwrap_or("agent");
            return json!({"type": "link", "link": {"email": format!("{mailbox}@link.sandbox.test"), "country": "US"}});
        };
        let fingerprint = match self.fingerprint {
            Fingerprint::OfCard => Some(fingerprint(name, customer)),
            Fingerprint::OfToken => Some(fingerprint(&format!("{name} {token}"), customer)),
            Fingerprint::Hidden => None,
        };
        json!({"type": "card", "card": {
            "brand": brand, "country": "US", "exp_month": 12, "exp_year": 2034, "fingerprint": fingerprint,
            "funding": "credit", "last4": last4, "network": brand, "wallet": null,
        }})
    }
}

/// One for each payment method of each customer, the same in every emulator.
fn fingerprint(name: &str, customer: Option<&str>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"turnpike-sandbox-fingerprint\0");
    hasher.update(name.as_bytes());
    hasher.update([0]);
    hasher.update(customer.unwrap_or_default().as_bytes());
    hex::encode(&hasher.finalize()[..8])
}
