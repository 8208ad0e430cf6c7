//! Transactions under a nonce that is signed already: the same transfer at a higher fee, or nothing
//! at all in its place.

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, Bytes};
use payments::{
    agent::Wallet,
    ports::{FeeQuote, RailError, Raised},
    settlement::{Attempt, AttemptKind},
    time::UnixMs,
};

use super::{
    BaseRail,
    fees::{self, Price, VOID_GAS},
    signer::{Order, Signer},
};

impl BaseRail {
    /// Raised once the last attempt is old enough, whatever the quote says: a node's quote does not
    /// know why a transaction waits. Ends at the cap, at what the payment may cost in gas, and
    /// while the signer cannot pay.
    pub(super) async fn raise(
        &self,
        last: &Attempt,
        gas_wei: u128,
        at: UnixMs,
    ) -> Result<Raised, RailError> {
        let age_ms = at.ms().saturating_sub(last.saved_at.ms());
        if age_ms < self.fee_bump_after_ms {
            return Ok(Raised::NotNow);
        }
        let signer = self.signer_of(last.signer)?;
        let tx = signer.read(last).map_err(|error| unusable(&error))?;
        let quote = self.quote(signer.address()).await?;
        let cap_wei = fees::cap(last.kind, self.max_fee_per_gas_wei, gas_wei);
        let Some(price) = fees::replacing(price_of(&tx), &quote, cap_wei) else {
            return Ok(Raised::AtBound);
        };
        if !fees::affordable(&quote, price, tx.gas_limit) {
            return Ok(Raised::NotNow);
        }
        let to = tx.to.to().copied().ok_or_else(|| unusable(&"it creates a contract"))?;
        let order = Order { kind: last.kind, to, input: tx.input, gas_limit: tx.gas_limit };
        signed(signer, order, last.eoa_nonce, price, at).map(Raised::Higher)
    }

    /// Replaces the transfer. A transaction that cannot be opened any more (wiped) is outbid by its
    /// fee cap alone.
    pub(super) async fn empty(
        &self,
        last: &Attempt,
        gas_wei: u128,
        at: UnixMs,
    ) -> Result<Attempt, RailError> {
        let signer = self.signer_of(last.signer)?;
        let cap_wei = last.max_fee_per_gas_wei;
        let replaced = signer
            .read(last)
            .map_or(Price { max_fee_wei: cap_wei, tip_wei: cap_wei }, |tx| price_of(&tx));
        let quote = self.quote(signer.address()).await?;
        let price = fees::replacing(
            replaced,
            &quote,
            fees::cap(AttemptKind::Void, self.max_fee_per_gas_wei, gas_wei),
        );
        let price = price.ok_or_else(|| unusable(&"its fee is at the cap"))?;
        signed(signer, nothing(signer), last.eoa_nonce, price, at)
    }

    /// Uses a nonce that no payment has: at the price of the moment, or outbidding the last
    /// transaction that did.
    pub(super) async fn fill_nonce(
        &self,
        signer: Wallet,
        eoa_nonce: u64,
        last: Option<&Attempt>,
        gas_wei: u128,
        at: UnixMs,
    ) -> Result<Attempt, RailError> {
        if let Some(last) = last {
            return self.empty(last, gas_wei, at).await;
        }
        let signer = self.signer_of(signer)?;
        let quote = self.quote(signer.address()).await?;
        let cap_wei = fees::cap(AttemptKind::Void, self.max_fee_per_gas_wei, gas_wei);
        let price = fees::price(&quote, cap_wei, VOID_GAS)
            .map_err(|error| RailError::NotReady(error.to_string()))?;
        signed(signer, nothing(signer), eoa_nonce, price, at)
    }

    /// What a transaction of this signer costs now.
    pub(super) async fn quote(&self, signer: Address) -> Result<FeeQuote, RailError> {
        let mut batch = self.node.batch();
        let quote = fees::ask_quote(&mut batch, signer);
        batch.send().await?;
        Ok(quote.get().await?.0)
    }

    /// Whoever signed it. The same nonce of another account is another nonce: it would settle twice
    /// and void nothing.
    fn signer_of(&self, wanted: Wallet) -> Result<&Signer, RailError> {
        let mut known = std::iter::once(&self.signer).chain(&self.others).chain(&self.refunds);
        let found = known.find(|signer| signer.wallet() == wanted);
        found.ok_or_else(|| unusable(&format!("signed by {wanted}, whose key is not here")))
    }
}

fn signed(
    signer: &Signer,
    order: Order,
    eoa_nonce: u64,
    price: Price,
    at: UnixMs,
) -> Result<Attempt, RailError> {
    signer.attempt(order, eoa_nonce, price, at).ok_or_else(|| unusable(&"it cannot be signed"))
}

/// An empty transaction to itself.
fn nothing(signer: &Signer) -> Order {
    Order {
        kind: AttemptKind::Void,
        to: signer.address(),
        input: Bytes::new(),
        gas_limit: VOID_GAS,
    }
}

fn price_of(tx: &TxEip1559) -> Price {
    Price { max_fee_wei: tx.max_fee_per_gas, tip_wei: tx.max_priority_fee_per_gas }
}

fn unusable(why: &dyn std::fmt::Display) -> RailError {
    RailError::Unreachable(format!("the saved transaction cannot be replaced: {why}"))
}
