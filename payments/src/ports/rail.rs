//! The rail that moves money on the chain.

mod answers;

pub use answers::{Outcome, PreparationError, RailError, Raised, Sent};

use async_trait::async_trait;

use crate::{
    agent::Wallet,
    ids::PaymentId,
    ports::{
        finality::Standing,
        signing::{ChainNonces, Resigning},
        unclaimed::Earlier,
    },
    settlement::{Attempt, ChainHash, SettlementProof, TransferTerms},
    time::UnixMs,
    x402::verify::{LiveTransfer, VerifiedTransfer},
};

/// What one batch of reads says before a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainView {
    /// The token already used or cancelled the authorization.
    pub authorization_used: bool,
    /// The payer's balance in the token's units.
    pub balance_units: u128,
    /// The node's words, if the settling call would revert on the newest block: the token is
    /// paused, the payer is barred from it, and the like.
    pub would_revert: Option<String>,
    /// The token's issuer has stopped all transfers: no payment is possible now.
    pub token_paused: bool,
    /// The newest block.
    pub block_number: u64,
    /// The signer's next nonce as the node sees it, pending transactions included.
    pub signer_next_nonce: u64,
    /// Fees for a transaction sent now, with what the signer can pay.
    pub fees: FeeQuote,
}

/// What a transaction would cost now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeQuote {
    /// EIP-1559 fee cap per gas, in wei.
    pub max_fee_per_gas_wei: u128,
    /// EIP-1559 tip per gas, in wei.
    pub max_priority_fee_per_gas_wei: u128,
    /// The signer's balance in wei.
    pub signer_balance_wei: u128,
}

/// Signs the settling transaction inside the claiming transaction, so that nothing is sent that was
/// not saved. No I/O.
pub trait Preparer: Send + Sync {
    /// The signer whose nonce sequence the books keep.
    fn signer(&self) -> Wallet;

    /// Whether this signer could sign now, whatever the nonce: a payment does not wait for a signer
    /// that cannot pay for it.
    ///
    /// # Errors
    /// [`PreparationError`].
    fn can_sign(&self) -> Result<(), PreparationError>;

    /// Builds, signs and seals the transaction.
    ///
    /// # Errors
    /// [`PreparationError`]; the claim is then rolled back.
    fn prepare(
        &self,
        intent: PaymentId,
        eoa_nonce: u64,
        at: UnixMs,
    ) -> Result<Attempt, PreparationError>;
}

/// What any node of the chain behind x402 can say. Unknown is unknown: an error never means that
/// nothing was paid.
#[async_trait]
pub trait ChainReader: Send + Sync {
    /// One batch of reads about a proof and about our signer.
    ///
    /// # Errors
    /// [`RailError`]: nothing may be claimed then.
    async fn view(&self, transfer: &LiveTransfer) -> Result<ChainView, RailError>;

    /// The terms of the transfer, without its signature, to be kept with the intent.
    fn terms(&self, transfer: &LiveTransfer, view: &ChainView) -> TransferTerms;

    /// What became of a payment: by the receipts of our transactions, then by the token's logs.
    ///
    /// # Errors
    /// [`RailError`]: the outcome stays unknown.
    async fn outcome(
        &self,
        terms: &TransferTerms,
        attempts: &[Attempt],
    ) -> Result<Outcome, RailError>;

    /// Where these settlements stand now, in the same order: by the hashes of their blocks, and by
    /// the newest block that is final.
    ///
    /// # Errors
    /// [`RailError`]: nothing is known of any of them.
    async fn standing(&self, booked: &[SettlementProof]) -> Result<Vec<Standing>, RailError>;

    /// What the chain took for those of these transactions that are mined, in wei.
    ///
    /// # Errors
    /// [`RailError`] when the node does not answer.
    async fn fees_paid(&self, attempts: &[Attempt]) -> Result<Vec<(ChainHash, u128)>, RailError>;

    /// The EIP-155 chain that is configured.
    fn chain_id(&self) -> u64;

    /// Whether the nonce of the last of these attempts is used by a mined transaction that is none
    /// of them, while the authorization is unused: nothing that was signed under it can be mined
    /// any more. Proven by one answer of one node.
    ///
    /// # Errors
    /// [`RailError`] when the node does not answer.
    async fn outrun(&self, terms: &TransferTerms, attempts: &[Attempt]) -> Result<bool, RailError>;

    /// Whether an authorization that expires at this second can no longer be used on the chain.
    ///
    /// # Errors
    /// [`RailError`] when the chain's time is not known.
    async fn expired_on_chain(&self, valid_before_unix_s: u64) -> Result<bool, RailError>;

    /// The nonces of this signer as the node has them, from one answer.
    ///
    /// # Errors
    /// [`RailError`] when the node does not answer.
    async fn nonces(&self, signer: Wallet) -> Result<ChainNonces, RailError>;

    /// Whether the signer's nonce is used by a mined transaction, with as many blocks on it as a
    /// fate needs: what a reorganisation may still take back must be sent again.
    ///
    /// # Errors
    /// [`RailError`] when the node does not answer.
    async fn nonce_used(&self, signer: Wallet, eoa_nonce: u64) -> Result<bool, RailError>;

    /// What a proof did that no claim of these books took, whatever its time. A rail whose books
    /// are never older than its chain need not look.
    ///
    /// # Errors
    /// [`RailError`] when the node does not answer.
    async fn earlier(&self, _transfer: &VerifiedTransfer) -> Result<Earlier, RailError> {
        Ok(Earlier::NotPaid)
    }

    /// Who sent this transaction, where it is neither one of our signers nor a relayer that is
    /// known to us.
    ///
    /// # Errors
    /// [`RailError`] when the node does not answer.
    async fn stranger(&self, tx_hash: ChainHash) -> Result<Option<Wallet>, RailError>;

    /// Whether the node's last answer was for another chain than the configured one: nobody is
    /// asked to pay then. Asks nobody.
    fn on_wrong_chain(&self) -> bool {
        false
    }
}

/// What settles on that chain: a signer of ours today; a facilitator or a batch answers the same
/// questions.
#[async_trait]
pub trait Settler: Send + Sync {
    /// What it takes to sign this transfer later, sealed under the payment's id.
    fn keep(&self, intent: PaymentId, transfer: &LiveTransfer) -> Vec<u8>;

    /// The transfer that was kept, its signature verified anew.
    ///
    /// # Errors
    /// [`RailError::NotReady`] when it does not open: it was sealed under another key, or is of
    /// another token.
    fn kept(&self, intent: PaymentId, sealed: &[u8]) -> Result<VerifiedTransfer, RailError>;

    /// A preparer for this transfer at these fees, for at most this much gas in wei.
    fn preparer(
        &self,
        transfer: &LiveTransfer,
        view: &ChainView,
        gas_wei: u128,
    ) -> Box<dyn Preparer>;

    /// Sends the saved bytes, the same each time.
    async fn send(&self, attempt: &Attempt) -> Sent;

    /// The signers whose keys are here, the one that signs what is claimed here first. Only they
    /// can replace or empty what they signed.
    fn signers(&self) -> Vec<Wallet>;

    /// The same transaction under the same nonce with a higher fee, for at most this much gas in
    /// wei.
    ///
    /// # Errors
    /// [`RailError`] when the node does not say what a fee costs now, or the signer's key is not
    /// here.
    async fn bump(
        &self,
        intent: PaymentId,
        last: &Attempt,
        gas_wei: u128,
        at: UnixMs,
    ) -> Result<Raised, RailError>;

    /// What it takes to sign the transfer of this attempt anew with this process's own signer, for
    /// at most this much gas in wei.
    ///
    /// # Errors
    /// [`RailError`] when the node does not answer, or the attempt cannot be opened.
    async fn resigning(&self, last: &Attempt, gas_wei: u128) -> Result<Resigning, RailError>;

    /// An empty transaction of the signer to itself under this nonce, to be saved before it is
    /// sent.
    ///
    /// # Errors
    /// [`RailError`] when the node does not say what a fee costs now, or the signer's key is not
    /// here.
    async fn void(
        &self,
        intent: PaymentId,
        last: &Attempt,
        gas_wei: u128,
        at: UnixMs,
    ) -> Result<Attempt, RailError>;

    /// An empty transaction of this signer to itself under a nonce that no payment has, to be saved
    /// before it is sent: the first one, or one with a higher fee than the last. For at most this
    /// much gas in wei.
    ///
    /// # Errors
    /// [`RailError`] when the node does not say what a fee costs now, the fee is at its bound, or
    /// the signer's key is not here.
    async fn fill(
        &self,
        signer: Wallet,
        eoa_nonce: u64,
        last: Option<&Attempt>,
        gas_wei: u128,
        at: UnixMs,
    ) -> Result<Attempt, RailError>;

    /// Whether the node answers for the configured chain, the token is not paused, and the signer
    /// can pay gas.
    ///
    /// # Errors
    /// [`RailError`], or what is missing.
    async fn ready(&self) -> Result<(), RailError>;
}

/// The chain behind x402, read and settled on.
pub trait ChainRail: ChainReader + Settler {}

impl<T: ChainReader + Settler> ChainRail for T {}
