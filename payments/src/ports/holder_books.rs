//! The durable truth about holders of card accounts.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::{
    agent::Payer,
    holder::{Holder, KnownToken, Scope, UsedCredential},
    ids::PaymentId,
    ports::BooksError,
    proof::ChargeKey,
    time::UnixMs,
};

/// A holder, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderRow {
    /// Who.
    pub holder: Holder,
    /// Payments that are its own.
    pub payments: u32,
    /// Since when.
    pub since: UnixMs,
    /// When its token was ended, if it was.
    pub revoked_at: Option<UnixMs>,
}

/// An operator's change of who may use an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderChange {
    /// What is done.
    pub action: HolderAction,
    /// Why; kept with the action.
    pub reason: String,
    /// `page`, `api` or `cli`.
    pub via: &'static str,
    /// Now.
    pub at: UnixMs,
    /// Only says what would come of it; nothing changes.
    pub dry_run: bool,
}

/// What an operator does to a holder or an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HolderAction {
    /// Ends a holder's tokens for good.
    Revoke(PaymentId),
    /// Stops an account: it neither pays nor reads.
    Freeze(Payer),
    /// Lets it go on.
    Unfreeze(Payer),
}

/// Why an operator's change was not made. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum HolderRefusal {
    /// There is none.
    #[error("there is no such holder")]
    Unknown,
    /// It was revoked before.
    #[error("the holder is revoked already")]
    Revoked,
    /// It was frozen before.
    #[error("the account is frozen already")]
    Frozen,
    /// It is not.
    #[error("the account is not frozen")]
    NotFrozen,
    /// The books failed.
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// Holders. One transaction per method.
#[async_trait]
pub trait HolderBooks: Send + Sync {
    /// Whose agent token has this hash; none for one that was revoked, or rotated more than a
    /// minute ago.
    ///
    /// # Errors
    /// [`BooksError`]; so for every method here that names no other error.
    async fn holder_of_token(
        &self,
        agent_token_sha256: &[u8; 32],
        now: UnixMs,
    ) -> Result<Option<KnownToken>, BooksError>;

    /// What this very credential paid for, or took a credit for.
    async fn used_credential(&self, key: &ChargeKey) -> Result<Option<UsedCredential>, BooksError>;

    /// Notes whose payment one is that is about to be claimed; the holder is made where it is new.
    async fn hold(&self, payment: PaymentId, holder: &Holder, at: UnixMs)
    -> Result<(), BooksError>;

    /// Whose payment one is; none for a revoked holder, and for payments of earlier releases.
    async fn holder_of_payment(&self, payment: PaymentId) -> Result<Option<Holder>, BooksError>;

    /// The results that somebody of this scope paid for; of these names, or all.
    async fn results_of(
        &self,
        payer: &Payer,
        scope: Scope,
        only: Option<&str>,
    ) -> Result<BTreeSet<String>, BooksError>;

    /// Puts the next token in the place of this one, which stays good until then. False where it is
    /// no longer the one that is good.
    async fn rotate_token(
        &self,
        holder: &Holder,
        next_sha256: &[u8; 32],
        at: UnixMs,
        until: UnixMs,
    ) -> Result<bool, BooksError>;

    /// The holders of an account, newest first.
    async fn holders(&self, payer: &Payer, limit: u32) -> Result<Vec<HolderRow>, BooksError>;

    /// Since when an account is frozen, if it is.
    async fn frozen_since(&self, payer: &Payer) -> Result<Option<UnixMs>, BooksError>;

    /// Carries out an operator's change.
    ///
    /// # Errors
    /// [`HolderRefusal`].
    async fn change_holders(&self, change: &HolderChange) -> Result<(), HolderRefusal>;
}
