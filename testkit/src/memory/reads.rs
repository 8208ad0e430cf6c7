//! What agents and operators ask, in memory.

use std::collections::BTreeMap;

use super::{audit::minor, tables::Tables};
use payments::{
    agent::Payer,
    free_quota::QuotaWindow,
    ids::PaymentId,
    intent::{Intent, State},
    ledger::Posting,
    obligation::ObligationState,
    ports::{Evidence, IntentSummary, JournalLine, LedgerPage, ObligationRow, Usage},
    settlement::{AttemptKind, GasSpent},
    time::Month,
};

pub(super) fn usage(
    tables: &Tables,
    payer: &Payer,
    month: Month,
    free: Option<&QuotaWindow>,
) -> Usage {
    let slots = tables
        .slots
        .keys()
        .filter(|(wallet, of, _)| Payer::Wallet(*wallet) == *payer && Some(of) == free);
    let created = |intent: &&Intent| {
        intent.payer == *payer
            && intent.state == State::Created
            && intent.created_at.month() == month
    };
    let open = tables
        .obligations
        .iter()
        .filter(|(_, owed)| owed.payer == *payer && owed.state == ObligationState::Open);
    Usage {
        free_used: slots.count().try_into().unwrap_or(u32::MAX),
        launches: tables
            .intents
            .values()
            .map(|row| &row.intent)
            .filter(created)
            .count()
            .try_into()
            .unwrap_or(u32::MAX),
        entitlements: open.map(|(id, owed)| super::claim::entitlement(tables, *id, owed)).collect(),
        lost_settlement: super::finality::lost_of(tables, payer),
    }
}

pub(super) fn intents(tables: &Tables, page: &LedgerPage) -> Vec<IntentSummary> {
    let wanted = |intent: &&Intent| {
        page.before.is_none_or(|before| intent.id < before)
            && page.payer.as_ref().is_none_or(|payer| intent.payer == *payer)
            && page.state.as_ref().is_none_or(|state| intent.state.word() == state)
    };
    let newest_first = tables.intents.values().rev().map(|row| &row.intent);
    newest_first.filter(wanted).take(page.limit as usize).map(summary).collect()
}

pub(super) fn evidence(tables: &Tables, id: PaymentId) -> Option<Evidence> {
    let intent = tables.intents.get(&id)?.intent.clone();
    let timeline = tables
        .timeline
        .iter()
        .filter(|(of, _, _)| *of == id)
        .map(|(_, state, at)| (state.word().to_owned(), *at))
        .collect();
    let journal =
        tables.postings.iter().filter(|posting| posting.intent() == id).flat_map(lines).collect();
    let obligation = tables.obligations.get(&id).map(|owed| ObligationRow {
        intent_id: id.to_string(),
        part_of: owed.part_of.map(|id| id.to_string()),
        payer: owed.payer.to_string(),
        amount_minor: minor(owed.amount),
        currency: owed.amount.currency().to_owned(),
        state: owed.state.word().to_owned(),
    });
    let findings = super::finality::findings(tables, id);
    Some(Evidence { intent, timeline, journal, obligation, findings })
}

pub(super) fn trial_balance(tables: &Tables) -> Vec<JournalLine> {
    let mut sums: BTreeMap<(String, String), i64> = BTreeMap::new();
    for line in tables.postings.iter().flat_map(lines) {
        *sums.entry((line.currency, line.account)).or_default() += line.amount;
    }
    sums.into_iter()
        .map(|((currency, account), amount)| JournalLine {
            txn_id: String::new(),
            account,
            currency,
            amount,
        })
        .collect()
}

pub(super) fn gas_spent(tables: &Tables) -> GasSpent {
    let mut spent = GasSpent::default();
    for intent in tables.intents.values().map(|row| &row.intent) {
        for attempt in &intent.attempts {
            let settled =
                intent.transfer_proof().is_some_and(|proof| proof.tx_hash == attempt.tx_hash);
            *match (attempt.kind, settled) {
                (AttemptKind::Void, _) => &mut spent.void_wei,
                (AttemptKind::Transfer, true) => &mut spent.settled_wei,
                (AttemptKind::Transfer, false) => &mut spent.lost_wei,
            } += attempt.fee_wei.unwrap_or(0);
        }
    }
    let filled = tables.fills.iter().filter_map(|(_, fill)| fill.fee_wei);
    spent.void_wei = filled.fold(spent.void_wei, u128::saturating_add);
    spent
}

fn lines(posting: &Posting) -> impl Iterator<Item = JournalLine> + '_ {
    posting.lines().iter().map(|line| JournalLine {
        txn_id: posting.txn_id().to_owned(),
        account: line.account.to_string(),
        currency: line.currency.to_owned(),
        amount: line.amount_minor,
    })
}

fn summary(intent: &Intent) -> IntentSummary {
    IntentSummary {
        id: intent.id.to_string(),
        payer: intent.payer.to_string(),
        rail: intent.protocol.rail().to_owned(),
        funding: intent.funding.word().to_owned(),
        state: intent.state.word().to_owned(),
        price_minor: minor(intent.price),
        currency: intent.price.currency().to_owned(),
        launch_id: intent.launch_id.clone(),
        tx_hash: intent.transfer_proof().map(|proof| proof.tx_hash.to_string()),
        created_at: intent.created_at.rfc3339(),
        updated_at: intent.updated_at.rfc3339(),
    }
}
