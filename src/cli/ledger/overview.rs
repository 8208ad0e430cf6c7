//! `turnpike ledger overview`: the figures of the first page.

use payments::ports::desk::{DayTotals, Overview};
use serde_json::json;

use super::{tables::seconds, unreadable};
use crate::{
    app::Beside,
    cli::{
        exit::{Exit, Failure},
        output::{self, Format, money, table},
    },
    config::Config,
    operator::shape,
};

/// Spans that are summed, in days with today.
const SPANS: [(&str, usize); 3] = [("today", 1), ("7 days", 7), ("30 days", 30)];

pub(super) async fn run(config: &Config, beside: &Beside, without_own: bool, format: Format) -> Result<Exit, Failure> {
    let own = if without_own { config.operator.payers() } else { Vec::new() };
    let overview = shape::overview(&*beside.desk, beside.clock.now(), &own).await.map_err(unreadable)?;
    match format {
        Format::Json => output::json(&json!(overview)),
        Format::Readable => output::line(&as_text(&overview)),
    }
    Ok(Exit::Done)
}

fn as_text(overview: &Overview) -> String {
    let spans = SPANS.map(|(name, days)| {
        let of = sum(overview.days.iter().rev().take(days));
        let counts = [of.settled_x402, of.settled_mpp, of.refunded, of.challenges, of.funded].map(|count| count.to_string());
        let mut row = vec![name.to_owned(), money(of.earned_usdc_units, "USDC"), money(of.earned_usd_cents, "USD")];
        row.extend(counts);
        row
    });
    let headings = ["(UTC)", ">earned on the chain", ">by card", ">settled x402", ">settled mpp", ">refunded", ">402", ">funded"];
    let facts = [
        ("payments under way", overview.open.to_string()),
        ("unknown outcome", with_age(overview.unknown, overview.oldest_unknown_at.as_deref())),
        ("refunds to approve or pay", overview.refunds_due.to_string()),
        ("open findings", overview.open_findings.to_string()),
        ("last comparison", overview.reconciled_at.as_deref().map_or_else(|| String::from("none yet"), seconds)),
        ("not compared", overview.not_compared.join(", ")),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| vec![name.to_owned(), value]);
    let accounts = overview.accounts.iter().map(|sum| vec![sum.account.clone(), money(sum.amount_minor, &sum.currency)]);
    [table(&headings, spans.into()), table(&["now", &overview.at], facts.collect()), table(&["accounts", ">balance"], accounts.collect())]
        .join("\n")
}

fn with_age(count: u64, oldest: Option<&str>) -> String {
    oldest.map_or_else(|| count.to_string(), |at| format!("{count}, the oldest since {}", seconds(at)))
}

fn sum<'a>(days: impl Iterator<Item = &'a DayTotals>) -> DayTotals {
    days.fold(DayTotals::default(), |sum, day| DayTotals {
        day: String::new(),
        earned_usdc_units: sum.earned_usdc_units.saturating_add(day.earned_usdc_units),
        earned_usd_cents: sum.earned_usd_cents.saturating_add(day.earned_usd_cents),
        settled_x402: sum.settled_x402.saturating_add(day.settled_x402),
        settled_mpp: sum.settled_mpp.saturating_add(day.settled_mpp),
        refunded: sum.refunded.saturating_add(day.refunded),
        challenges: sum.challenges.saturating_add(day.challenges),
        funded: sum.funded.saturating_add(day.funded),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_the_sums_of_their_days() {
        let day = |n: i64| DayTotals { earned_usdc_units: n * 1_000_000, settled_x402: n.unsigned_abs(), ..DayTotals::default() };
        let overview = Overview { days: (1..=30).map(day).collect(), unknown: 2, ..Overview::default() };
        let text = as_text(&overview);
        for part in ["30.00 USDC", "189.00 USDC", "465.00 USDC", "none yet"] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }
}
