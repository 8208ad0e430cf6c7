//! Whether the token would take a transfer, asked before anything is claimed.
//!
//! A node runs a call on its newest block. An authorization that begins with that block or after it
//! is refused there whatever else is true of it, so that the refusal says nothing, and neither does
//! its absence of reasons: such a transfer is run with the time set to the first second at which
//! the token may take it. A node that cannot do that is asked again when the next block is there.

use std::time::Duration;

use alloy_primitives::{Address, Bytes, U64};
use payments::{ports::RailError, x402::verify::LiveTransfer};
use serde_json::json;

use super::{
    BaseRail,
    calls::{self, address},
    node::{Answer, NoAnswer, Refusal},
    wire::Block,
};

/// How long the next block is waited for.
const BLOCK_WAIT: Duration = Duration::from_secs(5);
/// Between two looks whether it is there.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// What the run of a settling call showed.
enum Run {
    /// The token takes it.
    Taken,
    /// It refuses it, in these words.
    Refused(String),
    /// It was run before the authorization begins.
    TooEarly,
}

impl BaseRail {
    /// The words of the token's refusal, if it would refuse the transfer. `settling` is its run on
    /// the block of this time.
    ///
    /// # Errors
    /// [`RailError`], also when no block comes in time that tells.
    pub(super) async fn verdict(
        &self,
        settling: Answer<'_, Bytes>,
        transfer: &LiveTransfer,
        latest_unix_s: u64,
    ) -> Result<Option<String>, RailError> {
        match (run(settling.try_get().await)?, latest_unix_s > transfer.valid_after_unix_s()) {
            (Run::Taken, _) => Ok(None),
            (Run::Refused(words), true) => Ok(Some(words)),
            (Run::Refused(_) | Run::TooEarly, _) => self.verdict_in_time(transfer).await,
        }
    }

    async fn verdict_in_time(&self, transfer: &LiveTransfer) -> Result<Option<String>, RailError> {
        match self.run_at(transfer, Some(transfer.valid_after_unix_s().saturating_add(1))).await? {
            Run::Taken => return Ok(None),
            Run::Refused(words) => return Ok(Some(words)),
            Run::TooEarly => {}
        }
        let watch = tokio::time::sleep(BLOCK_WAIT);
        tokio::pin!(watch);
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = &mut watch => return Err(RailError::NotReady(String::from("the chain's time is before the authorization begins"))),
            }
            match self.run_at(transfer, None).await? {
                Run::Taken => return Ok(None),
                Run::Refused(words) => return Ok(Some(words)),
                Run::TooEarly => {}
            }
        }
    }

    /// Runs the settling call on the newest block, in its own time or in the time that is given. It
    /// is too early as long as the next block would be too early too: sent now it would be reverted
    /// at our cost.
    async fn run_at(&self, transfer: &LiveTransfer, unix_s: Option<u64>) -> Result<Run, RailError> {
        let after = transfer.valid_after_unix_s();
        let (signer, token, call) =
            (self.signer.address(), address(self.token.address()), calls::settle(transfer));
        let mut batch = self.node.batch();
        let latest = batch.ask::<Block>("eth_getBlockByNumber", json!(["latest", false]));
        let pending =
            batch.ask::<Option<Pending>>("eth_getBlockByNumber", json!(["pending", false]));
        let settling = match unix_s {
            None => batch.simulate(signer, token, &call, super::fees::TRANSFER_GAS),
            Some(unix_s) => batch.ask("eth_call", at_time(signer, token, &call, unix_s)),
        };
        batch.send().await?;
        let latest = latest.get().await?.unix_s();
        // Not every node knows the next block.
        let next = pending
            .try_get()
            .await
            .ok()
            .flatten()
            .map_or(latest.max(unix_s.unwrap_or(0)), |block| block.timestamp.to());
        let ran = run(settling.try_get().await)?;
        Ok(match ran {
            Run::Taken if next <= after => Run::TooEarly,
            Run::Refused(_) if unix_s.is_none() && latest <= after => Run::TooEarly,
            ran => ran,
        })
    }
}

/// The one member of the next block that is read; it has neither number nor hash yet.
#[derive(Debug, Clone, serde::Deserialize)]
struct Pending {
    timestamp: U64,
}

fn at_time(from: Address, to: Address, data: &Bytes, unix_s: u64) -> serde_json::Value {
    let call = json!({ "from": from, "to": to, "data": data, "gas": U64::from(super::fees::TRANSFER_GAS) });
    json!([call, "latest", {}, { "time": U64::from(unix_s) }])
}

/// # Errors
/// [`RailError`] for every answer that is neither a success nor a refusal of the contract's.
fn run(answer: Result<Bytes, NoAnswer>) -> Result<Run, RailError> {
    match answer {
        Ok(_) => Ok(Run::Taken),
        // A node that knows no overrides ignores them, or says so.
        Err(NoAnswer::Refused(refusal))
            if refusal.is_too_early() || refusal.is_unknown_parameter() =>
        {
            Ok(Run::TooEarly)
        }
        Err(NoAnswer::Refused(refusal)) if refusal.is_revert() => Ok(Run::Refused(refusal.message)),
        Err(none) => Err(none.into()),
    }
}

impl Refusal {
    /// The token's words for an authorization whose time has not come.
    fn is_too_early(&self) -> bool {
        self.message.to_lowercase().contains("not yet valid")
    }

    /// How nodes say that they do not know a parameter: -32602 is "invalid params", -32601 "no such
    /// method".
    fn is_unknown_parameter(&self) -> bool {
        let message = self.message.to_lowercase();
        matches!(self.code, -32_602 | -32_601)
            || ["too many arguments", "override", "unsupported"]
                .iter()
                .any(|words| message.contains(words))
    }
}
