//! Disputes: the holder's bank takes the money back, and perhaps gives it again
//! (<https://docs.stripe.com/api/disputes>). And the warning that may come before one
//! (<https://docs.stripe.com/api/radar/early_fraud_warnings>).

use serde::Deserialize;
use serde_json::Value;

use super::EmulatorError;
use super::error::ApiError;
use super::handle::Emulator;
use super::routes::Answered;
use super::rows::{Charge, ChargeStatus, Dispute, FraudWarning};
use super::world::{Change, Tx};

/// How long evidence is taken where a test does not say it, in seconds.
const DUE_IN_S: u64 = 7 * 24 * 3_600;

/// What a dispute is opened with. What is not given is what the bank would do: all that is left of
/// the charge, as fraud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DisputeTerms {
    /// Why, in Stripe's word.
    pub reason: Option<String>,
    /// How much of the charge, in its minor unit.
    pub amount: Option<i64>,
    /// An inquiry: the bank asks, and takes nothing yet.
    pub inquiry: bool,
    /// How long evidence is taken, in seconds.
    pub due_in_s: Option<u64>,
}

impl Dispute {
    /// The bank only asks: no money was taken.
    pub(super) fn is_inquiry(&self) -> bool {
        self.status.starts_with("warning_")
    }

    /// The money is not with us.
    fn takes(&self) -> bool {
        !self.is_inquiry() && self.status != "won"
    }
}

impl Emulator {
    /// Opens a dispute over what is left of a charge.
    ///
    /// # Errors
    /// As [`grant`](Emulator::grant).
    pub fn open_dispute(&self, charge: &str, reason: &str) -> Result<Value, EmulatorError> {
        self.open_dispute_on(
            charge,
            &DisputeTerms { reason: Some(reason.to_owned()), ..DisputeTerms::default() },
        )
    }

    /// Opens a dispute on these terms: over a part of a charge, or an inquiry that takes no money.
    ///
    /// # Errors
    /// As [`grant`](Emulator::grant).
    pub fn open_dispute_on(
        &self,
        charge: &str,
        terms: &DisputeTerms,
    ) -> Result<Value, EmulatorError> {
        self.shared.ask(|tx| tx.open_dispute(charge, terms))
    }

    /// Gives a dispute another status, in Stripe's words or in one that it does not have: an
    /// inquiry that becomes a dispute takes the money.
    ///
    /// # Errors
    /// As [`grant`](Emulator::grant).
    pub fn set_dispute_status(&self, id: &str, status: &str) -> Result<Value, EmulatorError> {
        self.shared.ask(|tx| tx.set_dispute_status(id, status))
    }

    /// The card network warns that a charge was made with a stolen card.
    ///
    /// # Errors
    /// As [`grant`](Emulator::grant).
    pub fn warn_of_fraud(&self, charge: &str) -> Result<Value, EmulatorError> {
        self.shared.ask(|tx| tx.warn_of_fraud(charge, "made_with_stolen_card"))
    }

    /// Closes a dispute; one that was lost can still be won.
    ///
    /// # Errors
    /// As [`grant`](Emulator::grant).
    pub fn close_dispute(&self, id: &str, won: bool) -> Result<Value, EmulatorError> {
        self.shared.ask(|tx| tx.close_dispute(id, won))
    }
}

impl Tx<'_> {
    /// What disputes hold of a charge.
    pub(super) fn disputed(&self, charge: &str) -> i64 {
        self.world
            .disputes
            .iter()
            .filter(|it| it.charge == charge && it.takes())
            .map(|it| it.amount)
            .sum()
    }

    /// Opens a dispute over what is left of a charge, or over a part of it.
    pub(super) fn open_dispute(&mut self, charge: &str, terms: &DisputeTerms) -> Answered {
        let mut charge = self.paid_charge(charge)?;
        let left = charge.amount - charge.amount_refunded - self.disputed(&charge.id);
        let amount = terms.amount.unwrap_or(left);
        if charge.status != ChargeStatus::Succeeded || amount <= 0 || amount > left {
            return Err(ApiError::refused(
                "Only what is left of a paid charge that is neither refunded nor disputed can be disputed.",
            ));
        }
        let mut dispute = Dispute {
            id: self.id("du"),
            created_unix_s: self.now_unix_s,
            intent: charge.intent.clone(),
            charge: charge.id.clone(),
            amount,
            currency: charge.currency.clone(),
            reason: terms.reason.clone().unwrap_or_else(|| String::from("fraudulent")),
            status: String::from(if terms.inquiry {
                "warning_needs_response"
            } else {
                "needs_response"
            }),
            balance_transactions: Vec::new(),
            due_by_unix_s: Some(self.now_unix_s.saturating_add(terms.due_in_s.unwrap_or(DUE_IN_S))),
        };
        if !terms.inquiry {
            dispute.balance_transactions.push(self.record_dispute(&dispute));
        }
        charge.dispute = Some(dispute.id.clone());
        charge.disputes_at_unix_s = None;
        self.put(Change::Charge(charge));
        Ok(self.tell(dispute, "charge.dispute.created"))
    }

    /// Closes a dispute; a won one gives the amount back, not the fee. A lost one can still be won:
    /// the bank changes its mind.
    pub(super) fn close_dispute(&mut self, id: &str, won: bool) -> Answered {
        let mut dispute = self.dispute(id)?;
        if dispute.status == "won" || (dispute.status == "lost" && !won) {
            return Err(ApiError::refused("This dispute is already closed."));
        }
        let status = match (dispute.is_inquiry(), won) {
            (true, _) => "warning_closed",
            (false, true) => "won",
            (false, false) => "lost",
        };
        let gives_back = status == "won";
        dispute.status = status.to_owned();
        if gives_back {
            dispute.balance_transactions.push(self.record_dispute_won(&dispute));
        }
        Ok(self.tell(dispute, "charge.dispute.closed"))
    }

    /// Any other status. An inquiry that becomes a dispute takes the money.
    pub(super) fn set_dispute_status(&mut self, id: &str, status: &str) -> Answered {
        if matches!(status, "won" | "lost") {
            return self.close_dispute(id, status == "won");
        }
        let mut dispute = self.dispute(id)?;
        let took = dispute.takes();
        dispute.status = status.to_owned();
        if dispute.takes() && !took {
            dispute.balance_transactions.push(self.record_dispute(&dispute));
        }
        Ok(self.tell(dispute, "charge.dispute.updated"))
    }

    /// The card network's warning about a charge.
    pub(super) fn warn_of_fraud(&mut self, charge: &str, fraud_type: &str) -> Answered {
        let charge = self.paid_charge(charge)?;
        let warning = FraudWarning {
            id: self.id("issfr"),
            created_unix_s: self.now_unix_s,
            intent: charge.intent,
            charge: charge.id,
            fraud_type: fraud_type.to_owned(),
        };
        let json = warning.json();
        self.put(Change::FraudWarning(warning));
        self.emit("radar.early_fraud_warning.created", json.clone());
        Ok(json)
    }

    /// Opens the disputes whose time has come.
    pub(super) fn open_due_disputes(&mut self) {
        let is_due = |id: &&String| {
            self.world
                .charges
                .get(id)
                .and_then(|it| it.disputes_at_unix_s)
                .is_some_and(|at| at <= self.now_unix_s)
        };
        let due: Vec<String> = self.world.awaiting_dispute.iter().filter(is_due).cloned().collect();
        for id in due {
            if self.open_dispute(&id, &DisputeTerms::default()).is_err() {
                self.forget_dispute(&id);
            }
        }
    }

    /// A charge that was refunded in the meantime is not disputed.
    fn forget_dispute(&mut self, charge: &str) {
        if let Some(mut charge) = self.world.charges.get(charge).cloned() {
            charge.disputes_at_unix_s = None;
            self.put(Change::Charge(charge));
        }
    }

    fn paid_charge(&self, id: &str) -> Result<Charge, ApiError> {
        self.world
            .charges
            .get(id)
            .cloned()
            .ok_or_else(|| ApiError::no_such(404, "charge", "charge", id))
    }

    fn dispute(&self, id: &str) -> Result<Dispute, ApiError> {
        self.world
            .disputes
            .get(id)
            .cloned()
            .ok_or_else(|| ApiError::no_such(404, "dispute", "dispute", id))
    }

    fn tell(&mut self, dispute: Dispute, kind: &str) -> Value {
        let json = dispute.json(self.world);
        self.put(Change::Dispute(dispute));
        self.emit(kind, json.clone());
        json
    }
}
