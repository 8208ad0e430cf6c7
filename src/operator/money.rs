//! Gross, fees, refunds and net over spans of days: the same lines for the page, the API and the
//! command line.

use payments::{
    clearing::CentsMoved,
    gas::Gwei,
    ports::desk::{DayTotals, MoneyFlow, Overview},
};
use serde_json::{Value, json};

/// What one of the chain's coins costs, in millionths of a dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoinPrice(pub u64);

/// One figure over each span.
#[derive(Debug, PartialEq, Eq)]
pub struct MoneyLine {
    /// `Card, fees`.
    pub name: String,
    /// What it is, in a sentence.
    pub says: &'static str,
    /// Of the amounts.
    pub currency: &'static str,
    /// In minor units, one for each span.
    pub amounts: Vec<i64>,
}

/// Every line, for spans that end today and have so many days.
pub fn money_lines(
    overview: &Overview,
    spans: &[usize],
    price: Option<CoinPrice>,
) -> Vec<MoneyLine> {
    let sums: Vec<DayTotals> = spans.iter().map(|days| span(&overview.days, *days)).collect();
    let mut lines = Vec::new();
    for (rail, currency, of) in [
        ("x402", "USDC", (|day| &day.usdc) as fn(&DayTotals) -> &MoneyFlow),
        ("Card", "USD", |day| &day.usd),
    ] {
        lines.extend(MoneyFlow::FIGURES.iter().map(|figure| MoneyLine {
            name: format!("{rail}, {}", figure.heading),
            says: figure.says,
            currency,
            amounts: sums.iter().map(|sum| (figure.of)(of(sum))).collect(),
        }));
    }
    let (spent, says) = (
        |sum: &DayTotals| sum.gas_gwei,
        "Paid for transactions of ours, in the chain's own coin; beside the net",
    );
    lines.push(MoneyLine {
        name: String::from("Gas"),
        says,
        currency: Gwei::CURRENCY,
        amounts: sums.iter().map(spent).collect(),
    });
    if let Some(price) = price {
        let amounts =
            sums.iter().map(|sum| valued(sum.gas_gwei, price).map_or(0, CentsMoved::get)).collect();
        lines.push(MoneyLine {
            name: String::from("Gas, valued"),
            says: "By x402.gas_coin_usd as it is now",
            currency: "USD",
            amounts,
        });
    }
    lines
}

/// The last days together.
pub fn span(days: &[DayTotals], count: usize) -> DayTotals {
    let days = days.get(days.len().saturating_sub(count)..).unwrap_or_default();
    let first = DayTotals {
        day: days.first().map(|day| day.day.clone()).unwrap_or_default(),
        ..DayTotals::default()
    };
    days.iter().fold(first, |sum, day| sum.plus(day))
}

/// The overview as commands and the API show it: gas beside its value, where the coin has a price.
pub fn overview(overview: &Overview, price: Option<CoinPrice>) -> Value {
    let mut all = json!(overview);
    let days = all["days"].as_array_mut().into_iter().flatten();
    for (shown, day) in days.zip(&overview.days) {
        shown["gas_usd_cents"] =
            json!(price.and_then(|price| valued(day.gas_gwei, price)).map(CentsMoved::get));
    }
    all
}

fn valued(gas_gwei: i64, CoinPrice(micros): CoinPrice) -> Option<CentsMoved> {
    Gwei::new(gas_gwei).cents_at(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_of_each_currency_is_a_line_and_gas_is_valued_where_the_coin_has_a_price() {
        let usd = MoneyFlow { gross_minor: 1_200, fees_minor: 65, refunds_minor: 300 };
        let day = DayTotals { usd, gas_gwei: 1_000_000, ..DayTotals::default() };
        let read = Overview { days: vec![day.clone(), day], ..Overview::default() };
        let lines = money_lines(&read, &[1, 7], Some(CoinPrice(2_500_000_000)));
        let of = |name: &str| {
            lines.iter().find(|line| line.name == name).map(|line| line.amounts.clone())
        };
        assert_eq!(
            (of("Card, net"), of("x402, gross")),
            (Some(vec![835, 1_670]), Some(vec![0, 0]))
        );
        assert_eq!(
            (of("Gas"), of("Gas, valued")),
            (Some(vec![1_000_000, 2_000_000]), Some(vec![250, 500]))
        );
        assert_eq!(money_lines(&read, &[1], None).len(), 9);
        let told = overview(&read, None);
        assert_eq!(
            (&told["days"][0]["usd"]["net_minor"], &told["days"][0]["gas_usd_cents"]),
            (&json!(835), &Value::Null)
        );
    }
}
