//! Refunds, whole and in part (<https://docs.stripe.com/api/refunds>).

use super::error::ApiError;
use super::form::Form;
use super::routes::Answered;
use super::rows::{Charge, ChargeStatus, Refund};
use super::world::{Change, Tx};

const KNOWN: [&str; 6] = ["payment_intent", "charge", "amount", "reason", "metadata[*]", "expand[*]"];
const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

impl Tx<'_> {
    /// `POST /v1/refunds`
    pub(super) fn create_refund(&mut self, form: &Form) -> Answered {
        form.only(&KNOWN)?;
        let amount = form.amount("amount")?;
        let (reason, metadata) = (form.owned("reason"), form.metadata("metadata")?);
        if reason.as_deref().is_some_and(|reason| !REASONS.contains(&reason)) {
            return Err(ApiError::invalid("reason", "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer"));
        }
        let mut charge = self.refunded_charge(form)?;
        let left = charge.amount - charge.amount_refunded;
        if left == 0 {
            return Err(ApiError::refused(format!("Charge {} has already been refunded.", charge.id)).code("charge_already_refunded"));
        }
        let disputed = self.disputed(&charge.id);
        if disputed >= left {
            return Err(
                ApiError::refused(format!("Charge {} has been charged back; cannot issue a refund.", charge.id)).code("charge_disputed")
            );
        }
        let amount = amount.unwrap_or(left - disputed);
        let left = left - disputed;
        if amount > left {
            let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
            return Err(ApiError::refused(message).code("charge_already_refunded").param("amount"));
        }
        let mut refund = Refund {
            id: self.id("re"),
            created_unix_s: self.now_unix_s,
            intent: charge.intent.clone(),
            charge: charge.id.clone(),
            amount,
            currency: charge.currency.clone(),
            reason,
            metadata,
            balance_transaction: String::new(),
        };
        refund.balance_transaction = self.record_refund(&refund);
        charge.amount_refunded += amount;
        self.put(Change::Refund(refund.clone()));
        self.put(Change::Charge(charge.clone()));
        self.emit("charge.refunded", charge.json());
        Ok(refund.json())
    }

    /// The paid charge that a refund names, by itself or by its intent.
    fn refunded_charge(&self, form: &Form) -> Result<Charge, ApiError> {
        let found = match (form.get("payment_intent"), form.get("charge")) {
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid("charge", "You may only specify one of these parameters: payment_intent, charge."));
            }
            (None, None) => {
                return Err(ApiError::invalid(
                    "payment_intent",
                    "One of the following params should be provided: payment_intent or charge.",
                ));
            }
            (Some(id), None) => {
                let intent = self.world.intents.get(id).ok_or_else(|| ApiError::no_such(400, "payment_intent", "payment_intent", id))?;
                intent.latest_charge.as_deref().and_then(|charge| self.world.charges.get(charge))
            }
            (None, Some(id)) => Some(self.world.charges.get(id).ok_or_else(|| ApiError::no_such(400, "charge", "charge", id))?),
        };
        match found.filter(|charge| charge.status == ChargeStatus::Succeeded) {
            Some(charge) => Ok(charge.clone()),
            None => Err(ApiError::refused("This PaymentIntent does not have a successful charge to refund.")),
        }
    }
}
