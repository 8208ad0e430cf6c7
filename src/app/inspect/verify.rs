//! `turnpike verify`: whether the books agree with themselves and with the chain.

use payments::{
    ports::{Books, RailError},
    settlement::Settlement,
};

use super::{
    super::{error::AppError, money::rail_beside, stores},
    finding::{Finding, trial_balance, why},
};
use crate::{
    books::{Agreement, BookedSettlement},
    config::Config,
    rails::base::BaseRail,
};

const INVESTIGATE: &str =
    "`turnpike explain <payment id>` tells each story; book a correction, never change a row";
/// The most differences that one line names.
const MAX_NAMED: usize = 20;

/// Every rule of the books, then every settlement on the chain.
///
/// # Errors
/// The books cannot be read.
pub async fn verify(config: &Config) -> Result<Vec<Finding>, AppError> {
    let store = stores::beside(config).await?;
    let mut findings: Vec<Finding> =
        store.inspect.agreements().await?.into_iter().map(finding).collect();
    findings.push(trial_balance(&*store.books).await);
    findings.push(on_chain(config, &*store.books, &store.inspect.settlements().await?).await?);
    Ok(findings)
}

fn finding(agreement: Agreement) -> Finding {
    if agreement.differences.is_empty() {
        Finding::ok(agreement.check, agreement.holds)
    } else {
        Finding::fail(agreement.check, agreement.differences.join("; "), INVESTIGATE)
    }
}

/// A node that does not answer is no difference, and is said.
async fn on_chain(
    config: &Config,
    books: &dyn Books,
    booked: &[BookedSettlement],
) -> Result<Finding, AppError> {
    const CHECK: &str = "settlements_on_chain";
    if booked.is_empty() {
        return Ok(Finding::ok(CHECK, "no settlement is booked"));
    }
    let unchecked = |why: String| {
        let says = format!("could not check {} settlements: {why}", booked.len());
        Finding::warn(CHECK, says, "run it again while the chain answers")
    };
    let rail = match rail_beside(config) {
        Ok(Some(rail)) => rail,
        Ok(None) => return Ok(unchecked(String::from("this sandbox was never started"))),
        Err(error) => return Ok(unchecked(why(&error))),
    };
    let mut differences = Vec::new();
    for settlement in booked {
        match stands(books, &rail, &settlement.intent_id).await {
            Ok(true) => {}
            Ok(false) => differences
                .push(format!("{} is not settled by {}", settlement.intent_id, settlement.tx_hash)),
            Err(error) => return Ok(unchecked(why(&error))),
        }
    }
    if differences.is_empty() {
        return Ok(Finding::ok(
            CHECK,
            format!("{} settlements stand where they are booked", booked.len()),
        ));
    }
    let more = differences.len().saturating_sub(MAX_NAMED);
    differences.truncate(MAX_NAMED);
    if more > 0 {
        differences.push(format!("and {more} more"));
    }
    Ok(Finding::fail(CHECK, differences.join("; "), INVESTIGATE))
}

async fn stands(books: &dyn Books, rail: &BaseRail, intent_id: &str) -> Result<bool, RailError> {
    let unreadable = |error: &dyn std::error::Error| {
        RailError::Unreachable(format!("{intent_id} cannot be read: {}", why(error)))
    };
    let id = intent_id.parse().map_err(|error| unreadable(&error))?;
    let intent = books.intent(id).await.map_err(|error| unreadable(&error))?;
    match intent.and_then(|intent| Some((intent.transfer?, intent.settlement?))) {
        Some((terms, Settlement::Transfer(proof))) => rail.shows(&terms, &proof).await,
        Some((_, Settlement::Charge(_))) | None => Ok(false),
    }
}
