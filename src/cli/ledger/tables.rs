//! The tables of the books.

use crate::cli::output::{money, payer, short, table};
use payments::{
    ports::{IntentSummary, JournalLine},
    settlement::GasSpent,
};

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
    table(
        &["payment", "created (UTC)", "payer", "funding", "state", ">price", "transaction"],
        rows.collect(),
    )
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
    let accounts =
        lines.iter().map(|line| vec![line.account.clone(), money(line.amount, &line.currency)]);
    let sums = JournalLine::sums(lines).into_iter().map(|(currency, sum)| {
        // A sum that no book can hold is shown as the raw number.
        let sum = i64::try_from(sum)
            .map_or_else(|_| format!("{sum} {currency}"), |sum| money(sum, currency));
        vec![format!("sum of {currency}"), sum]
    });
    table(&["account", ">balance"], accounts.chain(sums).collect())
}

/// What gas cost, in wei: beside the accounts, because it is paid in the chain's own coin.
pub(super) fn gas_table(gas: &GasSpent) -> String {
    table(
        &["gas paid for", ">wei"],
        gas_parts(gas).map(|(name, wei)| vec![name.to_owned(), wei.to_string()]).into(),
    )
}

fn gas_parts(gas: &GasSpent) -> [(&'static str, u128); 4] {
    [
        ("settled", gas.settled_wei),
        ("lost", gas.lost_wei),
        ("void", gas.void_wei),
        ("refunds", gas.refunds_wei),
    ]
}

/// `2026-01-31T12:00:00.000Z` to the second.
pub(super) fn seconds(rfc3339: &str) -> String {
    rfc3339.get(..19).unwrap_or(rfc3339).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(account: &str, currency: &str, amount: i64) -> JournalLine {
        JournalLine {
            txn_id: String::new(),
            account: account.to_owned(),
            currency: currency.to_owned(),
            amount,
        }
    }

    #[test]
    fn books_balance_in_every_currency_by_itself() {
        let mut lines = vec![
            line("asset:usdc_hot", "USDC", 550_000),
            line("rev:launch", "USDC", -550_000),
            line("x", "CREDIT", 0),
        ];
        assert!(JournalLine::imbalances(&lines).is_empty());
        assert!(balance_table(&lines).contains("sum of USDC"));
        // A debit in one currency is not made good by a credit in another.
        lines.extend([line("a", "USD", 5), line("b", "USDC", -5)]);
        assert_eq!(JournalLine::imbalances(&lines), ["USD 5", "USDC -5"]);
    }

    #[test]
    fn times_are_shown_in_utc_to_the_second() {
        assert_eq!(seconds("2026-01-31T12:34:56.789Z"), "2026-01-31 12:34:56");
    }
}
