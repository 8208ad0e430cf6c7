//! Transactions under a nonce that is signed already: the same transfer at a higher fee, or nothing at all in its place.

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, Bytes};
use payments::{
    ports::{FeeQuote, RailError},
    settlement::{Attempt, AttemptKind},
    time::UnixMs,
};

use super::{
    BaseRail,
    fees::{self, Price, VOID_GAS},
    signer::{Order, Signer},
};

impl BaseRail {
    /// Raised once the last attempt is old enough, whatever the quote says: a node's quote does not know why a transaction
    /// waits. Ends at the cap, and while the signer cannot pay.
    pub(super) async fn raise(&self, last: &Attempt, at: UnixMs) -> Result<Option<Attempt>, RailError> {
        let age_ms = at.ms().saturating_sub(last.saved_at.ms());
        if age_ms < self.fee_bump_after_ms {
            return Ok(None);
        }
        let signer = self.signer_of(last)?;
        let tx = signer.read(last).map_err(|error| unusable(&error))?;
        let quote = self.quote(signer.address()).await?;
        let cap_wei = self.cap_of(last.kind);
        let Some(price) = fees::replacing(price_of(&tx), &quote, cap_wei).filter(|price| fees::affordable(&quote, *price, tx.gas_limit))
        else {
            return Ok(None);
        };
        let to = tx.to.to().copied().ok_or_else(|| unusable(&"it creates a contract"))?;
        let order = Order { kind: last.kind, to, input: tx.input, gas_limit: tx.gas_limit };
        signed(signer, order, last.eoa_nonce, price, at).map(Some)
    }

    /// Replaces the transfer. A transaction that cannot be opened any more (wiped) is outbid by its fee cap alone.
    pub(super) async fn empty(&self, last: &Attempt, at: UnixMs) -> Result<Attempt, RailError> {
        let signer = self.signer_of(last)?;
        let cap_wei = last.max_fee_per_gas_wei;
        let replaced = signer.read(last).map_or(Price { max_fee_wei: cap_wei, tip_wei: cap_wei }, |tx| price_of(&tx));
        let quote = self.quote(signer.address()).await?;
        let price = fees::replacing(replaced, &quote, self.cap_of(AttemptKind::Void));
        let price = price.ok_or_else(|| unusable(&"its fee is at the cap"))?;
        let order = Order { kind: AttemptKind::Void, to: signer.address(), input: Bytes::new(), gas_limit: VOID_GAS };
        signed(signer, order, last.eoa_nonce, price, at)
    }

    /// What a transaction of this signer costs now.
    pub(super) async fn quote(&self, signer: Address) -> Result<FeeQuote, RailError> {
        let mut batch = self.node.batch()?;
        let quote = fees::ask_quote(&mut batch, signer)?;
        batch.send().await?;
        Ok(quote.get().await?.0)
    }

    fn cap_of(&self, kind: AttemptKind) -> u128 {
        match kind {
            AttemptKind::Transfer => self.max_fee_per_gas_wei,
            AttemptKind::Void => fees::void_cap(self.max_fee_per_gas_wei),
        }
    }

    /// Whoever signed it. The same nonce of another account is another nonce: it would settle twice and void nothing.
    fn signer_of(&self, last: &Attempt) -> Result<&Signer, RailError> {
        let mut known = std::iter::once(&self.signer).chain(&self.others);
        let found = known.find(|signer| signer.wallet() == last.signer);
        found.ok_or_else(|| unusable(&format!("signed by {}, whose key is not here", last.signer)))
    }
}

fn signed(signer: &Signer, order: Order, eoa_nonce: u64, price: Price, at: UnixMs) -> Result<Attempt, RailError> {
    signer.attempt(order, eoa_nonce, price, at).ok_or_else(|| unusable(&"it cannot be signed"))
}

fn price_of(tx: &TxEip1559) -> Price {
    Price { max_fee_wei: tx.max_fee_per_gas, tip_wei: tx.max_priority_fee_per_gas }
}

fn unusable(why: &dyn std::fmt::Display) -> RailError {
    RailError::Unreachable(format!("the saved transaction cannot be replaced: {why}"))
}
