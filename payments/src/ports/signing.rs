//! The signers' own sequences of nonces, as the books and the chain have them.

use crate::{
    agent::Wallet,
    intent::Intent,
    ports::rail::Preparer,
    settlement::{Attempt, TransferTerms},
    time::UnixMs,
};

/// One of our accounts that signs on one chain. Its nonces there are a sequence of their own: the
/// same key on another chain has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SigningAccount {
    /// The EIP-155 chain.
    pub chain_id: u64,
    /// The account.
    pub address: Wallet,
}

/// A nonce of a payment that no mined transaction is known to use, and that no driver is going to
/// use either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenNonce {
    /// The payment that it was signed for.
    pub intent: Intent,
    /// The nonce.
    pub eoa_nonce: u64,
}

/// What a node says of an account's nonces. Each is the first that is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainNonces {
    /// By the blocks that have as many others on them as an outcome needs.
    pub confirmed: u64,
    /// By the newest block.
    pub mined: u64,
    /// With the transactions that wait at this node.
    pub pending: u64,
}

/// What the books have of an account's nonces from some nonce on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sequence {
    /// The first that was never given out; 0 for an account that signed nothing.
    pub next_nonce: u64,
    /// Those that a transaction of ours was saved for, in order.
    pub nonces: Vec<KnownNonce>,
    /// Empty transactions that fill holes and are not known to be used or to be needless, whatever
    /// their nonce, oldest first.
    pub fills: Vec<Attempt>,
}

/// One nonce that a payment's transaction was saved for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownNonce {
    /// The nonce.
    pub eoa_nonce: u64,
    /// No mined transaction is known to use it.
    pub open: bool,
    /// When its first transaction was saved.
    pub saved_at: UnixMs,
}

/// What it takes to sign a payment anew, under another nonce.
pub struct Resigning {
    /// Signs the same transfer.
    pub preparer: Box<dyn Preparer>,
    /// The signer's next nonce as the node sees it.
    pub chain_next_nonce: u64,
}

/// A payment whose nonce was used by a transaction that is not ours, to be signed anew under the
/// next nonce of the books.
pub struct Renewal<'a> {
    /// Who signs.
    pub account: SigningAccount,
    /// How.
    pub resigning: &'a Resigning,
    /// Now.
    pub at: UnixMs,
    /// What an operator should know of it.
    pub detail: String,
}

impl TransferTerms {
    /// The account that signs for this payment with this key.
    pub const fn signed_by(&self, address: Wallet) -> SigningAccount {
        SigningAccount { chain_id: self.key.chain_id, address }
    }
}

impl Intent {
    /// The account that signed an attempt of this payment; none for a payment that is no transfer.
    pub fn account_of(&self, attempt: &Attempt) -> Option<SigningAccount> {
        self.transfer.as_ref().map(|terms| terms.signed_by(attempt.signer))
    }
}
