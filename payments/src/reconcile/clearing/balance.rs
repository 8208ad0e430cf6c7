//! The balance that the processor reports against the clearing account.

use super::{
    super::{CardSide, CheckError, Compared, payouts, turn::Turn},
    AROUND_MS, BALANCE, READINGS, found, read,
};
use crate::{
    clearing::{CentsMoved, EntryRole},
    ports::{FindingKind, Window},
    time::UnixMs,
};

/// The balance of an account that is ours alone, while nothing is made in it.
pub(super) async fn held(
    turn: &mut Turn<'_>,
    cards: &CardSide,
    compared: &mut Compared,
) -> Result<(), CheckError> {
    if !cards.exclusive {
        return Ok(());
    }
    for _ in 0..READINGS {
        turn.step().await?;
        let before = cards.balance.newest_entry().await?;
        let held = cards.balance.held().await?;
        let stood_still = before == cards.balance.newest_entry().await?;
        let known = match &before {
            Some(entry) if entry.role() == EntryRole::Movement => {
                cards.clearing.has_entry(&entry.id).await?
            }
            Some(_) | None => true,
        };
        if stood_still && known {
            return compare_held(turn, cards, compared, held).await;
        }
        let now = turn.parts.clock.now();
        read(
            turn,
            cards,
            compared,
            Window { from: now.plus_ms(-AROUND_MS), until: now.plus_ms(AROUND_MS) },
        )
        .await?;
        payouts::check(turn, cards, compared, now).await?;
    }
    Ok(())
}

async fn compare_held(
    turn: &Turn<'_>,
    cards: &CardSide,
    compared: &mut Compared,
    held: CentsMoved,
) -> Result<(), CheckError> {
    let expected = cards.clearing.account_held().await?;
    let too_large = || CheckError::CouldNot(String::from("the balance is more than can be held"));
    let beside = held.checked_sub(expected).ok_or_else(too_large)?;
    let (at_first, since) = match turn.mark(BALANCE).await?.as_deref().and_then(read_mark) {
        Some(known) => known,
        // What lay there before is not ours to judge.
        None => accept(turn, BALANCE, beside).await?,
    };
    if beside != at_first {
        let differ = beside.checked_sub(at_first).ok_or_else(too_large)?;
        let detail = format!(
            "Stripe holds {held} USD for the account, which is {differ} USD more than its entries say (less, if below zero)"
        );
        compared.found.push(found(
            FindingKind::AmountMismatch,
            format!("{BALANCE}:{}", since.ms()),
            detail,
        ));
    }
    Ok(())
}

pub(super) async fn accept(
    turn: &Turn<'_>,
    name: &str,
    beside: CentsMoved,
) -> Result<(CentsMoved, UnixMs), CheckError> {
    let now = turn.parts.clock.now();
    turn.set_mark(name, &format!("{}|{}", beside.get(), now.ms())).await?;
    Ok((beside, now))
}

/// `cents|moment`.
pub(super) fn read_mark(text: &str) -> Option<(CentsMoved, UnixMs)> {
    let (cents, at) = text.split_once('|')?;
    Some((CentsMoved::new(cents.parse().ok()?), UnixMs::new(at.parse().ok()?)))
}
