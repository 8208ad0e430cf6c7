//! Whose settlement is lost gets nothing: asked in the look at the facts, and once more by the
//! statement that writes the claim.

use payments::{agent::Payer, ports::NewClaim};

use super::super::{batch::Batch, lost::lost_of};

/// The payment that is lost; `payer` is how the statement names the payer.
pub(super) fn select(payer: &str) -> String {
    lost_of!("{payer}").replace("{payer}", payer)
}

/// What must hold while the claim is written. Only a transfer is ever lost.
pub(super) fn guard(batch: &mut Batch, claim: &NewClaim<'_>) -> Option<String> {
    match &claim.payer {
        Payer::Wallet(_) => {
            Some(format!("NOT EXISTS ({})", select(&batch.bind(claim.payer.to_string()))))
        }
        Payer::Card(_) => None,
    }
}
