//! The tables, and the one way to change them: a transaction whose changes are one record of the
//! log.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::payouts::Payout;
use super::rows::{
    BalanceTransaction, Charge, Delivery, DeliveryState, Dispute, Event, FraudWarning, Intent,
    Refund, Settings, Stored, Token,
};

/// The version that events are written in.
pub(super) const EVENT_API_VERSION: &str = "2026-07-29.preview";

/// Rows by id, in the order in which they were made.
pub(super) struct Table<T> {
    rows: Vec<T>,
    at: HashMap<String, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), at: HashMap::new() }
    }
}

impl<T> Table<T> {
    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.at.get(id).and_then(|at| self.rows.get(*at))
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.rows.iter()
    }

    fn put(&mut self, id: String, row: T) {
        match self.at.get(&id) {
            Some(at) => self.rows[*at] = row,
            None => {
                self.at.insert(id, self.rows.len());
                self.rows.push(row);
            }
        }
    }
}

/// A row as it is from now on, or another fact. A record of the log is a list of these.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Change {
    Began { seed: String },
    Ids(u64),
    Token(Token),
    Intent(Intent),
    Charge(Charge),
    Refund(Refund),
    Dispute(Dispute),
    FraudWarning(FraudWarning),
    BalanceTransaction(BalanceTransaction),
    Payout(Payout),
    Event(Event),
    Delivery(Delivery),
    Stored(Stored),
    Settings(Settings),
    Reset,
}

/// Everything that the emulator knows.
#[derive(Default)]
pub(super) struct World {
    seed: String,
    ids: u64,
    pub tokens: Table<Token>,
    pub intents: Table<Intent>,
    pub charges: Table<Charge>,
    pub refunds: Table<Refund>,
    pub disputes: Table<Dispute>,
    pub fraud_warnings: Table<FraudWarning>,
    pub balance: Table<BalanceTransaction>,
    pub payouts: Table<Payout>,
    pub events: Table<Event>,
    pub deliveries: Table<Delivery>,
    pub stored: Table<Stored>,
    pub settings: Settings,
    /// Charges on which a dispute will open by itself.
    pub awaiting_dispute: BTreeSet<String>,
}

impl World {
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Began { seed } => self.seed = seed,
            Change::Ids(ids) => self.ids = ids,
            Change::Token(row) => self.tokens.put(row.id.clone(), row),
            Change::Intent(row) => self.intents.put(row.id.clone(), row),
            Change::Charge(row) => {
                match row.disputes_at_unix_s {
                    Some(_) => self.awaiting_dispute.insert(row.id.clone()),
                    None => self.awaiting_dispute.remove(&row.id),
                };
                self.charges.put(row.id.clone(), row);
            }
            Change::Refund(row) => self.refunds.put(row.id.clone(), row),
            Change::Dispute(row) => self.disputes.put(row.id.clone(), row),
            Change::FraudWarning(row) => self.fraud_warnings.put(row.id.clone(), row),
            Change::BalanceTransaction(row) => self.balance.put(row.id.clone(), row),
            Change::Payout(row) => self.payouts.put(row.id.clone(), row),
            Change::Event(row) => self.events.put(row.id.clone(), row),
            Change::Delivery(row) => self.deliveries.put(row.id.clone(), row),
            Change::Stored(row) => self.stored.put(row.key.clone(), row),
            Change::Settings(settings) => self.settings = settings,
            Change::Reset => {
                let (seed, ids) = (std::mem::take(&mut self.seed), self.ids);
                let settings = Settings {
                    webhook_url: self.settings.webhook_url.take(),
                    ..Settings::default()
                };
                *self = Self { seed, ids, settings, ..Self::default() };
            }
        }
    }
}

/// A piece of work on the world. What it puts is seen at once, and stored as one record.
pub(super) struct Tx<'w> {
    pub world: &'w mut World,
    /// The emulator's time.
    pub now_unix_s: u64,
    /// The idempotency key of the request, for the events it causes.
    pub idempotency_key: Option<String>,
    changes: Vec<Change>,
}

impl<'w> Tx<'w> {
    pub(super) fn new(
        world: &'w mut World,
        now_unix_s: u64,
        idempotency_key: Option<String>,
    ) -> Self {
        Self { world, now_unix_s, idempotency_key, changes: Vec::new() }
    }

    pub(super) fn put(&mut self, change: Change) {
        self.world.apply(change.clone());
        self.changes.push(change);
    }

    /// A new id of the kind `prefix`.
    pub(super) fn id(&mut self, prefix: &str) -> String {
        let ids = self.world.ids.saturating_add(1);
        self.world.ids = ids;
        let digest = Sha256::digest(format!("{}\0{ids}", self.world.seed));
        format!("{prefix}_{}", hex::encode(&digest[..12]))
    }

    /// Notes that something happened, for the webhook's target if there is one.
    pub(super) fn emit(&mut self, kind: &str, object: Value) {
        let id = self.id("evt");
        let target = self.world.settings.webhook_url.is_some();
        let body = self.event_body(&id, kind, &object, target);
        let event = Event {
            id: id.clone(),
            created_unix_s: self.now_unix_s,
            kind: kind.to_owned(),
            body: body.to_string(),
        };
        self.put(Change::Event(event));
        if target {
            self.deliver(id, None, false);
        }
    }

    /// Sends an event once more.
    pub(super) fn deliver(
        &mut self,
        event: String,
        signed_at_unix_s: Option<u64>,
        wrong_signature: bool,
    ) {
        let id = self.id("whd");
        let (attempts, state, last_status) = (0, DeliveryState::Waiting, None);
        self.put(Change::Delivery(Delivery {
            id,
            event,
            attempts,
            state,
            last_status,
            signed_at_unix_s,
            wrong_signature,
        }));
    }

    /// What is to be stored; empty if nothing changed.
    pub(super) fn into_changes(mut self) -> Vec<Change> {
        if !self.changes.is_empty() {
            self.changes.push(Change::Ids(self.world.ids));
        }
        self.changes
    }
}
