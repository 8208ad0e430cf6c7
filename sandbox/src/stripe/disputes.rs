//! Disputes: the holder's bank takes the money back, and perhaps gives it again (<https://docs.stripe.com/api/disputes>).

use serde_json::Value;

use super::error::ApiError;
use super::routes::Answered;
use super::rows::{ChargeStatus, Dispute, DisputeStatus};
use super::world::{Change, Tx};

impl Tx<'_> {
    /// Opens a dispute over what is left of a charge.
    pub(super) fn open_dispute(&mut self, charge: &str, reason: &str) -> Answered {
        let found = self.world.charges.get(charge).cloned();
        let mut charge = found.ok_or_else(|| ApiError::no_such(404, "charge", "charge", charge))?;
        let amount = charge.amount - charge.amount_refunded;
        if charge.status != ChargeStatus::Succeeded || charge.dispute.is_some() || amount == 0 {
            return Err(ApiError::refused("Only a paid charge that is neither refunded nor disputed can be disputed."));
        }
        let mut dispute = Dispute {
            id: self.id("du"),
            created_unix_s: self.now_unix_s,
            intent: charge.intent.clone(),
            charge: charge.id.clone(),
            amount,
            currency: charge.currency.clone(),
            reason: reason.to_owned(),
            status: DisputeStatus::NeedsResponse,
            balance_transactions: Vec::new(),
        };
        dispute.balance_transactions.push(self.record_dispute(&dispute));
        charge.dispute = Some(dispute.id.clone());
        charge.disputes_at_unix_s = None;
        self.put(Change::Charge(charge));
        Ok(self.tell(dispute, "charge.dispute.created"))
    }

    /// Closes a dispute; a won one gives the amount back, not the fee.
    pub(super) fn close_dispute(&mut self, id: &str, won: bool) -> Answered {
        let found = self.world.disputes.get(id).cloned();
        let mut dispute = found.ok_or_else(|| ApiError::no_such(404, "dispute", "dispute", id))?;
        if dispute.status != DisputeStatus::NeedsResponse {
            return Err(ApiError::refused("This dispute is already closed."));
        }
        dispute.status = if won { DisputeStatus::Won } else { DisputeStatus::Lost };
        if won {
            dispute.balance_transactions.push(self.record_dispute_won(&dispute));
        }
        Ok(self.tell(dispute, "charge.dispute.closed"))
    }

    /// Opens the disputes whose time has come.
    pub(super) fn open_due_disputes(&mut self) {
        let is_due = |id: &&String| self.world.charges.get(id).and_then(|it| it.disputes_at_unix_s).is_some_and(|at| at <= self.now_unix_s);
        let due: Vec<String> = self.world.awaiting_dispute.iter().filter(is_due).cloned().collect();
        for id in due {
            if self.open_dispute(&id, "fraudulent").is_err() {
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

    fn tell(&mut self, dispute: Dispute, kind: &str) -> Value {
        let json = dispute.json(self.world);
        self.put(Change::Dispute(dispute));
        self.emit(kind, json.clone());
        json
    }
}
