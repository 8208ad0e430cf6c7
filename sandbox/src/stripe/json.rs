//! What a client sees of the rows (<https://docs.stripe.com/api>).

use serde_json::{Value, json};

use super::methods;
use super::rows::{
    BalanceTransaction, Charge, ChargeStatus, Deactivated, Dispute, Event, FraudWarning, Intent,
    Reason, Refund, Token,
};
use super::world::World;

impl Token {
    /// Why it is of no use any more, if it is not. Expiry needs no event of its own.
    pub(super) fn deactivated_at(&self, now_unix_s: u64) -> Option<Deactivated> {
        let expired = self.expires_at_unix_s.filter(|at| *at <= now_unix_s);
        self.deactivated
            .clone()
            .or_else(|| expired.map(|at_unix_s| Deactivated { at_unix_s, reason: Reason::Expired }))
    }

    pub(super) fn details(&self) -> Value {
        methods::find(&self.method).map_or(Value::Null, |method| {
            method.details(&self.method, self.customer.as_deref(), &self.id)
        })
    }

    /// The same on its charge, whose fingerprint is the card's own.
    pub(super) fn charge_details(&self) -> Value {
        methods::find(&self.method).map_or(Value::Null, |method| {
            method.details(&self.method, self.customer.as_deref(), "")
        })
    }

    pub(super) fn json(&self, now_unix_s: u64, agent_profile: &str) -> Value {
        let deactivated = self.deactivated_at(now_unix_s);
        json!({
            "id": self.id,
            "object": "shared_payment.granted_token",
            "agent_details": {"network_business_profile": agent_profile},
            "created": self.created_unix_s,
            "deactivated_at": deactivated.as_ref().map(|it| it.at_unix_s),
            "deactivated_reason": deactivated.as_ref().map(|it| it.reason),
            "livemode": false,
            "payment_method_details": self.details(),
            "risk_details": null,
            "shared_metadata": self.shared_metadata,
            "usage_details": {"amount_captured": {"value": self.captured, "currency": self.currency}},
            "usage_limits": {"currency": self.currency, "max_amount": self.max_amount, "expires_at": self.expires_at_unix_s},
        })
    }
}

impl Intent {
    pub(super) fn json(&self) -> Value {
        let action = json!({"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}});
        let needs_action = self.status == super::rows::Status::RequiresAction;
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": 0,
            "amount_received": self.amount_received,
            "automatic_payment_methods": {"allow_redirects": "never", "enabled": true},
            "canceled_at": self.canceled_at_unix_s,
            "cancellation_reason": self.cancellation_reason,
            "capture_method": "automatic",
            "client_secret": format!("{}_secret_sandbox", self.id),
            "confirmation_method": "automatic",
            "created": self.created_unix_s,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "last_payment_error": self.last_payment_error,
            "latest_charge": self.latest_charge,
            "livemode": false,
            "metadata": self.metadata,
            "next_action": needs_action.then_some(action),
            "payment_method": (self.status != super::rows::Status::RequiresPaymentMethod).then_some(&self.payment_method),
            "payment_method_types": ["card", "link"],
            "receipt_email": self.receipt_email,
            "status": self.status,
        })
    }
}

impl Charge {
    pub(super) fn json(&self) -> Value {
        let paid = self.status == ChargeStatus::Succeeded;
        let failure = self.failure.as_ref();
        let outcome = match failure {
            Some([_, decline, message]) => {
                json!({"network_status": "declined_by_network", "reason": decline, "seller_message": message,
                "type": "issuer_declined"})
            }
            None => {
                json!({"network_status": "approved_by_network", "reason": null, "seller_message": "Payment complete.", "type": "authorized"})
            }
        };
        json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": if paid { self.amount } else { 0 },
            "amount_refunded": self.amount_refunded,
            "balance_transaction": self.balance_transaction,
            "captured": paid,
            "created": self.created_unix_s,
            "currency": self.currency,
            "disputed": self.dispute.is_some(),
            "failure_code": failure.map(|[code, ..]| code),
            "failure_message": failure.map(|[_, _, message]| message),
            "livemode": false,
            "metadata": self.metadata,
            "outcome": outcome,
            "paid": paid,
            "payment_intent": self.intent,
            "payment_method": self.payment_method,
            "payment_method_details": self.details,
            "refunded": paid && self.amount_refunded == self.amount,
            "status": self.status,
        })
    }
}

impl Refund {
    pub(super) fn json(&self) -> Value {
        let mut json = json!({
            "id": self.id, "object": "refund", "amount": self.amount, "balance_transaction": self.balance_transaction, "charge": self.charge,
            "created": self.created_unix_s, "currency": self.currency, "metadata": self.metadata, "payment_intent": self.intent,
            "reason": self.reason, "receipt_number": null, "status": self.status,
        });
        if let Some(word) = &self.told_status {
            json["status"] = json!(word);
        }
        if let Some(returned) = &self.failure_balance_transaction {
            json["failure_balance_transaction"] = json!(returned);
            json["failure_reason"] = json!("expired_or_canceled_card");
        }
        json
    }
}

impl Dispute {
    pub(super) fn json(&self, world: &World) -> Value {
        let movements: Vec<Value> = self
            .balance_transactions
            .iter()
            .filter_map(|id| world.balance.get(id))
            .map(|it| it.json())
            .collect();
        json!({
            "id": self.id, "object": "dispute", "amount": self.amount, "balance_transactions": movements, "charge": self.charge,
            "created": self.created_unix_s, "currency": self.currency, "evidence_details": {
                "due_by": self.due_by_unix_s, "has_evidence": false, "past_due": false, "submission_count": 0,
            },
            "is_charge_refundable": self.is_inquiry(), "livemode": false, "metadata": {}, "payment_intent": self.intent, "reason": self.reason,
            "status": self.status,
        })
    }
}

impl FraudWarning {
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id, "object": "radar.early_fraud_warning", "actionable": true, "charge": self.charge, "created": self.created_unix_s,
            "fraud_type": self.fraud_type, "livemode": false, "payment_intent": self.intent,
        })
    }
}

impl BalanceTransaction {
    pub(super) fn json(&self) -> Value {
        let fee = json!({"amount": self.fee, "currency": self.currency, "description": "Stripe processing fees", "type": "stripe_fee"});
        json!({
            "id": self.id, "object": "balance_transaction", "amount": self.amount, "available_on": self.created_unix_s,
            "created": self.created_unix_s, "currency": self.currency, "description": self.description, "exchange_rate": null,
            "fee": self.fee, "fee_details": if self.fee == 0 { json!([]) } else { json!([fee]) }, "net": self.net,
            "reporting_category": self.reporting_category, "source": self.source, "status": "available", "type": self.kind,
        })
    }
}

impl Event {
    /// The stored bytes are JSON of our own making.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}
