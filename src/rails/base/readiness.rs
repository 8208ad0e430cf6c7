//! Whether anything can be settled now, whoever pays.

use alloy_primitives::Bytes;
use payments::{ports::RailError, settlement::AttemptKind};

use super::{
    BaseRail,
    calls::{self, address},
    fees::{self, TRANSFER_GAS},
    node::{Answer, At, NoAnswer},
};

impl BaseRail {
    /// The chain is the configured one, the token is not paused, and the signer can pay gas; in one
    /// batch.
    pub(super) async fn check_ready(&self) -> Result<(), RailError> {
        let mut batch = self.node.batch();
        let paused = batch.call(address(self.token.address()), &calls::paused(), At::Latest);
        let quote = fees::ask_quote(&mut batch, self.signer.address());
        batch.send().await?;
        if is_paused(paused).await? {
            return Err(RailError::TokenPaused);
        }
        match fees::price(
            &quote.get().await?.0,
            fees::cap(AttemptKind::Transfer, self.max_fee_per_gas_wei, self.max_gas_wei),
            TRANSFER_GAS,
        ) {
            Ok(_) => Ok(()),
            Err(error) => Err(RailError::NotReady(format!("{error} ({})", self.signer()))),
        }
    }
}

/// A token that does not know the question is never paused: the simulated settlement still tells
/// whether it takes this very transfer.
pub(super) async fn is_paused(asked: Answer<'_, Bytes>) -> Result<bool, RailError> {
    match asked.try_get().await {
        Ok(bytes) => Ok(calls::answer::<calls::pausedCall>(&bytes).unwrap_or(false)),
        Err(NoAnswer::Refused(_)) => Ok(false),
        Err(lost) => Err(lost.into()),
    }
}
