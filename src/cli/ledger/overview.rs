//! `turnpike ledger overview`: the figures of the first page.

use payments::ports::desk::Overview;

use super::{tables::seconds, unreadable};
use crate::{
    app::{self, Beside},
    cli::{
        exit::{Exit, Failure},
        output::{self, Format, money, table},
    },
    config::Config,
    operator::{
        money::{CoinPrice, MoneyLine, money_lines, overview as shown, span},
        shape,
    },
};

/// Spans that are summed, in days with today.
const SPANS: [(&str, usize); 3] = [("today", 1), ("7 days", 7), ("30 days", 30)];

pub(super) async fn run(
    config: &Config,
    beside: &Beside,
    without_own: bool,
    format: Format,
) -> Result<Exit, Failure> {
    let own = if without_own { config.operator.payers() } else { Vec::new() };
    let overview =
        shape::overview(&*beside.desk, beside.clock.now(), &own).await.map_err(unreadable)?;
    let price = app::coin_price(config);
    match format {
        Format::Json => output::json(&shown(&overview, price)),
        Format::Readable => output::line(&as_text(&overview, price)),
    }
    Ok(Exit::Done)
}

fn as_text(overview: &Overview, price: Option<CoinPrice>) -> String {
    let spans = SPANS.map(|(name, days)| {
        let of = span(&overview.days, days);
        let counts = [of.settled_x402, of.settled_mpp, of.refunded, of.challenges, of.funded]
            .map(|count| count.to_string());
        let mut row = vec![
            name.to_owned(),
            money(of.earned_usdc_units, "USDC"),
            money(of.earned_usd_cents, "USD"),
        ];
        row.extend(counts);
        row
    });
    let headings = [
        "(UTC)",
        ">earned on the chain",
        ">by card",
        ">settled x402",
        ">settled mpp",
        ">refunded",
        ">402",
        ">funded",
    ];
    let facts = [
        ("payments under way", overview.open.to_string()),
        ("unknown outcome", with_age(overview.unknown, overview.oldest_unknown_at.as_deref())),
        ("refunds to approve or pay", overview.refunds_due.to_string()),
        ("open findings", overview.open_findings.to_string()),
        (
            "last comparison",
            overview.reconciled_at.as_deref().map_or_else(|| String::from("none yet"), seconds),
        ),
        ("not compared", overview.not_compared.join(", ")),
    ];
    let facts = facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| vec![name.to_owned(), value]);
    let accounts = overview
        .accounts
        .iter()
        .map(|sum| vec![sum.account.clone(), money(sum.amount_minor, &sum.currency)]);
    let row = |line: &MoneyLine| {
        let amounts = line.amounts.iter().map(|amount| money(*amount, line.currency));
        std::iter::once(line.name.clone()).chain(amounts).collect::<Vec<_>>()
    };
    let flows =
        money_lines(overview, &SPANS.map(|(_, days)| days), price).iter().map(row).collect();
    let flows = table(&["money, as it is booked", ">today", ">7 days", ">30 days"], flows);
    [
        table(&headings, spans.into()),
        flows,
        table(&["now", &overview.at], facts.collect()),
        table(&["accounts", ">balance"], accounts.collect()),
    ]
    .join("\n")
}

fn with_age(count: u64, oldest: Option<&str>) -> String {
    oldest.map_or_else(
        || count.to_string(),
        |at| format!("{count}, the oldest since {}", seconds(at)),
    )
}

#[cfg(test)]
mod tests {
    use payments::ports::desk::DayTotals;

    use super::*;

    #[test]
    fn spans_are_the_sums_of_their_days() {
        let day = |n: i64| DayTotals {
            earned_usdc_units: n * 1_000_000,
            settled_x402: n.unsigned_abs(),
            ..DayTotals::default()
        };
        let overview =
            Overview { days: (1..=30).map(day).collect(), unknown: 2, ..Overview::default() };
        let text = as_text(&overview, None);
        for part in ["30.00 USDC", "189.00 USDC", "465.00 USDC", "none yet"] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }
}
