//! Lists and figures, as JSON: each list in pages, by key.

use std::sync::Arc;

use axum::{Json, extract::State, response::IntoResponse, response::Response};
use payments::ports::desk::{Page, PaymentFilter};
use serde_json::json;

use super::{
    Desk,
    answer::{self, Refusal, rows},
    ask::Asked,
    money, shape,
};

type Answer = Result<Response, Refusal>;

/// The names of a page.
pub(super) const PAGE: [&str; 2] = ["after", "limit"];

/// The figures of the first page, with the gas of each signer; with `without_own=true` without what
/// our own payers had.
pub(super) async fn overview(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    let without = desk.left_out(asked.only(&["without_own"])?.flag("without_own")?);
    let (overview, signers) =
        tokio::join!(shape::overview(&*desk.desk, desk.clock.now(), without), desk.gas.signers());
    let mut all = money::overview(&overview?, desk.coin_price);
    all["without"] = without.iter().map(ToString::to_string).collect();
    all["signers"] = json!(signers);
    Ok(Json(all).into_response())
}

/// Payments of a filter, newest first.
pub(super) async fn payments(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    let filter = asked.only(&[&PaymentFilter::NAMES[..], &PAGE].concat())?.filter()?;
    let found = desk.desk.payments(&filter, &asked.page()?).await?;
    Ok(rows(&asked, found, asked.limit()?, |row| row.id.clone()))
}

/// What the payments of a filter come to.
pub(super) async fn payment_sums(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    let filter = asked.only(&PaymentFilter::NAMES)?.filter()?;
    Ok(Json(desk.desk.payment_sums(&filter).await?).into_response())
}

/// Answered requests, newest first.
pub(super) async fn requests(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    asked.only(&["payer", "after", "limit"])?;
    let found = desk.desk.requests(asked.payer()?.as_ref(), &asked.page()?).await?;
    Ok(rows(&asked, found, asked.limit()?, |row| row.seq.to_string()))
}

/// What is owed, oldest first; with `all=true` also what was settled, newest first.
pub(super) async fn owed(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    asked.only(&["all", "payer", "after", "limit"])?;
    let found = desk.desk.owed(asked.flag("all")?, asked.payer()?.as_ref(), &asked.page()?).await?;
    Ok(rows(&asked, found, asked.limit()?, |row| row.id.clone()))
}

/// Card accounts by name, with what they all come to.
pub(super) async fn credits(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    asked.only(&PAGE)?;
    let (mut found, limit) = (desk.desk.credit_accounts(&asked.page()?).await?, asked.limit()?);
    let totals = desk.desk.credit_totals().await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let next = found.last().filter(|_| more).map(|row| row.payer.clone());
    Ok(answer::listed(
        &asked,
        json!({"rows": found, "next": next, "totals": totals}),
        next.as_deref(),
    ))
}

/// Postings, newest first.
pub(super) async fn journal(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    asked.only(&["account", "after", "limit"])?;
    let found = desk.desk.postings(asked.text("account"), &asked.page()?).await?;
    Ok(rows(&asked, found, asked.limit()?, |row| row.seq.to_string()))
}

/// What comparisons found, newest first; open ones, or with `all=true` all.
pub(super) async fn findings(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    asked.only(&["all", "limit"])?;
    Ok(answer::all(&desk.desk.all_findings(!asked.flag("all")?, asked.limit()?).await?))
}

/// Disputes: those that are not decided, the first to answer first, or with `all=true` all, newest
/// first.
pub(super) async fn disputes(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    asked.only(&["all", "limit"])?;
    let found = desk.cards.disputes(!asked.flag("all")?, asked.limit()?).await?;
    Ok(answer::all(&found.iter().map(shape::dispute).collect::<Vec<_>>()))
}

/// Accounts that are refused what costs money, newest first.
pub(super) async fn blocked(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    let found = desk.cards.blocks(asked.only(&["limit"])?.limit()?).await?;
    Ok(answer::all(&found.iter().map(shape::block).collect::<Vec<_>>()))
}

/// Payouts of the card processor, newest first; with `waiting=true` those that an operator must
/// assign.
pub(super) async fn payouts(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    asked.only(&["waiting", "limit"])?;
    Ok(answer::all(&desk.clearing.payouts(asked.flag("waiting")?, asked.limit()?).await?))
}

/// Comparisons with the world, newest first.
pub(super) async fn runs(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    Ok(answer::all(&desk.desk.runs(asked.only(&["limit"])?.limit()?).await?))
}

/// What operators did, newest first.
pub(super) async fn actions(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    let page: Page<i64> = asked.only(&PAGE)?.page()?;
    let found = desk.desk.actions(&page).await?;
    Ok(rows(&asked, found, asked.limit()?, |row| row.seq.to_string()))
}

/// The trial balance, what gas has cost, and what is left for it.
pub(super) async fn balance(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    asked.only(&[])?;
    let (lines, gas) = (desk.books.trial_balance().await?, desk.books.gas_spent().await?);
    let mut all = shape::balance(&lines, &gas);
    all["signers"] = json!(desk.gas.signers().await);
    Ok(Json(all).into_response())
}

/// The effective configuration.
pub(super) async fn config(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    asked.only(&[])?;
    Ok(Json(&desk.settings).into_response())
}
