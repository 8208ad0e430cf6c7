//! The first view: what came in, what waits, what we hold for others.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use payments::{
    ports::desk::{DayTotals, Overview},
    time::UnixMs,
};
use serde_json::json;

use super::{
    alerts::{Alert, alerts},
    shell::{Outside, Shell, Shown, Visit, page},
    show,
};
use crate::operator::{
    Desk, SignerGas,
    money::{self, CoinPrice, MoneyLine},
    shape,
};

/// The spans of the first table, in days.
const SPANS: [(&str, usize); 3] = [("Today", 1), ("7 days", 7), ("30 days", 30)];
/// Settlements that a signer's gas must still pay for.
const FEW_SETTLEMENTS: u64 = 100;
/// Families of accounts that are somebody else's, in an operator's words.
const HELD: [(&str, &str); 2] =
    [("liab:unearned", "Unearned revenue"), ("liab:refund_due", "Refunds payable")];

#[derive(Template)]
#[template(path = "overview.html")]
struct View {
    shell: Shell,
    own: Own,
    at: String,
    alerts: Vec<Alert>,
    spans: Vec<Span>,
    money: Vec<MoneyLine>,
    days: Vec<Day>,
    chart: String,
    held: Vec<Held>,
    open: u64,
    unknown: u64,
    oldest: Option<String>,
    refunds_due: u64,
    disputes_open: u64,
    disputed_cents: i64,
    dispute_due_by: Option<String>,
    blocked_accounts: u64,
    signers: Vec<GasLine>,
    reconciled_at: Option<String>,
    open_findings: u64,
    not_compared: String,
}

/// Some days together.
#[derive(Debug, PartialEq, Eq)]
struct Span {
    name: &'static str,
    since: String,
    usdc: i64,
    usd: i64,
    settled_x402: u64,
    settled_mpp: u64,
    refunded: u64,
    challenges: u64,
    funded: u64,
    conversion: String,
}

/// Payers that are ours, and whether they are left out of the revenue.
struct Own {
    payers: usize,
    left_out: bool,
}

struct Day {
    day: String,
    /// The day after it: where its list ends.
    next: String,
    totals: DayTotals,
}

struct Held {
    name: &'static str,
    currency: String,
    amount: i64,
}

struct GasLine {
    link: Outside,
    tone: &'static str,
    eth: String,
    nonces: String,
    hole: Option<u64>,
}

/// `GET /operator`.
pub(super) async fn overview(State(desk): State<Arc<Desk>>, visit: Visit) -> Shown {
    let without_own = visit.asked.only(&["done", "without_own"])?.flag("without_own")?;
    let without = desk.left_out(without_own);
    let (overview, signers) =
        tokio::join!(shape::overview(&*desk.desk, desk.clock.now(), without), desk.gas.signers());
    let own = Own { payers: desk.own_payers.len(), left_out: without_own };
    Ok(page(&view(visit.shell("Overview", "/operator"), own, overview?, signers, desk.coin_price)))
}

fn view(
    shell: Shell,
    own: Own,
    read: Overview,
    signers: Vec<SignerGas>,
    price: Option<CoinPrice>,
) -> View {
    let signers: Vec<GasLine> = signers.into_iter().map(gas_line).collect();
    let mut alerts = alerts(&read, signers.iter().any(|line| line.tone == "bad"));
    alerts.extend(signers.iter().filter_map(hole));
    let waiting = [read.refunds_due, read.open_findings, read.disputes_open, read.blocked_accounts];
    let waiting = waiting.into_iter().fold(read.unknown, u64::saturating_add);
    View {
        shell: shell.waiting(waiting),
        own,
        alerts,
        spans: SPANS.map(|(name, days)| span(name, &read.days, days)).into(),
        money: money::money_lines(&read, &SPANS.map(|(_, days)| days), price),
        chart: chart(&read.days),
        held: held(&read),
        open: read.open,
        unknown: read.unknown,
        oldest: read.oldest_unknown_at.as_deref().map(|then| show::ago(&read.at, then)),
        refunds_due: read.refunds_due,
        disputes_open: read.disputes_open,
        disputed_cents: read.disputed_cents,
        dispute_due_by: read.next_dispute_due_by,
        blocked_accounts: read.blocked_accounts,
        signers,
        reconciled_at: read.reconciled_at,
        open_findings: read.open_findings,
        not_compared: read.not_compared.join(", "),
        days: read.days.into_iter().rev().map(day).collect(),
        at: read.at,
    }
}

/// What is said of a signer whose later payments wait.
fn hole(line: &GasLine) -> Option<Alert> {
    let (nonce, signer) = (line.hole?, &line.link.text);
    let text = format!(
        "nothing uses nonce {nonce} of {signer}: its later payments wait until it is filled"
    );
    Some(Alert { tone: "bad", href: "/operator#gas", text })
}

fn span(name: &'static str, days: &[DayTotals], count: usize) -> Span {
    let of = money::span(days, count);
    Span {
        name,
        conversion: conversion(of.challenges, of.funded),
        since: of.day,
        usdc: of.earned_usdc_units,
        usd: of.earned_usd_cents,
        settled_x402: of.settled_x402,
        settled_mpp: of.settled_mpp,
        refunded: of.refunded,
        challenges: of.challenges,
        funded: of.funded,
    }
}

/// Per cent with one decimal; more may be funded than were asked, by agents that know the price.
fn conversion(challenges: u64, funded: u64) -> String {
    match u128::from(funded).saturating_mul(1_000).checked_div(u128::from(challenges)) {
        None => String::from("—"),
        Some(tenths) => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

fn day(totals: DayTotals) -> Day {
    let next = UnixMs::parse_day_or_moment(&totals.day)
        .map(|at| at.plus_s(86_400).day())
        .unwrap_or_default();
    Day { day: totals.day.clone(), next, totals }
}

/// What the chart draws: decimals as text, which only the drawing turns into numbers.
fn chart(days: &[DayTotals]) -> String {
    let plain = |minor: i64, currency| show::decimal(&minor, currency).replace('\u{2212}', "-");
    json!({
        "days": days.iter().map(|day| &day.day).collect::<Vec<_>>(),
        "series": [
            {"name": "x402, USDC", "values": days.iter().map(|day| plain(day.earned_usdc_units, "USDC")).collect::<Vec<_>>()},
            {"name": "card, USD", "values": days.iter().map(|day| plain(day.earned_usd_cents, "USD")).collect::<Vec<_>>()},
        ],
    })
    .to_string()
}

/// Liabilities are credits in the books; here they are what others have with us, above zero.
fn held(read: &Overview) -> Vec<Held> {
    let of = |(family, name): (&str, &'static str)| {
        let sums = read.accounts.iter().filter(move |sum| sum.account == family);
        sums.map(|sum| Held {
            name,
            currency: sum.currency.clone(),
            amount: sum.amount_minor.saturating_neg(),
        })
        .collect::<Vec<_>>()
    };
    HELD.into_iter().flat_map(of).collect()
}

fn gas_line(gas: SignerGas) -> GasLine {
    let left = gas.settlements.as_deref().and_then(|text| text.parse::<u64>().ok());
    let what = if gas.role == "refunds" { "refunds" } else { "settlements" };
    let eth = match (&gas.balance_wei, left) {
        (Some(wei), Some(left)) => format!("{} ETH, about {left} {what}", ether(wei)),
        (Some(wei), None) => format!("{} ETH", ether(wei)),
        (None, _) => String::from("unknown"),
    };
    let eth =
        gas.usdc.as_ref().map_or(eth.clone(), |usdc| format!("{usdc} USDC for refunds, {eth}"));
    let tone = if left.is_some_and(|left| left < FEW_SETTLEMENTS) { "bad" } else { "" };
    let nonces = gas.nonces.unwrap_or_default();
    GasLine {
        link: Outside { href: None, text: gas.signer.to_string() },
        tone,
        eth,
        nonces,
        hole: gas.hole,
    }
}

/// Wei as ether with six decimals, rounded down.
fn ether(wei: &str) -> String {
    let digits = format!("{wei:0>19}");
    let (whole, part) = digits.split_at(digits.len() - 18);
    format!("{whole}.{}", part.get(..6).unwrap_or(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(day: &str, units: i64) -> DayTotals {
        DayTotals {
            day: day.to_owned(),
            earned_usdc_units: units,
            settled_x402: 1,
            challenges: 3,
            funded: 2,
            ..DayTotals::default()
        }
    }

    #[test]
    fn a_span_adds_up_its_last_days() {
        let days = [totals("2026-01-30", 1), totals("2026-01-31", 20)];
        let today = span("Today", &days, 1);
        assert_eq!(
            (today.usdc, today.since.as_str(), today.conversion.as_str()),
            (20, "2026-01-31", "66.6 %")
        );
        let month = span("30 days", &days, 30);
        assert_eq!((month.usdc, month.settled_x402, month.since.as_str()), (21, 2, "2026-01-30"));
        assert_eq!(span("Today", &[], 1).conversion, "—");
    }

    #[test]
    fn wei_are_ether_and_never_a_float() {
        assert_eq!(
            (ether("0").as_str(), ether("1500000000000000000").as_str()),
            ("0.000000", "1.500000")
        );
        assert_eq!(ether("123456789000000000000"), "123.456789");
    }

    #[test]
    fn a_day_ends_where_the_next_begins() {
        assert_eq!(day(totals("2026-01-31", 0)).next, "2026-02-01");
    }
}
