//! The nonces of our signers on the chain: which are used, and by whom.

use alloy_primitives::{B256, Bytes, U64};
use payments::{
    agent::Wallet,
    ports::{ChainNonces, RailError, Resigning},
    settlement::{Attempt, AttemptKind, TransferTerms},
};
use serde_json::json;

use super::{
    BaseRail,
    calls::{self, address, authorizationStateCall},
    fees,
    node::{Answer, At, Batch},
    preparer::BasePreparer,
    wire::{Block, Receipt},
};

/// Transactions of somebody else's that may wait under a signer's nonces before ours stands behind
/// them. A node that claims more is not believed: each of them might turn out to be a hole that
/// costs gas to fill.
const MAX_WAITING: u64 = 16;

/// The next nonce, of what a node says is mined and waits.
pub(super) fn next(mined: u64, pending: u64) -> u64 {
    pending.clamp(mined, mined.saturating_add(MAX_WAITING))
}

impl BaseRail {
    /// In two batches: how many blocks count as confirmed is asked by number.
    pub(super) async fn nonces_of(&self, signer: &Wallet) -> Result<ChainNonces, RailError> {
        let confirmed_block = self.newest_confirmed().await?;
        let mut batch = self.node.batch();
        let mut count = |block: &str| {
            batch.ask::<U64>("eth_getTransactionCount", json!([address(signer), block]))
        };
        let (confirmed, mined, pending) =
            (count(&confirmed_block), count("latest"), count("pending"));
        batch.send().await?;
        let (mined, pending) = (mined.get().await?.to(), pending.get().await?.to::<u64>());
        Ok(ChainNonces {
            confirmed: confirmed.get().await?.to::<u64>().min(mined),
            mined,
            pending: pending.max(mined),
        })
    }

    /// One batch asks for the count of a block that has its confirmations, for the receipts of all
    /// that was signed under the nonce, and for the authorization: a node that counts the nonce and
    /// has none of the receipts saw another transaction under it.
    pub(super) async fn is_outrun(
        &self,
        terms: &TransferTerms,
        attempts: &[Attempt],
    ) -> Result<bool, RailError> {
        let Some(last) = attempts.last() else { return Ok(false) };
        let block = self.newest_confirmed().await?;
        let mut batch = self.node.batch();
        let count =
            batch.ask::<U64>("eth_getTransactionCount", json!([address(&last.signer), block]));
        let state = calls::authorization_state(&terms.key.from, &terms.key.nonce);
        let used = batch.call(address(&terms.key.token), &state, At::Latest);
        let rivals = attempts
            .iter()
            .filter(|attempt| (attempt.signer, attempt.eoa_nonce) == (last.signer, last.eoa_nonce));
        let receipts: Vec<_> = rivals.map(|rival| ask_receipt(&mut batch, rival)).collect();
        batch.send().await?;
        let used = calls::answer::<authorizationStateCall>(&used.get().await?)?;
        if used || count.get().await?.to::<u64>() <= last.eoa_nonce {
            return Ok(false);
        }
        for receipt in receipts {
            if receipt.get().await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same call of the token, by this process's own signer.
    pub(super) async fn sign_anew(
        &self,
        last: &Attempt,
        gas_wei: u128,
    ) -> Result<Resigning, RailError> {
        let unusable = |why: &str| {
            RailError::Unreachable(format!("the saved transaction cannot be signed anew: {why}"))
        };
        let tx = self.signer.read(last).map_err(|error| unusable(&error.to_string()))?;
        let token = tx.to.to().copied().ok_or_else(|| unusable("it creates a contract"))?;
        let signer = self.signer.address();
        let mut batch = self.node.batch();
        let mut count =
            |block: &str| batch.ask::<U64>("eth_getTransactionCount", json!([signer, block]));
        let (mined, pending) = (count("latest"), count("pending"));
        let quote = fees::ask_quote(&mut batch, signer);
        batch.send().await?;
        let chain_next_nonce = next(mined.get().await?.to(), pending.get().await?.to());
        let (quote, _): (_, Block) = quote.get().await?;
        let price = fees::price(
            &quote,
            fees::cap(AttemptKind::Transfer, self.max_fee_per_gas_wei, gas_wei),
            fees::TRANSFER_GAS,
        );
        let preparer = BasePreparer {
            signer: self.signer.clone(),
            token,
            call: Bytes::from(tx.input.to_vec()),
            price,
        };
        Ok(Resigning { preparer: Box::new(preparer), chain_next_nonce })
    }
}

fn ask_receipt<'a>(batch: &mut Batch<'a>, attempt: &Attempt) -> Answer<'a, Option<Receipt>> {
    batch.ask("eth_getTransactionReceipt", json!([B256::from(attempt.tx_hash.0)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_believed_what_it_can_know() {
        assert_eq!((next(5, 5), next(5, 7)), (5, 7));
        assert_eq!(next(5, 3), 5, "behind its own blocks");
        assert_eq!(next(5, 1_000_000), 5 + MAX_WAITING);
    }
}
