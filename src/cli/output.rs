//! What commands print: tables for people, JSON for everybody else.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use payments::{
    gas::Gwei,
    money::{Credits, UsdCents, UsdcUnits},
};
use serde_json::Value;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Tables and sentences.
    Readable,
    /// One JSON value.
    Json,
}

// === impl Format ===

impl Format {
    /// JSON when asked for, and when nobody reads along.
    pub(super) fn choose(json: bool) -> Self {
        if json || !io::stdout().is_terminal() { Self::Json } else { Self::Readable }
    }
}

/// Prints a text and a line's end. A reader that went away (`| head`) is no error.
pub(super) fn line(text: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Prints a sentence beside the result.
pub(super) fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Prints a JSON value: one line for a machine, indented on a terminal.
pub(super) fn json(value: &Value) {
    if io::stdout().is_terminal() { line(&format!("{value:#}")) } else { line(&value.to_string()) }
}

/// A table with these headings. A heading that begins with `>` stands over numbers, which go to the
/// right.
pub(super) fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings.iter().map(|heading| heading.trim_start_matches('>')));
    let right: Vec<bool> = headings.iter().map(|heading| heading.starts_with('>')).collect();
    for row in rows {
        let cells = row.into_iter().zip(&right).map(|(text, right)| {
            if *right {
                Cell::new(text).set_alignment(CellAlignment::Right)
            } else {
                Cell::new(text)
            }
        });
        table.add_row(cells.collect::<Vec<_>>());
    }
    table.trim_fmt()
}

/// Minor units as people write them, with the currency: `-0.55 USDC`.
pub(super) fn money(minor: i64, currency: &str) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    let amount = match currency {
        "USDC" => UsdcUnits::new(minor).to_string(),
        "USD" => UsdCents::new(minor).to_string(),
        Gwei::CURRENCY => Gwei::new(i64::try_from(minor).unwrap_or(i64::MAX)).to_string(),
        _ => Credits::new(minor).to_string(),
    };
    format!("{sign}{amount} {currency}")
}

/// The beginning and the end of a hash or an address.
pub(super) fn short(text: &str) -> String {
    match (text.get(..8), text.get(text.len().saturating_sub(4)..)) {
        (Some(begin), Some(end)) if text.len() > 16 && text.is_ascii() => format!("{begin}..{end}"),
        _ => text.to_owned(),
    }
}

/// A payer with its name cut in the middle.
pub(super) fn payer(payer: &str) -> String {
    payer
        .split_once(':')
        .map_or_else(|| payer.to_owned(), |(kind, name)| format!("{kind}:{}", short(name)))
}

/// Whether a page holds as much as it may, so that there may be more.
pub(super) fn is_full(rows: usize, limit: u32) -> bool {
    rows == usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Says how to see what is older than a full page.
pub(super) fn older(rows: usize, limit: u32, last: Option<impl Display>) {
    if let Some(last) = last.filter(|_| is_full(rows, limit)) {
        line(&format!("older: the same with --before {last}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_shown_in_whole_units_with_its_sign() {
        assert_eq!(money(550_000, "USDC"), "0.55 USDC");
        assert_eq!(money(-550_000, "USDC"), "-0.55 USDC");
        assert_eq!(money(60, "USD"), "0.60 USD");
        assert_eq!(money(-1, "CREDIT"), "-1 CREDIT");
        assert_eq!(money(i64::MIN, "USDC"), "-9223372036854.775808 USDC");
    }

    #[test]
    fn long_names_are_cut_in_the_middle() {
        assert_eq!(short("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"), "0xf39fd6..2266");
        assert_eq!(short("0x12"), "0x12");
    }

    #[test]
    fn a_table_has_its_headings_and_its_numbers_to_the_right() {
        let text = table(
            &["account", ">amount"],
            vec![vec![String::from("rev:launch"), String::from("1")]],
        );
        assert!(
            text.contains("account") && text.contains("amount") && !text.contains('>'),
            "{text}"
        );
        assert!(text.contains("     1 │"), "{text}");
    }
}
