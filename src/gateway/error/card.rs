//! Requests by card that cannot be served.

use payments::ports::EventRefusal;

/// Why a request by card, or one about a card account, is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardRequestError {
    /// Card payments are not enabled.
    NotEnabled,
    /// Card payments were not enabled when the payment was to be claimed.
    NotEnabledAtClaim,
    /// The route is not paid by card.
    NotTakenOnRoute,
    /// Neither an agent token nor a credential that paid.
    UnknownAccount,
    /// The credential paid too long ago to identify its holder.
    CredentialTooOld,
    /// An operator froze the account.
    Frozen(FrozenFor),
    /// The agent token does not exist.
    UnknownToken,
    /// The agent token was rotated already.
    TokenRotated,
    /// The payment token cannot be charged.
    UnusableToken(UnusableToken),
    /// The card processor is unavailable; nothing was claimed.
    ProcessorUnavailable {
        /// Seconds until another try.
        retry_after_s: u64,
    },
    /// The challenge was paid with another payment token.
    ChallengeUsed,
    /// The payment token is being charged under another challenge.
    PaymentTokenInUse,
    /// The payment token was used for another payment.
    PaymentTokenUsed,
    /// The account may not buy until the operator lifts it.
    Blocked(BlockedFor),
    /// The result was not paid for by this holder.
    NotPaidByHolder,
    /// The processor does not recognise the card from one payment token to the next.
    CardNotRecognised,
    /// No pack is sold for this request.
    Pack(PackError),
    /// An event of the card processor is not taken.
    Event(EventError),
}

/// What a frozen account was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrozenFor {
    /// To identify its holder.
    Identification,
    /// To pay.
    Payment,
}

/// Why an account may not buy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockedFor {
    /// A payment was charged back.
    Chargeback,
    /// The card network warns of fraud.
    FraudWarning,
}

/// Why a pack is not sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackError {
    /// No route takes credits.
    NoneSold,
    /// Packs are sold for cards alone.
    NeedsCard(PackBuyer),
    /// The body does not name a pack in its form.
    InvalidBody,
    /// There is no such pack.
    Unknown {
        /// The one that is sold.
        sold: &'static str,
        /// What was asked for, shortened.
        asked: String,
    },
}

/// Why an event of the card processor is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventError {
    /// No webhook secret is configured.
    NotEnabled,
    /// It is larger than any of the processor's.
    TooLarge,
    /// It is not authentic, or not for this gateway.
    Invalid(EventRefusal),
    /// The processor cannot be asked about it now: it is to be sent again.
    PutOff,
}

/// Who asked for a pack without a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackBuyer {
    /// An x402 wallet.
    Wallet,
    /// A user of the upstream's API keys.
    ApiKey,
}

/// Why a payment token cannot be charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnusableToken {
    /// The processor does not know it, or it was granted to another seller.
    Unknown,
    /// It was used or revoked; the processor's own word.
    Deactivated(String),
    /// It is of the other mode than this gateway.
    OtherMode {
        /// The gateway takes real money.
        livemode: bool,
    },
    /// It is for another currency.
    OtherCurrency(String),
    /// What it may still be charged is below the price, in cents.
    LimitBelowPrice {
        /// The price.
        price_cents: u64,
        /// What is left.
        left_cents: u64,
    },
    /// It has expired.
    Expired {
        /// When, in unix seconds.
        at_s: u64,
    },
}
