//! What the chain has done with our receiving address, listed by the token's logs.

use alloy_primitives::{B256, U256};
use alloy_sol_types::SolEvent;
use async_trait::async_trait;
use payments::{
    agent::Wallet,
    money::UsdcUnits,
    ports::{ChainHistory, Heads, LogPlace, RailError, RangeError, Received, TokenTransfer},
    settlement::ChainHash,
};
use serde_json::json;

use super::{
    BaseRail,
    calls::{self, Transfer, address, answer},
    finality::DEPTH_BLOCKS,
    node::{At, NoAnswer},
    outcome::safe_block,
    wire::{Block, Log, Receipt},
};

/// Receipts per batch.
const BATCH: usize = 50;

#[async_trait]
impl ChainHistory for BaseRail {
    async fn heads(&self) -> Result<Heads, RailError> {
        let mut batch = self.node.batch();
        let latest = batch.ask::<Block>("eth_getBlockByNumber", json!(["latest", false]));
        let safe = batch.ask::<Option<Block>>("eth_getBlockByNumber", json!(["safe", false]));
        let finalized =
            batch.ask::<Option<Block>>("eth_getBlockByNumber", json!(["finalized", false]));
        batch.send().await?;
        let latest = latest.get().await?.number();
        let (safe, finalized) =
            (safe_block(safe.try_get().await)?, safe_block(finalized.try_get().await)?);
        let deep = || latest.saturating_sub(self.confirmations.max(DEPTH_BLOCKS));
        let settled = finalized.or(safe).map_or_else(deep, |block| block.number());
        let confirmed = latest.saturating_sub(self.confirmations.saturating_sub(1));
        Ok(Heads { confirmed, settled: settled.min(confirmed) })
    }

    async fn received(
        &self,
        pay_to: &Wallet,
        first: u64,
        last: u64,
    ) -> Result<Vec<Received>, RangeError> {
        let token = address(self.token.address());
        let filter = json!([{
            "address": token,
            "topics": [Transfer::SIGNATURE_HASH, null, address(pay_to).into_word()],
            "fromBlock": format!("{first:#x}"),
            "toBlock": format!("{last:#x}"),
        }]);
        let mut batch = self.node.batch();
        let logs = batch.ask::<Vec<Log>>("eth_getLogs", filter);
        batch.send().await.map_err(smaller)?;
        let logs = match logs.try_get().await {
            Ok(logs) => logs,
            Err(NoAnswer::Refused(refusal)) => {
                return Err(RangeError::Refused(format!(
                    "error {}: {}",
                    refusal.code, refusal.message
                )));
            }
            Err(NoAnswer::Lost(error)) => return Err(smaller(error)),
        };
        let broken = || {
            RailError::Unreachable(String::from(
                "eth_getLogs: a log is incomplete or of another question",
            ))
        };
        let mut all = Vec::with_capacity(logs.len());
        for log in logs.iter().filter(|log| !log.removed) {
            let transfer = transfer(log).filter(|_| log.address == token).ok_or_else(broken)?;
            let asked = (first..=last).contains(&transfer.block_number)
                && log.topics.get(2) == Some(&address(pay_to).into_word());
            all.push(if asked { transfer } else { return Err(broken().into()) });
        }
        all.sort_by_key(|transfer| (transfer.block_number, transfer.place.log_index));
        Ok(all)
    }

    async fn authorizations(
        &self,
        transfers: &[Received],
    ) -> Result<Vec<Option<[u8; 32]>>, RailError> {
        let mut nonces = Vec::with_capacity(transfers.len());
        for page in transfers.chunks(BATCH) {
            let mut batch = self.node.batch();
            let ask = |transfer: &Received| {
                batch.ask::<Option<Receipt>>(
                    "eth_getTransactionReceipt",
                    json!([B256::from(transfer.place.tx_hash.0)]),
                )
            };
            let answers: Vec<_> = page.iter().map(ask).collect();
            batch.send().await?;
            for (transfer, receipt) in page.iter().zip(answers) {
                let receipt = receipt.get().await?;
                let receipt = receipt.ok_or_else(|| {
                    RailError::Unreachable(format!("no receipt of {}", transfer.place.tx_hash))
                })?;
                nonces.push(self.authorization(&receipt, transfer));
            }
        }
        Ok(nonces)
    }

    async fn transfers_of(
        &self,
        tx_hash: ChainHash,
    ) -> Result<Option<Vec<TokenTransfer>>, RailError> {
        let mut batch = self.node.batch();
        let receipt = batch
            .ask::<Option<Receipt>>("eth_getTransactionReceipt", json!([B256::from(tx_hash.0)]));
        batch.send().await?;
        let succeeded =
            |receipt: &Receipt| receipt.status.is_some_and(|status| status.to::<u64>() == 1);
        let Some(receipt) = receipt.get().await?.filter(succeeded) else { return Ok(None) };
        let token = address(self.token.address());
        Ok(Some(
            receipt
                .logs
                .iter()
                .filter(|log| log.address == token && !log.removed)
                .filter_map(token_transfer)
                .collect(),
        ))
    }

    async fn balance_at(&self, holder: &Wallet, block: u64) -> Result<UsdcUnits, RailError> {
        let mut batch = self.node.batch();
        let balance =
            batch.call(address(self.token.address()), &calls::balance_of(holder), At::Block(block));
        batch.send().await?;
        Ok(units(answer::<calls::balanceOfCall>(&balance.get().await?)?))
    }

    fn log_blocks(&self) -> u64 {
        self.node.limits.log_blocks()
    }

    async fn first_block_since(&self, unix_s: u64) -> Result<u64, RailError> {
        let (mut low, mut high) = (0, ChainHistory::heads(self).await?.confirmed);
        while low < high {
            let middle = low.midpoint(high);
            let mut batch = self.node.batch();
            let block =
                batch.ask::<Block>("eth_getBlockByNumber", json!([format!("{middle:#x}"), false]));
            batch.send().await?;
            if block.get().await?.unix_s() >= unix_s {
                high = middle
            } else {
                low = middle.saturating_add(1)
            }
        }
        Ok(low)
    }
}

impl BaseRail {
    /// The token's log right before the transfer, if it says that the payer's authorization was
    /// used: the token emits the two in one call.
    fn authorization(&self, receipt: &Receipt, transfer: &Received) -> Option<[u8; 32]> {
        let before = transfer.place.log_index.checked_sub(1)?;
        let index = |log: &&Log| log.log_index.map(|index| index.to::<u64>()) == Some(before);
        let log = receipt
            .logs
            .iter()
            .find(index)
            .filter(|log| log.address == address(self.token.address()))?;
        match log.topics.as_slice() {
            [what, from, nonce]
                if *what == calls::AuthorizationUsed::SIGNATURE_HASH
                    && *from == address(&transfer.from).into_word() =>
            {
                Some(nonce.0)
            }
            _ => None,
        }
    }
}

/// An answer that is too large to be read may be read in two halves.
fn smaller(error: RailError) -> RangeError {
    match error {
        RailError::Unreachable(why) if why.contains("too large") => RangeError::Refused(why),
        error => error.into(),
    }
}

fn transfer(log: &Log) -> Option<Received> {
    let TokenTransfer { place, block_number, from, value, .. } = token_transfer(log)?;
    Some(Received { place, block_number, from, value })
}

fn token_transfer(log: &Log) -> Option<TokenTransfer> {
    let [what, from, to] = log.topics.as_slice() else { return None };
    if *what != Transfer::SIGNATURE_HASH || log.data.len() != 32 {
        return None;
    }
    let wallet = |topic: &B256| Some(Wallet::new(topic.0.get(12..)?.try_into().ok()?));
    Some(TokenTransfer {
        place: LogPlace {
            tx_hash: ChainHash(log.transaction_hash?.0),
            log_index: log.log_index?.to(),
        },
        block_number: log.block_number?.to(),
        from: wallet(from)?,
        to: wallet(to)?,
        value: units(U256::from_be_slice(&log.data)),
    })
}

/// More than the books can hold is the most that they can.
fn units(value: U256) -> UsdcUnits {
    let most = i64::MAX.unsigned_abs();
    UsdcUnits::new(u64::try_from(value).unwrap_or(most).min(most))
}
