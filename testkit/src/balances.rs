//! Shown balances, as a map.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use payments::{
    agent::Payer,
    ports::{BalanceCache, ShownBalance},
};

/// Balances that are kept until they are forgotten.
#[derive(Debug, Default)]
pub struct FakeBalances {
    shown: Mutex<BTreeMap<Payer, ShownBalance>>,
}

#[async_trait]
impl BalanceCache for FakeBalances {
    async fn get(&self, payer: &Payer) -> Option<ShownBalance> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).get(payer).copied()
    }

    async fn put(&self, payer: &Payer, shown: ShownBalance) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(payer.clone(), shown);
    }

    async fn forget(&self, payer: &Payer) -> bool {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).remove(payer);
        true
    }
}
