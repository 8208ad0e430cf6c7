//! What an operator may do. Each action wants a reason and is in the list of actions before, or in
//! the same commit as, what it does; what the books refuse changes nothing. The page and the API
//! call the same functions.

pub(super) mod accounts;
pub(super) mod api;
pub(super) mod fields;
pub(super) mod payout;
pub(super) mod refunds;
pub(super) mod resolve;
pub mod way;

use payments::{
    ids::PaymentId,
    ports::{CloseFinding, CloseRefusal, FindingKind, desk::NewAction},
    reconcile::{self, RunError, Scope},
};
use serde_json::{Value, json};

use super::{Desk, answer::Refusal, shape};
use fields::Change;

/// How often a turn that another comparison has is asked for again, and how many times.
const ASK_EVERY_MS: u64 = 250;
const ASK_TIMES: u32 = 240;

/// Has a payment that is not finished looked at again now, whoever drives it.
pub(super) async fn recheck(desk: &Desk, id: PaymentId, change: &Change) -> Result<Value, Refusal> {
    let intent = desk.books.intent(id).await?.ok_or_else(|| unknown(id))?;
    let state = intent.state.word();
    if intent.state.is_terminal() {
        return Err(Refusal::conflict(format!("{id} is finished: {state}")));
    }
    if !change.dry_run {
        note(desk, "payment.recheck", id.to_string(), change).await?;
        desk.drives.again(&intent).await?;
    }
    Ok(
        json!({"payment_id": id.to_string(), "state": state, "reason": change.reason, "dry_run": change.dry_run}),
    )
}

/// Closes a finding that was looked at.
pub(super) async fn close(
    desk: &Desk,
    kind: FindingKind,
    key: String,
    change: &Change,
) -> Result<Value, Refusal> {
    let close = CloseFinding {
        kind,
        key,
        reason: change.reason.clone(),
        via: change.via,
        at: desk.clock.now(),
        dry_run: change.dry_run,
    };
    let about = format!("{} {}", kind.word(), close.key);
    desk.findings.close_finding(&close).await.map_err(|refusal| match refusal {
        CloseRefusal::Unknown => Refusal::not_found(format!("{about}: {refusal}")),
        CloseRefusal::Closed | CloseRefusal::ByItselfOnly => {
            Refusal::conflict(format!("{about}: {refusal}"))
        }
        CloseRefusal::Books(error) => error.into(),
    })?;
    Ok(json!({
        "kind": kind.word(), "key": close.key, "closed_at": close.at.rfc3339(), "reason": change.reason, "dry_run": change.dry_run,
    }))
}

/// Compares the books with the world. A comparison that is under way is waited for; once begun, it
/// goes on though nobody waits for its report.
pub(super) async fn compare(desk: &Desk, scope: Scope, change: &Change) -> Result<Value, Refusal> {
    let dry_run = change.dry_run;
    if !dry_run {
        note(desk, "reconcile.run", scope.word().to_owned(), change).await?;
    }
    let parts = desk.reconciler.clone();
    let run = tokio::spawn(async move {
        for _ in 0..ASK_TIMES {
            match reconcile::run(&parts, scope, dry_run).await {
                Err(RunError::Busy) => parts.clock.sleep_ms(ASK_EVERY_MS).await,
                ended => return ended,
            }
        }
        Err(RunError::Busy)
    });
    match run.await {
        Ok(Ok(report)) => Ok(shape::report(&report, dry_run)),
        Ok(Err(RunError::Busy)) => Err(Refusal::conflict(RunError::Busy.to_string())),
        Ok(Err(error)) => Err(Refusal::fault(&error)),
        Err(error) => Err(Refusal::fault(&error)),
    }
}

fn unknown(id: PaymentId) -> Refusal {
    Refusal::not_found(format!("there is no payment {id}"))
}

/// Notes an action that no other row keeps, before it is done.
async fn note(
    desk: &Desk,
    action: &'static str,
    subject: String,
    change: &Change,
) -> Result<(), Refusal> {
    let new = NewAction {
        at: desk.clock.now(),
        action,
        subject,
        reason: change.reason.clone(),
        via: change.via,
    };
    Ok(desk.desk.note_action(&new).await?)
}
