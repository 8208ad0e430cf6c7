//! Balances as they are shown. No decision reads them, and they may be lost at any time.

use async_trait::async_trait;

use crate::{agent::Payer, money::Credits};

/// What `GET /credits` shows of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownBalance {
    /// What can be spent.
    pub balance: Credits,
    /// Credits that were clawed back after they were spent.
    pub debt: Credits,
}

/// Balances that were read a short while ago.
#[async_trait]
pub trait BalanceCache: Send + Sync {
    /// What was read, if nothing has changed it since.
    async fn get(&self, payer: &Payer) -> Option<ShownBalance>;

    /// Keeps what the books just said, unless the account was forgotten while they were asked: what
    /// they said may be older than the change.
    async fn put(&self, payer: &Payer, shown: ShownBalance);

    /// Forgets an account, after whatever may have changed its credits. False when that could not
    /// be said to all processes.
    async fn forget(&self, payer: &Payer) -> bool;
}
