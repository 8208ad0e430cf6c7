//! Entries of the processor's balance that are foreign or in another currency.

use super::{
    super::{CardSide, CheckError, turn::Turn},
    CLEARING, EXCLUSIVE, found,
};
use crate::{
    clearing::BalanceEntry,
    ports::{FindingKind, Found},
    time::UnixMs,
};

pub(super) async fn foreign_since(
    turn: &Turn<'_>,
    cards: &CardSide,
) -> Result<Option<UnixMs>, CheckError> {
    let since = turn.mark(EXCLUSIVE).await?.and_then(|text| text.parse().ok()).map(UnixMs::new);
    match (cards.exclusive, since) {
        (true, Some(since)) => Ok(Some(since)),
        (true, None) => {
            // Times of the processor are whole seconds.
            let now = UnixMs::from_s(turn.parts.clock.now().unix_s());
            turn.set_mark(EXCLUSIVE, &now.ms().to_string()).await?;
            Ok(Some(now))
        }
        (false, Some(_)) => turn.set_mark(EXCLUSIVE, "").await.map(|()| None),
        (false, None) => Ok(None),
    }
}

pub(super) fn foreign(entry: &BalanceEntry) -> Found {
    let about =
        entry.source.as_deref().map(|source| format!(" about {source}")).unwrap_or_default();
    let (net, currency) = (entry.net_minor().unwrap_or_default(), entry.currency.to_uppercase());
    let detail = format!(
        "{} ({}{about}) moved the balance by {net} {currency} (minor units)",
        entry.id, entry.kind
    );
    found(
        FindingKind::ForeignEntry,
        entry.id.clone(),
        format!("{detail}, and is of no payment of ours"),
    )
}

/// What the processor keeps in another currency cannot be in the clearing account.
pub(super) fn other_currency(entry: &BalanceEntry) -> Option<Found> {
    let detail = format!(
        "{} is in {}, not in USD: its fee is not booked",
        entry.id,
        entry.currency.to_uppercase()
    );
    let other =
        || found(FindingKind::AmountMismatch, format!("{CLEARING}:{}", entry.currency), detail);
    (!entry.is_in_usd()).then(other)
}
