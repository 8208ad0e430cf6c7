//! What a transaction may cost: EIP-1559 prices from the node, under the operator's cap.

use alloy_primitives::{Address, U128, U256};
use payments::{
    ports::{FeeQuote, PreparationError, RailError},
    settlement::AttemptKind,
};
use serde_json::json;

use super::{
    limits::Limit,
    node::{Answer, Batch, NoAnswer},
    wire::Block,
};

/// Gas that a settlement may use.
pub(super) const TRANSFER_GAS: u64 = AttemptKind::Transfer.gas_limit();
/// What an empty transaction costs.
pub(super) const VOID_GAS: u64 = AttemptKind::Void.gas_limit();
/// Kept for what a rollup charges for the transaction's data, which is in no gas price: 0.00001
/// ETH, many times the usual.
const DATA_FEE_RESERVE_WEI: u128 = 10_000_000_000_000;

/// The two prices of a transaction, in wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Price {
    pub max_fee_wei: u128,
    pub tip_wei: u128,
}

/// The quote that was asked for in a batch.
pub(super) struct QuoteAnswers<'a> {
    pub latest: Answer<'a, Block>,
    tip: Answer<'a, U128>,
    balance: Answer<'a, U256>,
}

const TIP: &str = "eth_maxPriorityFeePerGas";
/// What nodes have that know no tip: base fee and tip in one.
const GAS_PRICE: &str = "eth_gasPrice";

/// Adds the three reads of a quote to a batch, that of the block first: what is read after it is
/// not older.
pub(super) fn ask_quote<'a>(batch: &mut Batch<'a>, signer: Address) -> QuoteAnswers<'a> {
    let tip = if batch.limits().has_no_tip() { GAS_PRICE } else { TIP };
    QuoteAnswers {
        latest: batch.ask("eth_getBlockByNumber", json!(["latest", false])),
        tip: batch.ask(tip, json!([])),
        balance: batch.ask("eth_getBalance", json!([signer, "latest"])),
    }
}

impl QuoteAnswers<'_> {
    /// The quote, with the newest block that it is from.
    pub(super) async fn get(self) -> Result<(FeeQuote, Block), RailError> {
        let latest = self.latest.get().await?;
        let base_fee = latest.base_fee_per_gas.ok_or_else(|| {
            RailError::WrongChain(String::from("its blocks have no base fee (EIP-1559)"))
        })?;
        let tip = tip(self.tip, base_fee.to()).await?;
        let balance = u128::try_from(self.balance.get().await?).unwrap_or(u128::MAX);
        Ok((quote(base_fee.to(), tip, balance), latest))
    }
}

/// The tip, from what a node says of it or of the whole price.
async fn tip(answer: Answer<'_, U128>, base_fee_wei: u128) -> Result<u128, RailError> {
    let (node, method) = (answer.node(), answer.method());
    let above_base = |price: U128| price.to::<u128>().saturating_sub(base_fee_wei);
    match answer.try_get().await {
        Ok(price) if method == GAS_PRICE => Ok(above_base(price)),
        Ok(tip) => Ok(tip.to()),
        Err(NoAnswer::Refused(refusal)) if method == TIP && refusal.is_missing_method() => {
            node.limits.count(Limit::Method);
            let mut batch = node.batch();
            let price = batch.ask::<U128>(GAS_PRICE, json!([]));
            batch.send().await?;
            let price = price.get().await?;
            node.limits.learn_no_tip(&refusal.message);
            Ok(above_base(price))
        }
        Err(none) => Err(none.into()),
    }
}

/// Room for the base fee to double (six full blocks in a row), and the tip.
fn quote(base_fee_wei: u128, tip_wei: u128, signer_balance_wei: u128) -> FeeQuote {
    let max_fee_per_gas_wei = base_fee_wei.saturating_mul(2).saturating_add(tip_wei);
    FeeQuote { max_fee_per_gas_wei, max_priority_fee_per_gas_wei: tip_wei, signer_balance_wei }
}

/// The base fee that a quote was made from.
fn base_fee(quote: &FeeQuote) -> u128 {
    quote.max_fee_per_gas_wei.saturating_sub(quote.max_priority_fee_per_gas_wei) / 2
}

/// The price of a first transaction at this quote.
///
/// # Errors
/// [`PreparationError::FeeAboveCap`] when even the base fee is above the cap,
/// [`PreparationError::OutOfGas`].
pub(super) fn price(
    quote: &FeeQuote,
    cap_wei: u128,
    gas_limit: u64,
) -> Result<Price, PreparationError> {
    if base_fee(quote) > cap_wei {
        return Err(PreparationError::FeeAboveCap);
    }
    let price = capped(quote, cap_wei);
    if affordable(quote, price, gas_limit) { Ok(price) } else { Err(PreparationError::OutOfGas) }
}

/// The price that replaces this one under the same nonce: both parts 12.5% higher, which every node
/// accepts, and not below the quote. `None` when the cap forbids it.
pub(super) fn replacing(last: Price, quote: &FeeQuote, cap_wei: u128) -> Option<Price> {
    let now = capped(quote, cap_wei);
    let max_fee_wei = raised(last.max_fee_wei).max(now.max_fee_wei);
    let tip_wei = raised(last.tip_wei).max(now.tip_wei).min(max_fee_wei);
    (max_fee_wei <= cap_wei).then_some(Price { max_fee_wei, tip_wei })
}

/// The cap of an empty transaction: it may cost what a settlement may cost, and uses a seventh of
/// the gas.
fn void_cap(cap_wei: u128) -> u128 {
    cap_wei.saturating_mul(u128::from(TRANSFER_GAS / VOID_GAS))
}

/// The highest price at which a transaction of this kind costs no more than both the operator's cap
/// and what it may cost in gas.
pub(super) fn cap(kind: AttemptKind, cap_wei: u128, gas_wei: u128) -> u128 {
    let operators = match kind {
        AttemptKind::Transfer => cap_wei,
        AttemptKind::Void => void_cap(cap_wei),
    };
    operators.min(gas_wei / u128::from(kind.gas_limit()))
}

/// The signer can pay this much gas at this price.
pub(super) fn affordable(quote: &FeeQuote, price: Price, gas_limit: u64) -> bool {
    let gas_wei = price.max_fee_wei.saturating_mul(u128::from(gas_limit));
    quote.signer_balance_wei >= gas_wei.saturating_add(DATA_FEE_RESERVE_WEI)
}

fn capped(quote: &FeeQuote, cap_wei: u128) -> Price {
    let max_fee_wei = quote.max_fee_per_gas_wei.min(cap_wei);
    Price { max_fee_wei, tip_wei: quote.max_priority_fee_per_gas_wei.min(max_fee_wei) }
}

fn raised(wei: u128) -> u128 {
    wei.saturating_add(wei.div_ceil(8).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RICH: u128 = u128::MAX;

    #[test]
    fn the_cap_refuses_only_what_it_cannot_pay() {
        assert_eq!(
            price(&quote(100, 7, RICH), 1_000, TRANSFER_GAS),
            Ok(Price { max_fee_wei: 207, tip_wei: 7 })
        );
        assert_eq!(
            price(&quote(100, 7, RICH), 100, TRANSFER_GAS),
            Ok(Price { max_fee_wei: 100, tip_wei: 7 })
        );
        assert_eq!(
            price(&quote(100, 700, RICH), 100, TRANSFER_GAS),
            Ok(Price { max_fee_wei: 100, tip_wei: 100 })
        );
        assert_eq!(
            price(&quote(101, 7, RICH), 100, TRANSFER_GAS),
            Err(PreparationError::FeeAboveCap)
        );
    }

    #[test]
    fn a_signer_that_cannot_pay_the_whole_limit_is_out_of_gas() {
        let needed = 207 * u128::from(TRANSFER_GAS) + DATA_FEE_RESERVE_WEI;
        assert!(price(&quote(100, 7, needed), 1_000, TRANSFER_GAS).is_ok());
        assert_eq!(
            price(&quote(100, 7, needed - 1), 1_000, TRANSFER_GAS),
            Err(PreparationError::OutOfGas)
        );
    }

    #[test]
    fn a_transaction_costs_no_more_than_its_payment_may() {
        assert_eq!(cap(AttemptKind::Transfer, 1_000, u128::MAX), 1_000);
        assert_eq!(cap(AttemptKind::Transfer, 1_000, 150_000 * 999), 999);
        assert_eq!(cap(AttemptKind::Void, 1_000, u128::MAX), 7_000);
        assert_eq!(cap(AttemptKind::Void, 1_000, 21_000 * 5 + 20_999), 5);
        assert_eq!(cap(AttemptKind::Void, 1_000, 0), 0);
    }

    #[test]
    fn a_replacement_is_an_eighth_higher_and_not_below_the_quote() {
        let last = Price { max_fee_wei: 800, tip_wei: 0 };
        assert_eq!(
            replacing(last, &quote(10, 0, RICH), 900),
            Some(Price { max_fee_wei: 900, tip_wei: 1 })
        );
        assert_eq!(replacing(last, &quote(10, 0, RICH), 899), None);
        assert_eq!(
            replacing(last, &quote(1_000, 50, RICH), 9_999),
            Some(Price { max_fee_wei: 2_050, tip_wei: 50 })
        );
        assert_eq!(
            replacing(last, &quote(1_000, 50, RICH), 1_500),
            Some(Price { max_fee_wei: 1_500, tip_wei: 50 })
        );
    }
}
