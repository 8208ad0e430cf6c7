//! The end of a payment whose outcome nobody knows, as an operator found it out.

use payments::{
    checkout::{Resolution, ResolveRefusal, ResolvedAs, ResultName, resolve},
    ids::PaymentId,
};
use serde_json::{Value, json};

use super::{
    Desk, Refusal,
    fields::{Change, Fields},
};

/// What was found out: `outcome`, and beside `done` the result's name in `result`, or
/// `without_result`.
///
/// # Errors
/// 400.
pub(in crate::operator) fn found(fields: &Fields) -> Result<ResolvedAs, Refusal> {
    let done = fields.must("outcome", "done or not_done", |text| match text {
        "done" => Some(true),
        "not_done" => Some(false),
        _ => None,
    })?;
    let without = fields.flag("without_result")?;
    match (done, fields.text("result"), without) {
        (true, Some(_), false) => Ok(ResolvedAs::Done(Some(fields.must(
            "result",
            ResultName::EXPECTED,
            ResultName::parse,
        )?))),
        (true, None, true) => Ok(ResolvedAs::Done(None)),
        (true, None, false) => Err(Refusal::wrong(
            "result",
            "the upstream's name of the result, or without_result",
            "nothing",
        )),
        (true, Some(given), true) => {
            Err(Refusal::wrong("result", "nothing beside without_result", &given))
        }
        (false, Some(given), _) => Err(Refusal::wrong("result", "nothing beside not_done", &given)),
        (false, None, true) => {
            Err(Refusal::wrong("without_result", "nothing beside not_done", "true"))
        }
        (false, None, false) => Ok(ResolvedAs::NotDone),
    }
}

/// Ends it.
pub(in crate::operator) async fn end(
    desk: &Desk,
    id: PaymentId,
    found: ResolvedAs,
    change: &Change,
) -> Result<Value, Refusal> {
    let outcome = found.word();
    let asked = Resolution {
        id,
        found,
        reason: change.reason.clone(),
        via: change.via,
        at: desk.clock.now(),
        dry_run: change.dry_run,
    };
    let intent =
        resolve(&*desk.books, &*desk.desk, desk.resolving, asked).await.map_err(|refusal| {
            match refusal {
                ResolveRefusal::Unknown => super::unknown(id),
                ResolveRefusal::Finished(_)
                | ResolveRefusal::NotSent(_)
                | ResolveRefusal::UnderWay { .. }
                | ResolveRefusal::Driven => Refusal::conflict(format!("{id}: {refusal}")),
                ResolveRefusal::Transition(error) => Refusal::fault(&error),
                ResolveRefusal::Books(error) => error.into(),
            }
        })?;
    desk.accounts().forget(&intent.payer, change.dry_run).await;
    Ok(json!({
        "payment_id": id.to_string(),
        "state": intent.state.word(),
        "outcome": outcome,
        "result_id": intent.launch_id.filter(|name| !name.is_empty()),
        "reason": change.reason,
        "dry_run": change.dry_run,
    }))
}
