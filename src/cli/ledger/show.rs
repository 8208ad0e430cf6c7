//! `turnpike ledger show`: one payment from its first moment to its last line in the journal.

use payments::{
    ids::PaymentId,
    intent::Intent,
    ports::Evidence,
    settlement::{Attempt, PaymentFailure, Settlement},
    time::UnixMs,
};
use serde_json::{Value, json};

use super::{dossier, tables::journal_table, unreadable};
use crate::{
    app::Beside,
    cli::{
        exit::{Exit, Failure},
        output::{self, Format, money, table},
    },
};

pub(super) async fn run(beside: &Beside, id: PaymentId, format: Format) -> Result<Exit, Failure> {
    let unknown = || Failure::new(Exit::NotFound, format!("there is no payment {id}"));
    let evidence = beside.books.evidence(id).await.map_err(unreadable)?.ok_or_else(unknown)?;
    let dossier = beside.desk.dossier(id).await.map_err(unreadable)?.ok_or_else(unknown)?;
    match format {
        Format::Json => {
            let mut value = as_json(&evidence);
            value["dossier"] = json!(dossier);
            output::json(&value);
        }
        Format::Readable => {
            output::line(&as_text(&evidence));
            dossier::tables(&dossier).iter().for_each(|table| output::line(table));
        }
    }
    Ok(Exit::Done)
}

fn as_json(evidence: &Evidence) -> Value {
    let intent = &evidence.intent;
    let timeline: Vec<_> = evidence
        .timeline
        .iter()
        .map(|(state, at)| json!({"state": state, "at": at.rfc3339()}))
        .collect();
    json!({
        "payment_id": intent.id.to_string(),
        "payer": intent.payer.to_string(),
        "state": intent.state.word(),
        "funding": intent.funding.word(),
        "price": intent.price.to_string(),
        "route": intent.request.route,
        "path_and_query": intent.request.path_and_query,
        "launch_id": intent.launch_id,
        "failure": intent.failure.as_ref().map(PaymentFailure::word),
        "answer_status": intent.answer.as_ref().map(|answer| answer.status),
        "delivered": intent.delivered,
        "created_at": intent.created_at.rfc3339(),
        "updated_at": intent.updated_at.rfc3339(),
        "timeline": timeline,
        "attempts": intent.attempts.iter().map(attempt_json).collect::<Vec<_>>(),
        "settlement": intent.settlement.as_ref().map(settlement_json),
        "journal": evidence.journal,
        "obligation": evidence.obligation,
        "findings": evidence.findings,
        "entitled_until": intent.entitled_until.map(UnixMs::rfc3339),
    })
}

fn attempt_json(attempt: &Attempt) -> Value {
    json!({
        "kind": attempt.kind.word(),
        "tx_hash": attempt.tx_hash.to_string(),
        "signer": attempt.signer.to_string(),
        "eoa_nonce": attempt.eoa_nonce,
        "max_fee_per_gas_wei": attempt.max_fee_per_gas_wei.to_string(),
        "fee_wei": attempt.fee_wei.map(|wei| wei.to_string()),
        "saved_at": attempt.saved_at.rfc3339(),
    })
}

fn settlement_json(settlement: &Settlement) -> Value {
    match settlement {
        Settlement::Transfer(proof) => json!({
            "tx_hash": proof.tx_hash.to_string(),
            "block_number": proof.block_number,
            "block_hash": proof.block_hash.to_string(),
            "log_index": proof.log_index,
            "fee_wei": proof.fee_wei.to_string(),
        }),
        Settlement::Charge(proof) => json!({
            "payment_intent": proof.payment_intent,
            "charge": proof.charge,
            "livemode": proof.livemode,
        }),
    }
}

fn settlement_table(settlement: &Settlement) -> String {
    match settlement {
        Settlement::Transfer(proof) => {
            let place = format!("block {}, log {}", proof.block_number, proof.log_index);
            let row = vec![proof.tx_hash.to_string(), place, proof.fee_wei.to_string()];
            table(&["settled by", "where", "gas paid (wei)"], vec![row])
        }
        Settlement::Charge(proof) => {
            let row = vec![proof.payment_intent.clone(), proof.charge.clone().unwrap_or_default()];
            table(&["settled by", "charge"], vec![row])
        }
    }
}

fn as_text(evidence: &Evidence) -> String {
    let intent = &evidence.intent;
    let mut parts = vec![table(&["payment", &intent.id.to_string()], facts(intent))];
    let timeline =
        evidence.timeline.iter().map(|(state, at)| vec![at.rfc3339(), state.clone()]).collect();
    parts.push(table(&["timeline (UTC)", "state"], timeline));
    if !intent.attempts.is_empty() {
        let rows = intent.attempts.iter().map(|attempt| {
            let nonce = attempt.eoa_nonce.to_string();
            let gas = attempt.fee_wei.map(|wei| wei.to_string()).unwrap_or_default();
            vec![
                attempt.saved_at.rfc3339(),
                attempt.kind.word().to_owned(),
                nonce,
                attempt.tx_hash.to_string(),
                gas,
            ]
        });
        parts.push(table(
            &["attempt (UTC)", "kind", ">nonce", "transaction", ">gas paid (wei)"],
            rows.collect(),
        ));
    }
    parts.extend(intent.settlement.as_ref().map(settlement_table));
    if !evidence.findings.is_empty() {
        let rows = evidence.findings.iter().map(|finding| {
            let closed = finding.closed_at.clone().unwrap_or_else(|| String::from("open"));
            vec![finding.kind.clone(), finding.detail.clone(), finding.opened_at.clone(), closed]
        });
        parts.push(table(&["finding", "what", "opened (UTC)", "closed (UTC)"], rows.collect()));
    }
    if !evidence.journal.is_empty() {
        parts.push(journal_table(&evidence.journal));
    }
    if let Some(owed) = &evidence.obligation {
        let until = intent.entitled_until.map(UnixMs::rfc3339).unwrap_or_default();
        parts.push(table(
            &["owed", "state", "until (UTC)", "part of"],
            vec![vec![
                money(owed.amount_minor, &owed.currency),
                owed.state.clone(),
                until,
                owed.part_of.clone().unwrap_or_default(),
            ]],
        ));
    }
    parts.join("\n")
}

fn facts(intent: &Intent) -> Vec<Vec<String>> {
    let answer = intent.answer.as_ref().map(|answer| answer.status.to_string()).unwrap_or_default();
    [
        ("payer", intent.payer.to_string()),
        ("request", intent.request.route.clone()),
        ("state", intent.state.word().to_owned()),
        ("funding", intent.funding.word().to_owned()),
        ("price", intent.price.to_string()),
        (
            "failure",
            intent.failure.as_ref().map(PaymentFailure::word).unwrap_or_default().to_owned(),
        ),
        ("launch", intent.launch_id.clone().unwrap_or_default()),
        ("answer", answer),
        ("delivered", if intent.delivered { "yes" } else { "no" }.to_owned()),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| vec![name.to_owned(), value])
    .collect()
}
