//! What the books hold of a payment beside its states and its journal: the proof, charges, money
//! back, requests, what operators did.

use payments::{ports::desk::Dossier, time::UnixMs};

use super::{
    lists::{actions_table, requests_table},
    tables::seconds,
};
use crate::cli::output::{money, table};

/// A table for everything that there is.
pub(super) fn tables(dossier: &Dossier) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut tables = vec![table(&["proof", ""], proof(dossier))];
    let charges: Vec<_> =
        dossier.attempts.iter().filter(|attempt| attempt.stripe_key.is_some()).collect();
    if !charges.is_empty() {
        let rows = charges
            .into_iter()
            .map(|it| vec![seconds(&it.saved_at), it.kind.clone(), text(&it.stripe_key)]);
        tables.push(table(&["charge (UTC)", "kind", "idempotency key"], rows.collect()));
    }
    if let Some(refund) = &dossier.refund {
        let amount = money(refund.amount_minor, &refund.currency);
        let (approved, updated) = (seconds(&refund.approved_at), seconds(&refund.updated_at));
        let row = vec![
            amount,
            refund.state.clone(),
            approved,
            updated,
            refund.payment_intent.clone(),
            refund.reason.clone(),
        ];
        tables.push(table(
            &[">refund", "state", "approved (UTC)", "changed (UTC)", "payment intent", "reason"],
            vec![row],
        ));
    }
    if !dossier.disputes.is_empty() {
        let rows = dossier.disputes.iter().map(|it| {
            let closed = it.closed_at.as_deref().map(seconds).unwrap_or_default();
            let due = it.due_by.as_deref().map(seconds).unwrap_or_default();
            let reason = it.reason.clone().unwrap_or_default();
            vec![
                it.dispute_id.clone(),
                money(it.amount_cents, "USD"),
                it.state.clone(),
                reason,
                due,
                seconds(&it.opened_at),
                closed,
            ]
        });
        tables.push(table(
            &[
                "dispute",
                ">amount",
                "state",
                "reason",
                "answer by (UTC)",
                "opened (UTC)",
                "closed (UTC)",
            ],
            rows.collect(),
        ));
    }
    if !dossier.requests.is_empty() {
        tables.push(requests_table(&dossier.requests));
    }
    if !dossier.actions.is_empty() {
        tables.push(actions_table(&dossier.actions));
    }
    tables
}

fn proof(dossier: &Dossier) -> Vec<Vec<String>> {
    let until = dossier.valid_before_unix_s.map(|unix_s| UnixMs::from_s(unix_s).rfc3339_s());
    let is_final =
        dossier.is_final.map(|is_final| if is_final { "yes" } else { "not yet" }.to_owned());
    let joined = (!dossier.joined.is_empty()).then(|| dossier.joined.join(", "));
    [
        ("request's SHA-256", Some(dossier.fingerprint.clone())),
        ("idempotency key", dossier.idempotency_key.clone()),
        ("from", dossier.from_addr.clone()),
        ("to", dossier.pay_to.clone()),
        ("nonce", dossier.nonce.clone()),
        ("valid before", until),
        ("challenge", dossier.challenge_id.clone()),
        ("block", dossier.block_hash.clone()),
        ("final", is_final),
        ("other proofs for it", joined),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(vec![name.to_owned(), value?]))
    .collect()
}
