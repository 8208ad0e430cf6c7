//! The clearing account against the entries of the processor's balance: what it kept as fees is
//! booked, and what is left must be what our entries come to that were not paid out. The balance
//! itself is compared only where the account is ours alone.

mod balance;
mod foreign;

use balance::{accept, held, read_mark};
use foreign::{foreign, foreign_since, other_currency};

use super::{CardSide, CheckError, Compared, payouts, turn::Turn};
use crate::{
    clearing::{BalanceEntry, CentsMoved},
    ports::{Clearing, EntryOwner, FindingKind, Found, OpenFinding, Source, Window},
    time::UnixMs,
};

/// Entries that are noted in one transaction.
const AT_ONCE: usize = 100;

/// Set once the entries of all time were read.
const READ: &str = "stripe:entries";

/// What an operator accepted that the clearing account differs by, and what its finding's key
/// begins with.
pub const CLEARING: &str = "stripe:clearing";

/// What the balance differed by at the first look, and what its finding's key begins with.
pub const BALANCE: &str = "stripe:balance";

/// The mark of a difference that an operator accepts: what the next run finds is how it should be.
pub const ACCEPT: &str = "accept";

/// What payouts that cannot be read are a finding under.
const PAYOUTS: &str = "stripe:payouts";

/// Since when the account is ours alone; what others moved before is out of scope.
const EXCLUSIVE: &str = "stripe:exclusive";

/// How long a processor may take to tell the entry of a charge.
const ENTRY_LAG_MS: i64 = 24 * 3_600_000;

/// How long it is asked for by name.
const ASKED_FOR_MS: i64 = 30 * 24 * 3_600_000;

/// How many are asked for by name in one run.
const ASKED_AT_ONCE: u32 = 50;

/// How often the balance is read at most while others use the account.
const READINGS: u32 = 4;

/// Entries that were made so long before a reading, or by a clock that is so far ahead, are listed
/// with it.
const AROUND_MS: i64 = 3_600_000;

/// Whether an open finding is one of those that are found, and end, here.
pub(super) fn is_about(open: &OpenFinding) -> bool {
    match open.kind {
        FindingKind::UnassignedPayout | FindingKind::ForeignEntry => true,
        FindingKind::AmountMismatch => {
            [CLEARING, BALANCE].iter().any(|name| open.key.starts_with(name))
        }
        FindingKind::CouldNotCheck => open.key == PAYOUTS,
        FindingKind::UnknownState => open.key.starts_with("po_"),
        _ => false,
    }
}

pub(super) fn found(kind: FindingKind, key: String, detail: String) -> Found {
    Found { kind, key, source: Source::Stripe, subject: String::new(), detail }
}

/// Lists the entries of this time and notes them. A dry run notes nothing.
pub(super) async fn read(
    turn: &mut Turn<'_>,
    cards: &CardSide,
    compared: &mut Compared,
    made: Window,
) -> Result<Vec<BalanceEntry>, CheckError> {
    turn.step().await?;
    let entries = cards.balance.entries(made).await?;
    note(turn, cards, compared, &entries).await?;
    Ok(entries)
}

async fn note(
    turn: &mut Turn<'_>,
    cards: &CardSide,
    compared: &mut Compared,
    entries: &[BalanceEntry],
) -> Result<(), CheckError> {
    let Some(fence) = turn.fence() else { return Ok(()) };
    compared.compared = compared.compared.saturating_add(entries.len() as u64);
    let foreign_since = foreign_since(turn, cards).await?;
    let is_found = |entry: &BalanceEntry| foreign_since.is_some_and(|since| entry.created >= since);
    for page in entries.chunks(AT_ONCE) {
        let owners =
            cards.clearing.note_entries(fence, page, foreign_since, turn.parts.clock.now()).await?;
        for (entry, owner) in page.iter().zip(owners) {
            compared.found.extend(match owner {
                EntryOwner::Foreign if is_found(entry) => Some(foreign(entry)),
                EntryOwner::Ours => other_currency(entry),
                EntryOwner::Foreign | EntryOwner::Payout => None,
            });
        }
        turn.step().await?;
    }
    Ok(())
}

/// The entries from the beginning of the books to here, once: books of before had none.
pub(super) async fn catch_up(
    turn: &mut Turn<'_>,
    cards: &CardSide,
    compared: &mut Compared,
    until: UnixMs,
) -> Result<(), CheckError> {
    const SLICE_MS: i64 = 7 * 24 * 3_600_000;
    if turn.fence().is_none() || turn.mark(READ).await?.is_some() {
        return Ok(());
    }
    let mut from =
        turn.parts.books.oldest_charge().await?.map_or(until, |at| at.plus_ms(-AROUND_MS));
    while from < until {
        let end = from.plus_ms(SLICE_MS).min(until);
        read(turn, cards, compared, Window { from, until: end }).await?;
        from = end;
    }
    turn.set_mark(READ, "read").await
}

/// Payouts, and both comparisons. `read_since` is when the entries began to be read.
pub(super) async fn check(
    turn: &mut Turn<'_>,
    cards: &CardSide,
    compared: &mut Compared,
    from: UnixMs,
    read_since: UnixMs,
) -> Result<(), CheckError> {
    if turn.fence().is_none() {
        return Ok(());
    }
    let open = turn.parts.books.open_findings(Source::Stripe).await?;
    by_name(turn, cards, compared, read_since).await?;
    match payouts::check(turn, cards, compared, from).await {
        Ok(()) => {
            compare(turn, cards, compared, read_since).await?;
            held(turn, cards, compared).await?;
            compared.gone.extend(
                open.iter()
                    .filter(|open| open.kind == FindingKind::CouldNotCheck && is_about(open))
                    .cloned(),
            );
            let ended = open.iter().filter(|open| {
                is_about(open)
                    && !matches!(open.kind, FindingKind::CouldNotCheck | FindingKind::ForeignEntry)
            });
            let ended: Vec<OpenFinding> =
                ended.filter(|open| !compared.differs(open)).cloned().collect();
            compared.gone.extend(ended);
        }
        // A key that may not read payouts still compares the rest.
        Err(CheckError::CouldNot(why)) => {
            let detail = format!(
                "payouts and what the clearing account should hold cannot be compared: {why}"
            );
            compared.found.push(found(FindingKind::CouldNotCheck, PAYOUTS.to_owned(), detail));
        }
        Err(error @ CheckError::Run(_)) => return Err(error),
    }
    for open in open.iter().filter(|open| open.kind == FindingKind::ForeignEntry) {
        if !cards.exclusive || cards.clearing.is_ours(&open.key).await? {
            compared.gone.push(open.clone());
        }
    }
    Ok(())
}

/// Entries of charges that no list showed.
async fn by_name(
    turn: &mut Turn<'_>,
    cards: &CardSide,
    compared: &mut Compared,
    now: UnixMs,
) -> Result<(), CheckError> {
    for charge in
        cards.clearing.charges_without_entry(now.plus_ms(-ASKED_FOR_MS), ASKED_AT_ONCE).await?
    {
        turn.step().await?;
        let entries = cards.balance.entries_of(&charge).await?;
        note(turn, cards, compared, &entries).await?;
    }
    Ok(())
}

async fn compare(
    turn: &Turn<'_>,
    cards: &CardSide,
    compared: &mut Compared,
    read_since: UnixMs,
) -> Result<(), CheckError> {
    let clearing = cards.clearing.clearing(read_since, read_since.plus_ms(-ENTRY_LAG_MS)).await?;
    let beside = beside(&clearing).ok_or_else(|| {
        CheckError::CouldNot(String::from("the clearing account holds more than can be"))
    })?;
    let (accepted, since) = match turn.mark(CLEARING).await?.as_deref() {
        None => (CentsMoved::ZERO, UnixMs::new(0)),
        Some(mark) => match read_mark(mark) {
            Some(known) => known,
            None => accept(turn, CLEARING, beside).await?,
        },
    };
    if beside != accepted {
        let Clearing { booked, unpaid, moving } = clearing;
        let detail = format!(
            "the books say that Stripe owes us {booked} USD; our entries that were not paid out come to {unpaid} USD, and payments on their way \
             explain {moving} USD: {} USD differ",
            beside.checked_sub(accepted).unwrap_or(beside)
        );
        compared.found.push(found(
            FindingKind::AmountMismatch,
            format!("{CLEARING}:{}", since.ms()),
            detail,
        ));
    }
    Ok(())
}

fn beside(clearing: &Clearing) -> Option<CentsMoved> {
    clearing.booked.checked_sub(clearing.unpaid)?.checked_sub(clearing.moving)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_explains_its_part() {
        let clearing = Clearing {
            booked: CentsMoved::new(1_200),
            unpaid: CentsMoved::new(1_140),
            moving: CentsMoved::new(60),
        };
        assert_eq!(beside(&clearing), Some(CentsMoved::ZERO));
        assert_eq!(
            beside(&Clearing { moving: CentsMoved::ZERO, ..clearing }),
            Some(CentsMoved::new(60))
        );
        assert_eq!(
            (read_mark("-5|7"), read_mark(ACCEPT)),
            (Some((CentsMoved::new(-5), UnixMs::new(7))), None)
        );
    }
}
