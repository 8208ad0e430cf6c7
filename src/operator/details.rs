//! One payment, one account, one wallet, one payer.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
    response::Response,
};
use payments::{
    agent::Payer,
    ids::PaymentId,
    ports::{
        CreditAccount,
        desk::{CreditAccountRow, Page},
    },
    time::UnixMs,
};
use serde_json::{Value, json};

use super::{
    Desk,
    actions::way::shown,
    answer::{self, Refusal, rows},
    ask::{self, Asked},
    export,
    json::PAGE,
    shape,
};

type Answer = Result<Response, Refusal>;

/// What a payment is named by.
pub(super) const PAYMENT_ID: &str = "pay_ and 32 hex digits";
/// Free launches that are shown: some years of them.
const SLOTS: u32 = 240;
/// The last moment that has four digits for its year.
const END: UnixMs = UnixMs::from_s(253_402_300_799);

/// Everything about one payment.
pub(super) async fn payment(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Answer {
    asked.only(&[])?;
    let id = ask::named("id", PAYMENT_ID, &id)?;
    let found = of_payment(&desk, id)
        .await?
        .ok_or_else(|| Refusal::not_found(format!("there is no payment {id}")))?;
    Ok(Json(found).into_response())
}

/// The same, for the page.
pub(super) async fn of_payment(desk: &Desk, id: PaymentId) -> Result<Option<Value>, Refusal> {
    // What a client was given counts, and waits for the next commit.
    desk.books.flush().await?;
    let (evidence, dossier) = tokio::try_join!(desk.books.evidence(id), desk.desk.dossier(id))?;
    Ok(evidence.zip(dossier).map(|(evidence, dossier)| {
        let link = desk.links.of_payment(&dossier.payment);
        shape::payment(&evidence, &dossier, link.as_deref())
    }))
}

/// Whether the upstream takes us.
pub(super) async fn upstream(State(desk): State<Arc<Desk>>, asked: Asked) -> Answer {
    asked.only(&[])?;
    Ok(Json(shown(&desk.way.way().await?)).into_response())
}

/// A card account with its entries, newest first.
pub(super) async fn account(
    State(desk): State<Arc<Desk>>,
    Path(payer): Path<String>,
    asked: Asked,
) -> Answer {
    let payer = ask::card(&payer)?;
    let page: Page<i64> = asked.only(&PAGE)?.page()?;
    let account = desk.cards.credit_account(&payer).await?;
    let mut entries = desk.cards.credit_entries(&payer, page.after, page.limit).await?;
    if entries.is_empty() && page.after.is_none() && account == CreditAccount::default() {
        return Err(Refusal::not_found(format!("the books know no credits of {payer}")));
    }
    let limit = usize::try_from(asked.limit()?).unwrap_or(usize::MAX);
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(|entry| entry.seq.to_string());
    let body = json!({"account": account_row(&payer, &account), "rows": entries, "next": next});
    Ok(answer::listed(&asked, body, next.as_deref()))
}

/// Who holds the tokens of a card account, newest first.
pub(super) async fn holders(
    State(desk): State<Arc<Desk>>,
    Path(payer): Path<String>,
    asked: Asked,
) -> Answer {
    let payer = ask::card(&payer)?;
    let limit = asked.only(&["limit"])?.limit()?;
    let (found, frozen) =
        tokio::try_join!(desk.cards.holders(&payer, limit), desk.cards.frozen_since(&payer))?;
    Ok(Json(shape::holders(&payer, &found, frozen)).into_response())
}

/// An account as the list shows it.
pub(super) fn account_row(payer: &Payer, account: &CreditAccount) -> CreditAccountRow {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    CreditAccountRow {
        payer: payer.to_string(),
        balance: whole(account.balance.get()),
        debt: whole(account.debt.get()),
        backing_cents: whole(account.backing_cents),
    }
}

/// The free launches of a wallet, newest month first.
pub(super) async fn free_tier(
    State(desk): State<Arc<Desk>>,
    Path(wallet): Path<String>,
    asked: Asked,
) -> Answer {
    asked.only(&[])?;
    Ok(answer::all(&desk.desk.free_slots(ask::wallet(&wallet)?, SLOTS).await?))
}

/// A payer's statement, oldest first; as a file where the path ends with `.csv` or `.jsonl`.
pub(super) async fn statement(
    State(desk): State<Arc<Desk>>,
    Path(named): Path<String>,
    asked: Asked,
) -> Answer {
    if let Some((payer, form)) = export::form_of(&named) {
        return export::statement(&desk, ask::payer(payer)?, form, &asked);
    }
    let payer = ask::payer(&named)?;
    asked.only(&["since", "until", "after", "limit"])?;
    let (since, until) = span(&asked)?;
    let found = desk.desk.statement(&payer, since, until, &asked.page()?).await?;
    Ok(rows(&asked, found, asked.limit()?, |line| line.seq.to_string()))
}

/// From `since`, or the beginning, to before `until`, or the end.
pub(super) fn span(asked: &Asked) -> Result<(UnixMs, UnixMs), Refusal> {
    let since = asked.moment("since")?.unwrap_or(UnixMs::new(0));
    Ok((since, asked.moment("until")?.unwrap_or(END)))
}
