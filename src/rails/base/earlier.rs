//! What a proof did before these books knew it.

use payments::{
    ports::{Arrival, ChainHistory, Earlier, LogPlace, Outcome, RailError},
    settlement::{ChainHash, TransferTerms},
    x402::verify::VerifiedTransfer,
};

use super::{
    BaseRail,
    calls::{self, address, authorizationStateCall},
    node::At,
};

/// How long before its end a proof can have been taken at the earliest: what is accepted anywhere
/// is shorter.
const LONGEST_S: u64 = 7_200;
/// How far clocks and blocks may be apart.
const MARGIN_S: u64 = 600;

impl BaseRail {
    /// By the token's logs, as for a payment that somebody else settled.
    pub(super) async fn judge_earlier(
        &self,
        transfer: &VerifiedTransfer,
    ) -> Result<Earlier, RailError> {
        if !self.is_used(transfer).await? {
            return Ok(Earlier::NotPaid);
        }
        let earliest = transfer
            .valid_before_unix_s()
            .saturating_sub(LONGEST_S)
            .max(transfer.valid_after_unix_s());
        let terms = TransferTerms {
            key: transfer.key(),
            pay_to: *transfer.pay_to(),
            value: transfer.value(),
            valid_before_unix_s: transfer.valid_before_unix_s(),
            claimed_at_block: self.first_block_since(earliest.saturating_sub(MARGIN_S)).await?,
        };
        match self.judge(&terms, &[]).await? {
            Outcome::Settled(proof) => Ok(Earlier::Paid(Arrival {
                place: LogPlace { tx_hash: proof.tx_hash, log_index: proof.log_index },
                block_number: proof.block_number,
                relayed: self.is_relayed(proof.tx_hash).await?,
            })),
            Outcome::Failed(_) => Ok(Earlier::NotPaid),
            Outcome::Pending { .. } => Ok(Earlier::NotKnown),
        }
    }

    async fn is_used(&self, transfer: &VerifiedTransfer) -> Result<bool, RailError> {
        let mut batch = self.node.batch();
        let state = calls::authorization_state(transfer.from(), transfer.nonce());
        let used = batch.call(address(self.token.address()), &state, At::Latest);
        batch.send().await?;
        calls::answer::<authorizationStateCall>(&used.get().await?)
    }

    /// Whether a relayer sent it that settles for others than us.
    async fn is_relayed(&self, tx_hash: ChainHash) -> Result<bool, RailError> {
        if self.known_relayers.is_empty() {
            return Ok(false);
        }
        Ok(self.known_relayers.contains(&self.sender_of(tx_hash).await?))
    }
}
