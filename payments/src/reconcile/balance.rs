//! What our address holds against what the journal says of it. At the first look whatever else lies
//! there is taken as it is; from then on the two move together, or something left by another way.

use super::{CheckError, Compared, turn::Turn};
use crate::{
    money::UsdcUnits,
    ports::{FindingKind, Found, LogPlace, OpenFinding, Receiver, Source},
};

/// Where the account of the first look is kept; an operator who accepts a difference takes it away,
/// and the next run starts afresh.
pub const MARK: &str = "balance";
/// What a finding's key begins with.
const KEY: &str = "balance";

pub(super) async fn check(
    turn: &mut Turn<'_>,
    block: u64,
    unbooked: &[(LogPlace, UsdcUnits)],
    moved_minor: i128,
    open: &[OpenFinding],
) -> Result<Compared, CheckError> {
    turn.step().await?;
    let receiver = turn.parts.receiver;
    let held = turn.parts.chain.balance_at(&receiver.pay_to, block).await?;
    let holdings = turn.parts.books.holdings(receiver.chain_id, block, unbooked).await?;
    let booked = i128::from(holdings.journal_minor)
        .saturating_add(i128::from(holdings.unbooked_minor))
        .saturating_add(moved_minor);
    let beside = i128::from(held.get()).saturating_sub(booked);
    let place = place(&receiver);
    let known = turn.mark(MARK).await?.and_then(|text| read(&text, &place));
    let Some((since, at_first)) = known else {
        turn.set_mark(MARK, &format!("{place}|{block}|{beside}")).await?;
        return Ok(Compared {
            gone: open.iter().filter(|it| is_ours(it)).cloned().collect(),
            ..Compared::default()
        });
    };
    let key = format!("{KEY}:{}:{since}", receiver.pay_to);
    let found = difference(beside.saturating_sub(at_first)).map(|detail| Found {
        kind: FindingKind::AmountMismatch,
        key,
        source: Source::Chain,
        subject: receiver.pay_to.to_string(),
        detail: format!("{} at block {block}: {detail}", receiver.pay_to),
    });
    let mut compared = Compared { found: found.into_iter().collect(), ..Compared::default() };
    compared.gone =
        open.iter().filter(|it| is_ours(it) && !compared.differs(it)).cloned().collect();
    Ok(compared)
}

/// The account of the first look once money that lay there before it is booked after all; none
/// where this is no account of that address.
pub fn account_without(mark: &str, receiver: &Receiver, booked: UsdcUnits) -> Option<String> {
    let place = place(receiver);
    let (block, units) = read(mark, &place)?;
    Some(format!("{place}|{block}|{}", units.checked_sub(i128::from(booked.get()))?))
}

fn place(receiver: &Receiver) -> String {
    format!("{}:{}:{}", receiver.chain_id, receiver.token, receiver.pay_to)
}

fn is_ours(open: &OpenFinding) -> bool {
    open.kind == FindingKind::AmountMismatch && open.key.starts_with(KEY)
}

/// `place|block|units`; of another place nothing is known.
fn read(text: &str, place: &str) -> Option<(u64, i128)> {
    let mut parts = text.split('|');
    let (of, block, units) = (parts.next()?, parts.next()?, parts.next()?);
    (of == place).then_some((block.parse().ok()?, units.parse().ok()?))
}

fn difference(units: i128) -> Option<String> {
    let amount = UsdcUnits::new(u64::try_from(units.unsigned_abs()).unwrap_or(u64::MAX));
    match units {
        0 => None,
        ..0 => Some(format!(
            "it holds {amount} USDC less than the books say; if that was sent on by hand, close this with the reason"
        )),
        1.. => Some(format!("it holds {amount} USDC more than the books say")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::agent::Wallet;

    #[test]
    fn a_mark_is_read_for_its_own_address_only() {
        assert_eq!(read("a|7|-5", "a"), Some((7, -5)));
        assert_eq!(read("a|7|-5", "b"), None);
        assert_eq!(read("a|x|-5", "a"), None);
        assert_eq!(read("a", "a"), None);
        let receiver = Receiver {
            chain_id: 1,
            token: Wallet::new([2; 20]),
            pay_to: Wallet::new([3; 20]),
            refund_wallet: None,
        };
        let mark = format!("{}|7|9", place(&receiver));
        let without = account_without(&mark, &receiver, UsdcUnits::new(4)).unwrap();
        assert_eq!(
            (
                read(&without, &place(&receiver)),
                account_without("a|7|9", &receiver, UsdcUnits::new(4))
            ),
            (Some((7, 5)), None)
        );
    }

    #[test]
    fn no_difference_is_no_finding_and_each_direction_is_said() {
        assert_eq!(difference(0), None);
        assert!(difference(-550_000).is_some_and(|text| text.contains("0.55 USDC less")));
        assert!(difference(1).is_some_and(|text| text.contains("0.000001 USDC more")));
    }
}
