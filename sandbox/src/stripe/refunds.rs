//! Refunds, whole and in part (<https://docs.stripe.com/api/refunds>).

use serde_json::Value;

use super::error::ApiError;
use super::form::Form;
use super::routes::Answered;
use super::rows::{Charge, ChargeStatus, Refund, RefundStatus};
use super::world::{Change, Tx};
use super::{Emulator, EmulatorError};

const KNOWN: [&str; 6] =
    ["payment_intent", "charge", "amount", "reason", "metadata[*]", "expand[*]"];
const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];

impl Emulator {
    /// What new refunds are at first.
    ///
    /// # Errors
    /// As [`set_clock_offset`](Self::set_clock_offset).
    pub fn set_new_refunds(&self, status: RefundStatus) -> Result<(), EmulatorError> {
        self.shared.set(|settings| settings.new_refunds = status)
    }

    /// Decides a pending refund, or lets one fail that had succeeded.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub fn settle_refund(&self, id: &str, succeeds: bool) -> Result<Value, EmulatorError> {
        self.shared.ask(|tx| tx.settle_refund(id, succeeds))
    }
}

impl Tx<'_> {
    /// `POST /v1/refunds`
    pub(super) fn create_refund(&mut self, form: &Form) -> Answered {
        form.only(&KNOWN)?;
        let amount = form.amount("amount")?;
        let (reason, metadata) = (form.owned("reason"), form.metadata("metadata")?);
        if reason.as_deref().is_some_and(|reason| !REASONS.contains(&reason)) {
            return Err(ApiError::invalid(
                "reason",
                "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer",
            ));
        }
        let mut charge = self.refunded_charge(form)?;
        let left = charge.amount - charge.amount_refunded;
        if left == 0 {
            return Err(ApiError::refused(format!(
                "Charge {} has already been refunded.",
                charge.id
            ))
            .code("charge_already_refunded"));
        }
        let disputed = self.disputed(&charge.id);
        if disputed >= left {
            return Err(ApiError::refused(format!(
                "Charge {} has been charged back; cannot issue a refund.",
                charge.id
            ))
            .code("charge_disputed"));
        }
        let amount = amount.unwrap_or(left - disputed);
        let left = left - disputed;
        if amount > left {
            let message = format!(
                "Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            );
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
            status: self.world.settings.new_refunds,
            told_status: None,
            failure_balance_transaction: None,
        };
        refund.balance_transaction = self.record_refund(&refund);
        if refund.status == RefundStatus::Failed {
            refund.failure_balance_transaction = Some(self.record_refund_failure(&refund));
            self.put(Change::Refund(refund.clone()));
            self.emit("refund.failed", refund.json());
            return Ok(refund.json());
        }
        charge.amount_refunded += amount;
        self.put(Change::Refund(refund.clone()));
        self.put(Change::Charge(charge.clone()));
        self.emit("charge.refunded", charge.json());
        Ok(refund.json())
    }

    /// Decides a pending refund, or lets one fail that had succeeded: the bank sent the money back.
    /// What failed counts no more in the charge's `amount_refunded`.
    pub(super) fn settle_refund(&mut self, id: &str, succeeds: bool) -> Answered {
        let found = self.world.refunds.get(id).cloned();
        let mut refund = found.ok_or_else(|| ApiError::no_such(404, "refund", "id", id))?;
        match (refund.status, succeeds) {
            (RefundStatus::Pending, true) => refund.status = RefundStatus::Succeeded,
            (RefundStatus::Pending | RefundStatus::Succeeded, false) => {
                refund.status = RefundStatus::Failed;
                refund.failure_balance_transaction = Some(self.record_refund_failure(&refund));
                if let Some(mut charge) = self.world.charges.get(&refund.charge).cloned() {
                    charge.amount_refunded -= refund.amount;
                    self.put(Change::Charge(charge));
                }
            }
            (RefundStatus::Succeeded | RefundStatus::Failed, _) => {
                return Err(ApiError::refused(
                    "Only a refund that is pending, or one that succeeded and then fails, can be settled.",
                ));
            }
        }
        self.put(Change::Refund(refund.clone()));
        self.emit("refund.updated", refund.json());
        self.emit("charge.refund.updated", refund.json());
        if refund.status == RefundStatus::Failed {
            self.emit("refund.failed", refund.json());
        }
        Ok(refund.json())
    }

    /// The paid charge that a refund names, by itself or by its intent.
    fn refunded_charge(&self, form: &Form) -> Result<Charge, ApiError> {
        let found = match (form.get("payment_intent"), form.get("charge")) {
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid(
                    "charge",
                    "You may only specify one of these parameters: payment_intent, charge.",
                ));
            }
            (None, None) => {
                return Err(ApiError::invalid(
                    "payment_intent",
                    "One of the following params should be provided: payment_intent or charge.",
                ));
            }
            (Some(id), None) => {
                let intent = self.world.intents.get(id).ok_or_else(|| {
                    ApiError::no_such(400, "payment_intent", "payment_intent", id)
                })?;
                intent.latest_charge.as_deref().and_then(|charge| self.world.charges.get(charge))
            }
            (None, Some(id)) => Some(
                self.world
                    .charges
                    .get(id)
                    .ok_or_else(|| ApiError::no_such(400, "charge", "charge", id))?,
            ),
        };
        match found.filter(|charge| charge.status == ChargeStatus::Succeeded) {
            Some(charge) => Ok(charge.clone()),
            None => Err(ApiError::refused(
                "This PaymentIntent does not have a successful charge to refund.",
            )),
        }
    }
}
