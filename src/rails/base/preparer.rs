//! Signs a settlement inside the claiming database transaction: everything that needs the node was
//! read before.

use alloy_primitives::{Address, Bytes};
use payments::{
    agent::Wallet,
    ids::PaymentId,
    ports::{PreparationError, Preparer},
    settlement::{Attempt, AttemptKind},
    time::UnixMs,
};

use super::{
    fees::{Price, TRANSFER_GAS},
    signer::{Order, Signer},
};

/// One settlement at one price, or why there can be none now.
pub(super) struct BasePreparer {
    pub signer: Signer,
    pub token: Address,
    pub call: Bytes,
    pub price: Result<Price, PreparationError>,
}

impl Preparer for BasePreparer {
    fn signer(&self) -> Wallet {
        self.signer.wallet()
    }

    fn can_sign(&self) -> Result<(), PreparationError> {
        self.price.map(drop)
    }

    fn prepare(
        &self,
        _: PaymentId,
        eoa_nonce: u64,
        at: UnixMs,
    ) -> Result<Attempt, PreparationError> {
        let order = Order {
            kind: AttemptKind::Transfer,
            to: self.token,
            input: self.call.clone(),
            gas_limit: TRANSFER_GAS,
        };
        self.signer.attempt(order, eoa_nonce, self.price?, at).ok_or(PreparationError::Signing)
    }
}
