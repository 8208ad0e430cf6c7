//! Payouts to the seller's bank, and the balance that is left
//! (<https://docs.stripe.com/api/payouts>, <https://docs.stripe.com/api/balance>).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::ApiError;
use super::form::Form;
use super::list::page;
use super::routes::Answered;
use super::world::{Change, Tx, World};
use super::{Emulator, EmulatorError};

/// Money that was sent to the seller's bank.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Payout {
    pub id: String,
    pub created_unix_s: u64,
    pub amount: i64,
    pub currency: String,
    /// Made by the schedule: it names the balance entries in it. One that was asked for by hand
    /// names none.
    pub automatic: bool,
    pub status: PayoutStatus,
    pub balance_transaction: String,
    /// The entry that brought the amount back, once it failed.
    pub failure_balance_transaction: Option<String>,
}

/// Where a payout stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutStatus {
    /// Not with the bank yet.
    Pending,
    /// With the bank; it may still fail.
    #[default]
    Paid,
    /// The money came back to the balance.
    Failed,
}

/// What a payout is made with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PayoutTerms {
    /// Asked for by hand, so that it names none of its entries.
    pub manual: bool,
    /// How much, in the currency's minor unit; all that is there if it is not given. Only a payout
    /// by hand may take less.
    pub amount: Option<i64>,
    /// What it is at first.
    pub status: PayoutStatus,
}

/// An entry of the balance that no charge, refund or dispute of the API made: a fee of the account,
/// a correction, another product's sale.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EntryTerms {
    /// In the currency's minor unit, below zero for what is taken.
    pub amount: i64,
    /// What Stripe keeps of it.
    pub fee: i64,
    /// `usd` if it is not given.
    pub currency: Option<String>,
    /// `adjustment` if it is not given.
    pub r#type: Option<String>,
    /// The charge, refund or dispute that it is about.
    pub source: Option<String>,
}

impl PayoutStatus {
    /// As Stripe words it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Failed => "failed",
        }
    }
}

impl Payout {
    pub(super) fn json(&self) -> Value {
        let named = if self.automatic { "completed" } else { "not_applicable" };
        json!({
            "id": self.id, "object": "payout", "amount": self.amount, "arrival_date": self.created_unix_s, "automatic": self.automatic,
            "balance_transaction": self.balance_transaction, "created": self.created_unix_s, "currency": self.currency, "description": null,
            "failure_balance_transaction": self.failure_balance_transaction,
            "failure_code": self.failure_balance_transaction.as_ref().map(|_| "account_closed"), "livemode": false, "metadata": {},
            "method": "standard", "reconciliation_status": named, "source_type": "card", "status": self.status, "type": "bank_account",
        })
    }
}

impl Emulator {
    /// Pays out to the seller's bank.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub fn pay_out(&self, terms: &PayoutTerms) -> Result<Value, EmulatorError> {
        self.shared.ask(|tx| tx.pay_out(terms))
    }

    /// Decides a pending payout, or lets one fail that was paid.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub fn settle_payout(&self, id: &str, succeeds: bool) -> Result<Value, EmulatorError> {
        self.shared.ask(|tx| tx.settle_payout(id, succeeds))
    }

    /// Adds an entry to the balance.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub fn add_entry(&self, terms: &EntryTerms) -> Result<Value, EmulatorError> {
        self.shared.ask(|tx| tx.add_entry(terms))
    }
}

impl Tx<'_> {
    /// Sends the balance to the bank. The schedule takes everything, and each entry in it names the
    /// payout.
    pub(super) fn pay_out(&mut self, terms: &PayoutTerms) -> Answered {
        let there: i64 =
            self.world.balance.iter().filter(|it| it.currency == USD).map(|it| it.net).sum();
        let amount = terms.amount.unwrap_or(there);
        if amount <= 0 || amount > there || (!terms.manual && amount != there) {
            return Err(ApiError::refused(format!(
                "{amount} cannot be paid out of a balance of {there}."
            )));
        }
        let mut payout = Payout {
            id: self.id("po"),
            created_unix_s: self.now_unix_s,
            amount,
            currency: USD.to_owned(),
            automatic: !terms.manual,
            status: terms.status,
            balance_transaction: String::new(),
            failure_balance_transaction: None,
        };
        payout.balance_transaction = self.record_payout(&payout.id, "payout", -amount);
        if payout.automatic {
            let open =
                self.world.balance.iter().filter(|it| it.currency == USD && it.payout.is_none());
            for mut entry in open.cloned().collect::<Vec<_>>() {
                entry.payout = Some(payout.id.clone());
                self.put(Change::BalanceTransaction(entry));
            }
        }
        self.put(Change::Payout(payout.clone()));
        self.emit("payout.created", payout.json());
        if payout.status == PayoutStatus::Paid {
            self.emit("payout.paid", payout.json());
        }
        Ok(payout.json())
    }

    /// A payout that fails brings its amount back as an entry of its own, which the next payout
    /// takes.
    pub(super) fn settle_payout(&mut self, id: &str, succeeds: bool) -> Answered {
        let found = self.world.payouts.get(id).cloned();
        let mut payout = found.ok_or_else(|| ApiError::no_such(404, "payout", "id", id))?;
        let kind = match (payout.status, succeeds) {
            (PayoutStatus::Pending, true) => {
                payout.status = PayoutStatus::Paid;
                "payout.paid"
            }
            (PayoutStatus::Pending | PayoutStatus::Paid, false) => {
                payout.status = PayoutStatus::Failed;
                payout.failure_balance_transaction =
                    Some(self.record_payout(&payout.id, "payout_failure", payout.amount));
                "payout.failed"
            }
            (PayoutStatus::Paid | PayoutStatus::Failed, _) => {
                return Err(ApiError::refused(
                    "Only a payout that is pending, or one that was paid and then fails, can be settled.",
                ));
            }
        };
        self.put(Change::Payout(payout.clone()));
        self.emit(kind, payout.json());
        Ok(payout.json())
    }

    /// An entry of another's making.
    pub(super) fn add_entry(&mut self, terms: &EntryTerms) -> Answered {
        let currency = terms.currency.clone().unwrap_or_else(|| USD.to_owned());
        let kind = terms.r#type.clone().unwrap_or_else(|| String::from("adjustment"));
        let id =
            self.record_other(terms.amount, terms.fee, &kind, &currency, terms.source.as_deref());
        Ok(self.world.balance.get(&id).map_or(Value::Null, super::rows::BalanceTransaction::json))
    }

    /// `GET /v1/balance_transactions`: by source, type or payout. Only a payout of the schedule
    /// names its entries.
    pub(super) fn list_balance(&self, url: &str, form: &Form) -> Answered {
        if let Some(id) = form.get("payout") {
            let payout = self
                .world
                .payouts
                .get(id)
                .ok_or_else(|| ApiError::no_such(404, "payout", "payout", id))?;
            if !payout.automatic {
                return Err(ApiError::invalid(
                    "payout",
                    "Balance transaction history can only be filtered on automatic transfers, not manual.",
                ));
            }
        }
        page(&self.world.balance, url, form, &["source", "type", "payout"], |it| it.json())
    }
}

/// `GET /v1/balance`. Everything is available at once.
pub(super) fn balance(world: &World) -> Value {
    let mut sums: BTreeMap<&str, i64> = BTreeMap::from([(USD, 0)]);
    for entry in world.balance.iter() {
        *sums.entry(&entry.currency).or_default() += entry.net;
    }
    let amount = |(currency, amount): (&&str, i64)| json!({"amount": amount, "currency": currency, "source_types": {"card": amount}});
    let available: Vec<Value> =
        sums.iter().map(|(currency, sum)| amount((currency, *sum))).collect();
    let pending: Vec<Value> = sums.keys().map(|currency| amount((currency, 0))).collect();
    json!({"object": "balance", "available": available, "livemode": false, "pending": pending})
}

const USD: &str = "usd";
