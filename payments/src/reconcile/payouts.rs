//! Payouts: what they take of ours is booked as money in the bank, once they are paid, and taken
//! back if they fail afterwards.

use std::collections::HashSet;

use super::{CardSide, CheckError, Compared, clearing::found, turn::Turn};
use crate::{
    clearing::{CentsMoved, Payout, PayoutStep},
    ports::{FindingKind, Window},
    time::UnixMs,
};

/// A payout may be decided, or fail, so long after it was made; the comparison over everything
/// looks at older ones too.
const DECIDED_WITHIN_MS: i64 = 14 * 24 * 3_600_000;
/// Undecided ones that are asked for by name, and ones that wait for an operator.
const LIMIT: u32 = 1_000;

/// Payouts made since `from` and a while before, the oldest first: what one brings back by its
/// failure, a later one takes.
pub(super) async fn check(
    turn: &mut Turn<'_>,
    cards: &CardSide,
    compared: &mut Compared,
    from: UnixMs,
) -> Result<(), CheckError> {
    let Some(oldest) = turn.parts.books.oldest_charge().await? else { return Ok(()) };
    turn.step().await?;
    let until = turn.parts.clock.now();
    let mut listed = cards
        .balance
        .payouts(Window { from: from.plus_ms(-DECIDED_WITHIN_MS).max(oldest), until })
        .await?;
    listed.reverse();
    let mut seen = HashSet::new();
    for payout in &listed {
        seen.insert(payout.id.clone());
        one(turn, cards, compared, payout).await?;
    }
    for id in cards.clearing.open_payouts(LIMIT).await? {
        if !seen.contains(&id) {
            turn.step().await?;
            let payout = cards.balance.payout(&id).await?;
            one(turn, cards, compared, &payout).await?;
        }
    }
    compared.found.extend(cards.clearing.payouts(true, LIMIT).await?.iter().map(|row| {
        let detail = format!(
            "{} sent {} USD to the bank by hand, and names nothing in it: say how much of that is ours",
            row.payout,
            CentsMoved::new(row.amount_minor)
        );
        found(FindingKind::UnassignedPayout, row.payout.clone(), detail)
    }));
    Ok(())
}

async fn one(
    turn: &mut Turn<'_>,
    cards: &CardSide,
    compared: &mut Compared,
    payout: &Payout,
) -> Result<(), CheckError> {
    let (Some(fence), now) = (turn.fence(), turn.parts.clock.now()) else { return Ok(()) };
    compared.compared = compared.compared.saturating_add(1);
    let standing =
        cards.clearing.note_payout(fence, turn.parts.ids.payment_id(), payout, now).await?;
    match payout.step(standing) {
        PayoutStep::Book if payout.currency == "usd" => {
            turn.step().await?;
            let entries = cards.balance.entries_in(&payout.id).await?;
            cards.clearing.book_payout(fence, payout, &entries, now).await?;
        }
        PayoutStep::TakeBack => cards.clearing.take_back_payout(fence, &payout.id, now).await?,
        PayoutStep::Report => {
            let detail = format!(
                "Stripe calls the payout {} {:?}; nothing of it is booked",
                payout.id, payout.status
            );
            compared.found.push(found(FindingKind::UnknownState, payout.id.clone(), detail));
        }
        // What is in another currency holds nothing that the clearing account does.
        PayoutStep::Book | PayoutStep::HaveAssigned | PayoutStep::Leave => {}
    }
    Ok(())
}
