//! What is shown of a payment, of the accounts and of a comparison, beside the rows of lists: the
//! same for the page, the API and commands.

use payments::{
    agent::Payer,
    ports::{
        AccountBlock, BooksError, DisputeNote, Evidence, Found, HolderRow, JournalLine, PaidBack,
        RefundApproval, UsdcRefund,
        desk::{DeskBooks, Dossier, Overview},
    },
    reconcile::Report,
    settlement::GasSpent,
    time::UnixMs,
};
use serde_json::{Map, Value, json};

use crate::gateway::story;

/// A payment: what the list shows, its evidence, and everything that was tried, asked and done
/// about it. No byte of the body, nothing sealed and no signature.
pub fn payment(evidence: &Evidence, dossier: &Dossier, link: Option<&str>) -> Value {
    let intent = &evidence.intent;
    let mut all = json!(dossier);
    let story = story::of_payment(evidence);
    let more = [
        ("link", json!(link)),
        ("timeline", story["timeline"].clone()),
        ("next", story["next"].clone()),
        (
            "request",
            json!({
                "route": intent.request.route,
                "path_and_query": intent.request.path_and_query,
                "content_type": intent.request.content_type,
                "body_bytes": intent.request.body.len(),
            }),
        ),
        ("answer_status", json!(intent.answer.as_ref().map(|answer| answer.status))),
        ("delivered", json!(intent.delivered)),
        ("journal", json!(evidence.journal)),
        ("owed", json!(evidence.obligation)),
        ("entitled_until", json!(intent.entitled_until.map(UnixMs::rfc3339))),
        ("findings", json!(evidence.findings)),
    ];
    for (name, value) in more {
        all[name] = value;
    }
    all
}

/// The figures of the first page; without what these payers had.
///
/// # Errors
/// [`BooksError`].
pub async fn overview(
    desk: &dyn DeskBooks,
    now: UnixMs,
    without: &[Payer],
) -> Result<Overview, BooksError> {
    let all = desk.overview(now).await?;
    if without.is_empty() { Ok(all) } else { Ok(all.without(&desk.days_of(without, now).await?)) }
}

/// The trial balance: every account, the sum of each currency, and the gas beside them, which is
/// paid in the chain's own coin.
pub fn balance(lines: &[JournalLine], gas: &GasSpent) -> Value {
    let accounts: Vec<_> =
        lines.iter().map(|line| json!({"account": line.account, "currency": line.currency, "balance_minor": line.amount})).collect();
    let sums = JournalLine::sums(lines);
    // A sum that no book can hold is shown as text.
    let number = |sum: &i128| {
        i64::try_from(*sum).map_or_else(|_| Value::String(sum.to_string()), Value::from)
    };
    let sum_minor: Map<_, _> =
        sums.iter().map(|(currency, sum)| ((*currency).to_owned(), number(sum))).collect();
    json!({
        "accounts": accounts,
        "sum_minor": sum_minor,
        "balanced": sums.values().all(|sum| *sum == 0),
        "gas_wei": {"settled": gas.settled_wei.to_string(), "lost": gas.lost_wei.to_string(), "void": gas.void_wei.to_string(),
            "refunds": gas.refunds_wei.to_string()},
    })
}

/// A dispute, as the card processor told it last.
pub fn dispute(note: &DisputeNote) -> Value {
    json!({
        "dispute_id": note.id, "payment_id": note.payment, "payer": note.payer, "amount_cents": note.amount_cents, "state": note.state,
        "status": note.status, "reason": note.reason, "due_by": note.due_by.map(UnixMs::rfc3339), "opened_at": note.opened_at.rfc3339(),
    })
}

/// Why an account is refused what costs money.
pub fn block(block: &AccountBlock) -> Value {
    json!({
        "payer": block.payer.to_string(), "cause": block.cause, "reference": block.reference, "payment_id": block.payment,
        "detail": block.detail, "since": block.since.rfc3339(),
    })
}

/// Who holds the tokens of an account; no token and no hash of one.
pub fn holders(payer: &Payer, found: &[HolderRow], frozen: Option<UnixMs>) -> Value {
    let one = |row: &HolderRow| {
        json!({
            "holder": row.holder.id.to_string(), "reach": row.holder.reach.word(), "rotation": row.holder.rotation,
            "payments": row.payments, "since": row.since.rfc3339(), "revoked_at": row.revoked_at.map(UnixMs::rfc3339),
        })
    };
    json!({
        "payer": payer.to_string(), "frozen_since": frozen.map(UnixMs::rfc3339), "rows": found.iter().map(one).collect::<Vec<_>>(),
    })
}

/// What a comparison with the world showed.
pub fn report(report: &Report, dry_run: bool) -> Value {
    let difference = |found: &Found| json!({"kind": found.kind.word(), "key": found.key, "source": found.source, "detail": found.detail});
    json!({
        "run": report.id.to_string(),
        "scope": report.scope,
        "dry_run": dry_run,
        "started_at": report.started.rfc3339(),
        "ended_at": report.ended.rfc3339(),
        "sources": report.sources,
        "opened": report.opened,
        "closed": report.closed,
        "differences": report.differences.iter().map(difference).collect::<Vec<_>>(),
    })
}

/// A debt that a transfer paid, as commands and the API show it.
pub fn paid_back(paid: &PaidBack) -> Value {
    json!({
        "payment_id": paid.owed.id.to_string(),
        "payer": format!("wallet:{}", paid.owed.wallet),
        "amount_minor": paid.owed.amount.get(),
        "currency": "USDC",
        "state": "refunded",
        "tx_hash": paid.transfer.place.tx_hash.to_string(),
        "from": paid.transfer.from.to_string(),
        "reason": paid.reason,
        "dry_run": paid.dry_run,
    })
}

/// A refund in USDC that was approved, as commands and the API show it.
pub fn usdc_refund(refund: &UsdcRefund, approval: &RefundApproval) -> Value {
    let signed = refund.attempts.last();
    json!({
        "payment_id": refund.owed.to_string(),
        "payer": format!("wallet:{}", refund.to),
        "amount_minor": refund.amount.get(),
        "currency": "USDC",
        "state": refund.state.word(),
        "tx_hash": signed.map(|signed| signed.tx_hash.to_string()),
        "from": refund.from.to_string(),
        "nonce": signed.map(|signed| signed.eoa_nonce),
        "reason": approval.reason,
        "dry_run": approval.dry_run,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(account: &str, currency: &str, amount: i64) -> JournalLine {
        JournalLine {
            txn_id: String::new(),
            account: account.to_owned(),
            currency: currency.to_owned(),
            amount,
        }
    }

    #[test]
    fn accounts_balance_in_every_currency_by_itself() {
        let even = [line("asset:usdc_hot", "USDC", 550_000), line("rev:launch", "USDC", -550_000)];
        assert_eq!(balance(&even, &GasSpent::default())["balanced"], true);
        let odd = [line("a", "USD", 5), line("b", "USDC", -5)];
        let shown = balance(&odd, &GasSpent::default());
        assert_eq!(
            (&shown["balanced"], &shown["sum_minor"]),
            (&json!(false), &json!({"USD": 5, "USDC": -5}))
        );
    }
}
