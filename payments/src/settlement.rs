//! Facts about money: what was sent, what proves that it arrived, what proves that it never will.
//! Those of a card are in [`crate::charge`].

use crate::{
    agent::Wallet,
    charge::ChargeProof,
    ids::PaymentId,
    money::{Amount, UsdcUnits},
    proof::PaymentKey,
    time::UnixMs,
};

/// Chains whose tokens are worth nothing. Every other chain is taken for a live one.
pub const TEST_CHAINS: [u64; 9] = [
    84_532,     // Base Sepolia
    31_337,     // local development
    1_337,      // local development
    11_155_111, // Sepolia
    17_000,     // Holesky
    421_614,    // Arbitrum Sepolia
    11_155_420, // OP Sepolia
    80_002,     // Polygon Amoy
    43_113,     // Avalanche Fuji
];

/// What the chain must have done for an intent to be paid: the terms of one authorization, without
/// its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferTerms {
    /// Chain, token, payer and nonce.
    pub key: PaymentKey,
    /// Our receiving address.
    pub pay_to: Wallet,
    /// Exactly this much.
    pub value: UsdcUnits,
    /// From this second on the token refuses the authorization.
    pub valid_before_unix_s: u64,
    /// The newest block when the claim was made: no log of ours is older.
    pub claimed_at_block: u64,
}

impl TransferTerms {
    /// The same terms as an intent of this price keeps them: a price in USDC is what the chain must
    /// have moved.
    pub fn worth(&self, price: Amount) -> Self {
        match price {
            Amount::Usdc(value) => Self { value, ..self.clone() },
            Amount::Usd(_) | Amount::Credits(_) => self.clone(),
        }
    }
}

/// A 32-byte hash of the chain, written as lower-case `0x` hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash(pub [u8; 32]);

/// One signed transaction of our signer, saved before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What the transaction does.
    pub kind: AttemptKind,
    /// Hash of the signed transaction, known before it is sent.
    pub tx_hash: ChainHash,
    /// The address that signed it.
    pub signer: Wallet,
    /// The signer's own sequence number; two attempts with the same one exclude each other.
    pub eoa_nonce: u64,
    /// Fee cap per gas in wei, to tell how far a replacement must raise it.
    pub max_fee_per_gas_wei: u128,
    /// The raw signed transaction under the seal key. Empty once the intent is terminal.
    pub sealed_tx: Vec<u8>,
    /// When it was saved.
    pub saved_at: UnixMs,
    /// What the chain took from the signer for it, in wei, once it is known to be mined: a reverted
    /// or empty transaction costs too. Gas is paid in the chain's own coin, so it is kept here to
    /// the wei; the journal has the sum of all in gwei.
    pub fee_wei: Option<u128>,
}

/// The gas that was paid for, in wei of the chain's own coin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GasSpent {
    /// For transactions that settled a payment.
    pub settled_wei: u128,
    /// For transfers that moved nothing: reverted, or too late.
    pub lost_wei: u128,
    /// For empty transactions in the place of transfers.
    pub void_wei: u128,
    /// For refunds in USDC, whatever became of them.
    pub refunds_wei: u128,
}

impl GasSpent {
    /// All of it; none where that does not fit.
    pub fn total_wei(&self) -> Option<u128> {
        let parts = [self.settled_wei, self.lost_wei, self.void_wei, self.refunds_wei];
        parts.into_iter().try_fold(0_u128, u128::checked_add)
    }
}

/// Why our signer spends one of its nonces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptKind {
    /// Settles the payer's authorization.
    Transfer,
    /// An empty transaction to ourselves that uses a nonce whose transfer may no longer be sent.
    Void,
}

/// The name under which a signed transaction is sealed: bytes that were moved to another row do not
/// open there.
pub fn seal_name(kind: AttemptKind, tx_hash: ChainHash) -> String {
    format!("{tx_hash}/{}", kind.word())
}

/// The name under which the authorization of a queued payment is sealed.
pub fn queued_name(id: PaymentId) -> String {
    format!("{id}/queued")
}

/// Proof that exactly the required amount reached us for one authorization: the token's `Transfer`
/// log beside its `AuthorizationUsed` log in one successful transaction, ours or a stranger's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementProof {
    /// The transaction.
    pub tx_hash: ChainHash,
    /// Its block.
    pub block_number: u64,
    /// The block's hash, to notice a reorganisation.
    pub block_hash: ChainHash,
    /// The index of the `Transfer` log in the block.
    pub log_index: u64,
    /// Gas that our signer paid for, in wei; 0 when a stranger settled it.
    pub fee_wei: u128,
}

/// Proof that an intent was paid, on either rail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// On the chain.
    Transfer(SettlementProof),
    /// By card.
    Charge(ChargeProof),
}

/// Proof that the authorization or the charge did not and will not pay us through what we sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentFailure {
    /// Our transaction was mined and reverted while the authorization stayed unused.
    Reverted,
    /// The payer cancelled the authorization.
    Cancelled,
    /// The safe block is past `valid_before` and the authorization was never used.
    Expired,
    /// The nonce was used for a transfer to another receiver or of another amount.
    SpentElsewhere,
    /// It waited for a signer until it could not be settled any more. Nothing was signed or sent.
    NeverSent,
    /// The card processor refused the charge for good; its own word, such as `insufficient_funds`.
    Declined(String),
    /// The card processor took another amount or currency than asked. All of it goes back.
    Mischarged,
}

// === impl PaymentFailure ===

impl PaymentFailure {
    /// The stable reason word, as stored and as shown to the payer.
    pub fn word(&self) -> &str {
        match self {
            Self::Reverted => "settlement_reverted",
            Self::Cancelled => "authorization_cancelled",
            Self::Expired => "authorization_expired",
            Self::SpentElsewhere => "authorization_spent_elsewhere",
            Self::NeverSent => "never_sent",
            Self::Declined(word) => word,
            Self::Mischarged => "amount_mismatch",
        }
    }

    /// The failure that a stored word names. A word of the card processor is lower case with
    /// underscores.
    pub fn from_word(word: &str) -> Option<Self> {
        let ours = [
            Self::Reverted,
            Self::Cancelled,
            Self::Expired,
            Self::SpentElsewhere,
            Self::NeverSent,
            Self::Mischarged,
        ];
        ours.into_iter().find(|failure| failure.word() == word).or_else(|| Self::declined(word))
    }

    /// A refusal of the card processor by its own word; `None` for a text that is no such word.
    pub fn declined(word: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        ((1..=64).contains(&word.len()) && word.bytes().all(plain))
            .then(|| Self::Declined(word.to_owned()))
    }
}

// === impl Settlement ===

impl Settlement {
    /// The chain's proof, if it is one.
    pub const fn transfer(&self) -> Option<&SettlementProof> {
        match self {
            Self::Transfer(proof) => Some(proof),
            Self::Charge(_) => None,
        }
    }

    /// The card processor's proof, if it is one.
    pub const fn charge(&self) -> Option<&ChargeProof> {
        match self {
            Self::Charge(proof) => Some(proof),
            Self::Transfer(_) => None,
        }
    }

    /// What names the payment on its rail: the transaction, or the payment intent.
    pub fn reference(&self) -> String {
        match self {
            Self::Transfer(proof) => proof.tx_hash.to_string(),
            Self::Charge(proof) => proof.payment_intent.clone(),
        }
    }
}

// === impl AttemptKind ===

impl AttemptKind {
    /// The word of `audit_attempts.kind`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Void => "void",
        }
    }
}

// === impl ChainHash ===

impl ChainHash {
    /// Reads `0x` and 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0_u8; 32];
        hex::decode_to_slice(text.strip_prefix("0x")?, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl std::fmt::Display for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl std::fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
