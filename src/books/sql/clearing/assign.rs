//! An operator says how much of a payout by hand is ours.

use payments::{
    clearing::{CentsMoved, PayoutStanding},
    ledger::Posting,
    ports::{AssignPayout, AssignRefusal, BooksError, FindingKind, PayoutRow, desk::NewAction},
};

use super::super::dialect::Connection;
use super::super::{desk::actions, reconcile, unavailable};
use super::payouts::{self, Kept, change, find, post};

pub(super) async fn assign(
    connection: &mut Connection,
    assign: &AssignPayout,
) -> Result<PayoutRow, AssignRefusal> {
    let before = find(connection, &assign.payout).await?.ok_or(AssignRefusal::Unknown)?;
    let row = &before.row;
    match before.standing {
        _ if row.automatic => return Err(AssignRefusal::NamesItsEntries),
        _ if row.currency != "usd" => return Err(AssignRefusal::OtherCurrency),
        PayoutStanding::Assigned | PayoutStanding::Booked => return Err(AssignRefusal::Already),
        PayoutStanding::Seen | PayoutStanding::TakenBack if row.state != "paid" => {
            return Err(AssignRefusal::NotPaid);
        }
        PayoutStanding::Seen | PayoutStanding::TakenBack => {}
    }
    let in_it = CentsMoved::new(row.amount_minor);
    if assign.ours < CentsMoved::ZERO || assign.ours > in_it {
        return Err(AssignRefusal::NotInIt(in_it));
    }
    let standing = before.standing;
    let after = Kept { standing: PayoutStanding::Assigned, ours: assign.ours, ..before };
    change(connection, &after, standing, CentsMoved::ZERO, assign.at).await?;
    post(connection, &after, Posting::paid_out(after.id, after.postings, assign.ours), assign.at)
        .await?;
    let subject = format!("{} {} USD", assign.payout, assign.ours);
    let action = NewAction {
        at: assign.at,
        action: "payout.assign",
        subject,
        reason: assign.reason.clone(),
        via: assign.via,
    };
    actions::note(connection, &action).await?;
    reconcile::findings::close_one(
        connection,
        FindingKind::UnassignedPayout.word(),
        &assign.payout,
        assign.at,
    )
    .await?;
    Ok(find(connection, &assign.payout)
        .await?
        .ok_or_else(|| payouts::corrupt(&assign.payout, "payout_id"))?
        .row)
}

/// The payout, where this very assignment was written: it bears its moment and its amount.
pub(super) async fn made(
    connection: &mut Connection,
    assign: &AssignPayout,
) -> Result<Option<PayoutRow>, BooksError> {
    let made = sqlx::query(
        "SELECT 1 FROM stripe_payouts WHERE payout_id = $1 AND standing = 'assigned' AND updated_at_ms = $2 AND ours_cents = $3",
    );
    let made = made
        .bind(&assign.payout)
        .bind(assign.at.ms())
        .bind(assign.ours.get())
        .fetch_optional(&mut *connection)
        .await;
    match made.map_err(unavailable)? {
        Some(_) => Ok(find(connection, &assign.payout).await?.map(|kept| kept.row)),
        None => Ok(None),
    }
}
