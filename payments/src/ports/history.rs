//! What the world holds for us, as lists, to be compared with the books.

use async_trait::async_trait;

use crate::{
    agent::Wallet,
    ids::PaymentId,
    money::UsdcUnits,
    ports::{CardError, RailError},
    settlement::ChainHash,
    time::UnixMs,
};

/// How far the chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// The newest block that has as many blocks as a settlement needs.
    pub confirmed: u64,
    /// The newest block that no reorganisation takes back.
    pub settled: u64,
}

/// Where a log stands: it names one transfer for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogPlace {
    /// The transaction.
    pub tx_hash: ChainHash,
    /// The log's index in its block.
    pub log_index: u64,
}

/// One transfer of the token to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its log.
    pub place: LogPlace,
    /// Its block.
    pub block_number: u64,
    /// Whose money it was.
    pub from: Wallet,
    /// How much; more than the books can hold is the most that they can.
    pub value: UsdcUnits,
}

/// One transfer of the token, whoever sent and received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenTransfer {
    /// Its log.
    pub place: LogPlace,
    /// Its block.
    pub block_number: u64,
    /// Whose money it was.
    pub from: Wallet,
    /// Who has it now.
    pub to: Wallet,
    /// How much; more than the books can hold is the most that they can.
    pub value: UsdcUnits,
}

/// Why a range of blocks was not listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The node answers, and refuses: perhaps a smaller range is taken.
    #[error("the node refuses the range: {0}")]
    Refused(String),
    /// It cannot be asked.
    #[error(transparent)]
    Rail(#[from] RailError),
}

/// What the chain has done with our receiving address.
#[async_trait]
pub trait ChainHistory: Send + Sync {
    /// How far the chain is.
    ///
    /// # Errors
    /// [`RailError`]; so for every method here that names no other error.
    async fn heads(&self) -> Result<Heads, RailError>;

    /// Every transfer of the token to `pay_to` in the blocks from the first to the last, both
    /// included, oldest first.
    ///
    /// # Errors
    /// [`RangeError`].
    async fn received(
        &self,
        pay_to: &Wallet,
        first: u64,
        last: u64,
    ) -> Result<Vec<Received>, RangeError>;

    /// The nonce of the authorization that made each transfer; none for a plain one.
    async fn authorizations(
        &self,
        transfers: &[Received],
    ) -> Result<Vec<Option<[u8; 32]>>, RailError>;

    /// The transfers of the token that a transaction made; none where it is not mined, or failed.
    async fn transfers_of(
        &self,
        tx_hash: ChainHash,
    ) -> Result<Option<Vec<TokenTransfer>>, RailError>;

    /// What the address held of the token at the end of this block.
    async fn balance_at(&self, address: &Wallet, block: u64) -> Result<UsdcUnits, RailError>;

    /// How many blocks of logs the node lists at once, as far as that is known.
    fn log_blocks(&self) -> u64 {
        u64::MAX
    }

    /// The first block that is not older than this.
    async fn first_block_since(&self, unix_s: u64) -> Result<u64, RailError>;
}

/// A span of time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From here.
    pub from: UnixMs,
    /// To here.
    pub until: UnixMs,
}

/// One payment at the card processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardPayment {
    /// The processor's name of it, `pi_...`.
    pub id: String,
    /// Our payment, where its metadata names one.
    pub payment: Option<PaymentId>,
    /// It took money.
    pub succeeded: bool,
    /// How much, in the currency's minor unit.
    pub received_minor: u64,
    /// Its currency, in lower case.
    pub currency: String,
    /// Of that, given back.
    pub refunded_minor: u64,
}

/// What the card processor has done for us.
#[async_trait]
pub trait CardHistory: Send + Sync {
    /// Every payment that was made in this time, ours or not.
    ///
    /// # Errors
    /// [`CardError`]; so for every method here. A list that cannot be read to its end is an error.
    async fn payments(&self, made: Window) -> Result<Vec<CardPayment>, CardError>;

    /// One payment as it is now; none that the processor does not know.
    async fn payment(&self, id: &str) -> Result<Option<CardPayment>, CardError>;

    /// The payments that a refund or dispute was opened for in this time.
    async fn given_back(&self, made: Window) -> Result<Vec<String>, CardError>;
}

/// One creation at the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// The key that it was made under.
    pub core_key: String,
    /// The launch.
    pub launch_id: String,
    /// It was deleted since.
    pub deleted: bool,
}

/// A page of the creations at the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creations {
    /// The upstream lists none.
    NotOffered,
    /// A page, oldest first.
    Page {
        /// The creations.
        items: Vec<Creation>,
        /// Where the next page starts; none on the last.
        next: Option<String>,
    },
}
