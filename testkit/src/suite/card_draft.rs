//! How a card account asks, for a claim in the making.

use super::Draft;
use crate::{wallet::nonce, world::FOR_ONE_CREDIT};
use payments::{
    charge::Charge,
    funding::{Means, Product},
    ids::PaymentId,
    money::{Amount, Credits, UsdCents},
    ports::{Payment, Queueing, TransferPayment},
    proof::{ChallengeId, ChargeKey},
    time::UnixMs,
};

/// The price of a launch by card.
pub const LAUNCH_PRICE_CARD: UsdCents = UsdCents::new(60);
/// The price of the pack.
pub const PACK_PRICE: UsdCents = UsdCents::new(1_200);
/// What the pack buys.
pub const PACK_CREDITS: Credits = Credits::new(20);

/// How a card account asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardPart {
    /// Which account.
    pub account: u64,
    /// Which challenge.
    pub challenge: u64,
    /// Which payment token.
    pub token: u64,
    /// A launch or a pack.
    pub product: Product,
    /// A payment token is presented; otherwise an agent token says who asks.
    pub presented: bool,
}

// === impl CardPart ===

impl CardPart {
    /// The challenge and the token's hash.
    pub fn key(&self) -> ChargeKey {
        ChargeKey {
            challenge_id: ChallengeId(nonce(self.challenge)),
            token_sha256: nonce(self.token + 1_000_000),
        }
    }

    /// The charge as it is saved.
    pub fn charge(&self, intent: PaymentId, at: UnixMs) -> Charge {
        let mut agent_token_sha256 = nonce(self.account);
        agent_token_sha256[..20].copy_from_slice(&intent.to_string().as_bytes()[16..36]);
        let stripe_key = Charge::stripe_key_of(intent);
        Charge {
            key: self.key(),
            stripe_key,
            sealed_params: b"sealed".to_vec(),
            agent_token_sha256,
            saved_at: at,
        }
    }
}

// === impl Draft ===

impl Draft {
    /// By the card of this number: a challenge and a payment token of the draft's own number.
    #[must_use]
    pub fn by_card(self, card: u64) -> Self {
        let part = CardPart {
            account: card,
            challenge: self.number,
            token: self.number,
            product: FOR_ONE_CREDIT,
            presented: true,
        };
        Self { card: Some(part), ..self }
    }

    /// A pack of 20 credits by the card of this number.
    #[must_use]
    pub fn pack(self, card: u64) -> Self {
        let draft = self.by_card(card);
        Self {
            card: draft
                .card
                .map(|card| CardPart { product: Product::Pack { credits: PACK_CREDITS }, ..card }),
            ..draft
        }
    }

    /// By the agent token of the card of this number: it brings nothing that could be charged.
    #[must_use]
    pub fn by_token(self, card: u64) -> Self {
        let draft = self.by_card(card);
        Self { card: draft.card.map(|card| CardPart { presented: false, ..card }), ..draft }
    }

    /// The price of what is asked for.
    pub fn price(&self) -> Amount {
        match self.card.map(|card| card.product) {
            None => Amount::Usdc(self.price_usdc),
            Some(Product::Call { .. }) => Amount::Usd(LAUNCH_PRICE_CARD),
            Some(Product::Pack { .. }) => Amount::Usd(PACK_PRICE),
        }
    }

    pub(super) fn means(&self) -> Means {
        match &self.card {
            None => Means::Transfer,
            Some(card) if card.presented => Means::Charge,
            Some(_) => Means::Nothing,
        }
    }

    /// How it waits.
    pub fn queueing(&self) -> Queueing {
        Queueing {
            sealed_authorization: self.sealed_authorization(),
            max: self.queue_max,
            always: self.is_queued,
        }
    }

    pub(super) fn payment(&self) -> Payment<'_> {
        match &self.card {
            None => {
                let (transfer, chain_next_nonce) = (self.terms(), self.chain_next_nonce);
                let queueing = self.queueing();
                Payment::Transfer(TransferPayment {
                    transfer,
                    chain_next_nonce,
                    preparer: self,
                    queueing,
                })
            }
            Some(card) if card.presented => {
                Payment::Charge(Box::new(card.charge(self.id(), self.at)))
            }
            Some(_) => Payment::Nothing,
        }
    }
}
