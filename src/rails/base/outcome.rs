//! What became of a payment.
//!
//! | what the chain shows | outcome |
//! |---|---|
//! | a receipt of ours with the token's two logs | settled |
//! | authorization used, its log beside the right transfer in anybody's transaction | settled |
//! | authorization used for something else, or cancelled | failed |
//! | used, but no log is found yet | pending, nothing to send |
//! | unused, our transaction reverted | failed |
//! | unused, and the safe block is past `valid_before` | failed |
//! | unused | pending |
//!
//! "Used" alone never means paid: a cancelled authorization is "used" too. And "unused" is believed
//! only of a block that is not older than what it must explain: nodes behind one URL are not
//! equally far.

use alloy_primitives::B256;
use payments::{
    agent::Wallet,
    ports::{Outcome, RailError},
    settlement::{Attempt, AttemptKind, ChainHash, PaymentFailure, TransferTerms},
};
use serde_json::json;

use super::{
    BaseRail,
    calls::{self, address, authorizationStateCall},
    node::{At, Batch, NoAnswer, Refusal},
    wire::{Block, Receipt},
};

/// What one batch said.
struct Facts {
    latest: Block,
    /// The newest block that a reorganisation cannot take back, as far as this node can tell.
    settled_until: Block,
    used: bool,
    receipts: Vec<Receipt>,
}

impl BaseRail {
    /// See the module.
    ///
    /// Only of its own chain: what another chain's blocks and nonces are, this one cannot know.
    pub(super) async fn judge(
        &self,
        terms: &TransferTerms,
        attempts: &[Attempt],
    ) -> Result<Outcome, RailError> {
        if terms.key.chain_id != self.token.chain_id() {
            let (theirs, ours) = (terms.key.chain_id, self.token.chain_id());
            return Err(RailError::WrongChain(format!(
                "the payment is on chain {theirs}, and {ours} is configured"
            )));
        }
        let facts = self.facts(terms, attempts).await?;
        let latest = facts.latest.number();
        let settled = facts.receipts.iter().find_map(|receipt| receipt.settlement(terms, true));
        if let Some(proof) = settled {
            return Ok(self.once_confirmed(
                Some(proof.block_number),
                latest,
                Outcome::Settled(proof),
            ));
        }
        if facts.used {
            return self.judge_by_logs(terms, attempts, latest).await;
        }
        if let Some(reverted_in) = facts
            .receipts
            .iter()
            .filter(|receipt| receipt.reverted())
            .filter_map(Receipt::block)
            .max()
        {
            if self.used_at(terms, reverted_in).await? {
                return self.judge_by_logs(terms, attempts, latest).await;
            }
            return Ok(self.once_confirmed(
                Some(reverted_in),
                latest,
                Outcome::Failed(PaymentFailure::Reverted),
            ));
        }
        if facts.settled_until.unix_s() >= terms.valid_before_unix_s {
            if self.used_at(terms, facts.settled_until.number()).await? {
                return self.judge_by_logs(terms, attempts, latest).await;
            }
            return Ok(Outcome::Failed(PaymentFailure::Expired));
        }
        // Past valid_before the token refuses it, but a block that says otherwise may still replace
        // the newest ones.
        Ok(Outcome::Pending { may_send: facts.latest.unix_s() < terms.valid_before_unix_s })
    }

    /// What the mined ones of these transactions cost, whatever they did.
    pub(super) async fn fees_of(
        &self,
        attempts: &[Attempt],
    ) -> Result<Vec<(ChainHash, u128)>, RailError> {
        let mut batch = self.node.batch();
        let hashes = attempts.iter().map(|attempt| B256::from(attempt.tx_hash.0));
        let answers: Vec<_> = hashes.map(|hash| (hash, ask_receipt(&mut batch, &hash))).collect();
        batch.send().await?;
        let mut fees_wei = Vec::new();
        for (hash, answer) in answers {
            let receipt = answer
                .get()
                .await?
                .filter(|receipt| receipt.transaction_hash == hash && receipt.block().is_some());
            fees_wei.extend(receipt.map(|receipt| (ChainHash(hash.0), receipt.fee_wei())));
        }
        Ok(fees_wei)
    }

    /// The newest block that counts as final for an expiry: the safe one, or the newest where the
    /// chain knows none.
    pub(super) async fn settled_until(&self) -> Result<Block, RailError> {
        let mut batch = self.node.batch();
        let latest = batch.ask::<Block>("eth_getBlockByNumber", json!(["latest", false]));
        let safe = batch.ask::<Option<Block>>("eth_getBlockByNumber", json!(["safe", false]));
        batch.send().await?;
        let latest = latest.get().await?;
        Ok(safe_block(safe.try_get().await)?.unwrap_or(latest))
    }

    /// Who sent a transaction that is neither of a signer's nor of a relayer's that we know.
    pub(super) async fn stranger_of(
        &self,
        tx_hash: ChainHash,
    ) -> Result<Option<Wallet>, RailError> {
        let sender = self.sender_of(tx_hash).await?;
        let ours = std::iter::once(&self.signer)
            .chain(&self.others)
            .any(|signer| signer.wallet() == sender);
        Ok((!ours && !self.known_relayers.contains(&sender)).then_some(sender))
    }

    /// Who sent a mined transaction.
    pub(super) async fn sender_of(&self, tx_hash: ChainHash) -> Result<Wallet, RailError> {
        let mut batch = self.node.batch();
        let receipt = ask_receipt(&mut batch, &B256::from(tx_hash.0));
        batch.send().await?;
        let receipt =
            receipt.get().await?.filter(|receipt| receipt.transaction_hash.0 == tx_hash.0);
        let unnamed = || {
            RailError::Unreachable(String::from("eth_getTransactionReceipt: it names no sender"))
        };
        receipt
            .and_then(|receipt| receipt.from)
            .map(|from| Wallet::new(from.into_array()))
            .ok_or_else(unnamed)
    }

    /// The newest block that has as many blocks as a fate needs, as the parameter of a call.
    pub(super) async fn newest_confirmed(&self) -> Result<String, RailError> {
        if self.confirmations <= 1 {
            return Ok(String::from("latest"));
        }
        let mut batch = self.node.batch();
        let latest = batch.ask::<Block>("eth_getBlockByNumber", json!(["latest", false]));
        batch.send().await?;
        Ok(format!("{:#x}", latest.get().await?.number().saturating_sub(self.confirmations - 1)))
    }

    async fn facts(&self, terms: &TransferTerms, attempts: &[Attempt]) -> Result<Facts, RailError> {
        let mut batch = self.node.batch();
        let latest = batch.ask::<Block>("eth_getBlockByNumber", json!(["latest", false]));
        let safe = batch.ask::<Option<Block>>("eth_getBlockByNumber", json!(["safe", false]));
        let used = batch.call(address(&terms.key.token), &state_call(terms), At::Latest);
        let transfers = attempts.iter().filter(|attempt| attempt.kind == AttemptKind::Transfer);
        let hashes: Vec<B256> = transfers.map(|attempt| B256::from(attempt.tx_hash.0)).collect();
        let answers: Vec<_> = hashes.iter().map(|hash| ask_receipt(&mut batch, hash)).collect();
        batch.send().await?;
        let latest = latest.get().await?;
        let settled_until = safe_block(safe.try_get().await)?.unwrap_or_else(|| latest.clone());
        let used = calls::answer::<authorizationStateCall>(&used.get().await?)?;
        let mut receipts = Vec::new();
        for (answer, hash) in answers.into_iter().zip(hashes) {
            receipts.extend(answer.get().await?.filter(|receipt| receipt.transaction_hash == hash));
        }
        Ok(Facts { latest, settled_until, used, receipts })
    }

    /// The state of the authorization after this block. A node that does not have the block says
    /// so, where "latest" would silently answer from before it. A node that has the block but no
    /// longer its state is asked for its newest state.
    async fn used_at(&self, terms: &TransferTerms, block: u64) -> Result<bool, RailError> {
        let mut batch = self.node.batch();
        let token = address(&terms.key.token);
        let then = batch.call(token, &state_call(terms), At::Block(block));
        let now = batch.call(token, &state_call(terms), At::Latest);
        let head = batch.ask::<Block>("eth_getBlockByNumber", json!(["latest", false]));
        batch.send().await?;
        let bytes = match then.try_get().await {
            Err(NoAnswer::Refused(refusal))
                if refusal.is_forgotten_state() && head.get().await?.number() >= block =>
            {
                now.get().await?
            }
            answer => answer?,
        };
        calls::answer::<authorizationStateCall>(&bytes)
    }

    async fn judge_by_logs(
        &self,
        terms: &TransferTerms,
        attempts: &[Attempt],
        latest: u64,
    ) -> Result<Outcome, RailError> {
        let Some(log) = self.find_fate(terms, latest).await? else {
            return Ok(Outcome::Pending { may_send: false });
        };
        if !log.uses(terms) {
            let mined_in = log.block_number.map(|number| number.to());
            return Ok(self.once_confirmed(
                mined_in,
                latest,
                Outcome::Failed(PaymentFailure::Cancelled),
            ));
        }
        let Some(hash) = log.transaction_hash else {
            return Ok(Outcome::Pending { may_send: false });
        };
        let mut batch = self.node.batch();
        let receipt = ask_receipt(&mut batch, &hash);
        batch.send().await?;
        let Some(receipt) = receipt
            .get()
            .await?
            .filter(|receipt| receipt.transaction_hash == hash && receipt.succeeded())
        else {
            return Ok(Outcome::Pending { may_send: false });
        };
        let ours = attempts.iter().any(|attempt| attempt.tx_hash.0 == hash.0);
        let fate = receipt
            .settlement(terms, ours)
            .map_or(Outcome::Failed(PaymentFailure::SpentElsewhere), Outcome::Settled);
        Ok(self.once_confirmed(receipt.block(), latest, fate))
    }

    /// The fate, once its block has as many blocks on it as the operator wants (1: itself).
    fn once_confirmed(&self, mined_in: Option<u64>, latest: u64, fate: Outcome) -> Outcome {
        let last_needed =
            mined_in.map(|block| block.saturating_add(self.confirmations.saturating_sub(1)));
        if last_needed.is_some_and(|block| block <= latest) {
            fate
        } else {
            Outcome::Pending { may_send: false }
        }
    }
}

fn state_call(terms: &TransferTerms) -> alloy_primitives::Bytes {
    calls::authorization_state(&terms.key.from, &terms.key.nonce)
}

fn ask_receipt<'a>(batch: &mut Batch<'a>, hash: &B256) -> super::node::Answer<'a, Option<Receipt>> {
    batch.ask("eth_getTransactionReceipt", json!([hash]))
}

/// `None` where the chain has no safe (or no final) block: it says null, or that it does not know
/// the word.
pub(super) fn safe_block(
    answer: Result<Option<Block>, NoAnswer>,
) -> Result<Option<Block>, RailError> {
    match answer {
        Ok(block) => Ok(block),
        Err(NoAnswer::Refused(refusal)) if refusal.is_unknown_block() => Ok(None),
        Err(none) => Err(none.into()),
    }
}

impl Refusal {
    /// -39001 is "unknown block" of the execution APIs, -32602 "invalid params".
    fn is_unknown_block(&self) -> bool {
        let message = self.message.to_lowercase();
        matches!(self.code, -39_001 | -32_602)
            || message.contains("unknown block")
            || message.contains("block not found")
    }

    /// How the common nodes say that they keep the block but not its state.
    fn is_forgotten_state(&self) -> bool {
        let message = self.message.to_lowercase();
        [
            "missing trie node",
            "historical state",
            "state is not available",
            "state not available",
            "pruned",
        ]
        .iter()
        .any(|words| message.contains(words))
    }
}
