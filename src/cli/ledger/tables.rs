//! The tables of the books.

use std::collections::BTreeMap;

use payments::{
    ports::{IntentSummary, JournalLine},
    settlement::GasSpent,
};
use serde_json::{Value, json};

use crate::cli::output::{money, payer, short, table};

/// Payments, one a row.
#[cfg_attr(not(feature = "sandbox"), expect(dead_code, reason = "only the demo lists them so"))]
pub(in crate::cli) fn intents_table(intents: &[IntentSummary]) -> String {
    let rows = intents.iter().map(|intent| {
        let transaction = intent.tx_hash.as_deref().map(short).unwrap_or_default();
        let price = money(intent.price_minor, &intent.currency);
        vec![
            intent.id.clone(),
            seconds(&intent.created_at),
            payer(&intent.payer),
            intent.funding.clone(),
            intent.state.clone(),
            price,
            transaction,
        ]
    });
    table(&["payment", "created (UTC)", "payer", "funding", "state", ">price", "transaction"], rows.collect())
}

/// Journal lines, grouped by posting; a debit is positive.
pub(in crate::cli) fn journal_table(lines: &[JournalLine]) -> String {
    let mut posting = "";
    let mut rows = Vec::new();
    for line in lines {
        let name = if line.txn_id == posting { String::new() } else { line.txn_id.clone() };
        posting = &line.txn_id;
        rows.push(vec![name, line.account.clone(), money(line.amount, &line.currency)]);
    }
    table(&["posting", "account", ">amount"], rows)
}

/// Accounts with their balances, and the sum of each currency.
pub(in crate::cli) fn balance_table(lines: &[JournalLine]) -> String {
    let accounts = lines.iter().map(|line| vec![line.account.clone(), money(line.amount, &line.currency)]);
    let sums = sums(lines).into_iter().map(|(currency, sum)| {
        // A sum that no book can hold is shown as the raw number.
        let sum = i64::try_from(sum).map_or_else(|_| format!("{sum} {currency}"), |sum| money(sum, currency));
        vec![format!("sum of {currency}"), sum]
    });
    table(&["account", ">balance"], accounts.chain(sums).collect())
}

/// The same as one object.
pub(super) fn balance_json(lines: &[JournalLine], gas: &GasSpent) -> Value {
    let accounts: Vec<_> =
        lines.iter().map(|line| json!({"account": line.account, "currency": line.currency, "balance_minor": line.amount})).collect();
    let sums: serde_json::Map<_, _> = sums(lines).into_iter().map(|(currency, sum)| (currency.to_owned(), number(sum))).collect();
    let gas_wei: serde_json::Map<_, _> =
        gas_parts(gas).map(|(name, wei)| (name.to_owned(), Value::from(wei.to_string()))).into_iter().collect();
    json!({"accounts": accounts, "sum_minor": sums, "balanced": imbalances(lines).is_empty(), "gas_wei": gas_wei})
}

/// What gas cost, in wei: beside the accounts, because it is paid in the chain's own coin.
pub(super) fn gas_table(gas: &GasSpent) -> String {
    table(&["gas paid for", ">wei"], gas_parts(gas).map(|(name, wei)| vec![name.to_owned(), wei.to_string()]).into())
}

fn gas_parts(gas: &GasSpent) -> [(&'static str, u128); 3] {
    [("settled", gas.settled_wei), ("lost", gas.lost_wei), ("void", gas.void_wei)]
}

/// The currencies whose accounts do not sum to zero, with the sum.
pub(in crate::cli) fn imbalances(lines: &[JournalLine]) -> Vec<String> {
    sums(lines).into_iter().filter(|(_, sum)| *sum != 0).map(|(currency, sum)| format!("{currency} {sum}")).collect()
}

fn sums(lines: &[JournalLine]) -> BTreeMap<&str, i128> {
    let mut sums = BTreeMap::new();
    for line in lines {
        let sum: &mut i128 = sums.entry(line.currency.as_str()).or_default();
        *sum = sum.saturating_add(i128::from(line.amount));
    }
    sums
}

fn number(sum: i128) -> Value {
    i64::try_from(sum).map_or_else(|_| Value::String(sum.to_string()), Value::from)
}

/// `2026-01-31T12:00:00.000Z` to the second.
pub(super) fn seconds(rfc3339: &str) -> String {
    rfc3339.get(..19).unwrap_or(rfc3339).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(account: &str, currency: &str, amount: i64) -> JournalLine {
        JournalLine { txn_id: String::new(), account: account.to_owned(), currency: currency.to_owned(), amount }
    }

    #[test]
    fn books_balance_in_every_currency_by_itself() {
        let mut lines = vec![line("asset:usdc_hot", "USDC", 550_000), line("rev:launch", "USDC", -550_000), line("x", "CREDIT", 0)];
        assert!(imbalances(&lines).is_empty());
        assert_eq!(balance_json(&lines, &GasSpent::default())["sum_minor"], json!({"CREDIT": 0, "USDC": 0}));
        assert!(balance_table(&lines).contains("sum of USDC"));
        // A debit in one currency is not made good by a credit in another.
        lines.extend([line("a", "USD", 5), line("b", "USDC", -5)]);
        assert_eq!(imbalances(&lines), ["USD 5", "USDC -5"]);
        assert_eq!(balance_json(&lines, &GasSpent::default())["balanced"], false);
    }

    #[test]
    fn times_are_shown_in_utc_to_the_second() {
        assert_eq!(seconds("2026-01-31T12:34:56.789Z"), "2026-01-31 12:34:56");
    }
}
