//! Steps 9 and 10 of docs/architecture.md, by card: the claiming transaction. What the processor
//! says of the token was asked before, because it says who asks.

use std::num::NonZeroU32;

use crate::{
    agent::Payer,
    charge::PaymentToken,
    checkout::{ClaimError, World, claim::claim_with_unit},
    fingerprint::Fingerprint,
    funding::{Means, PayTerms, Product},
    ids::PaymentId,
    intent::{KeptRequest, Protocol},
    money::{Amount, Credits, UsdCents},
    ports::{ClaimKey, ClaimRefusal, Claimed, NewCharge, NewClaim, Payment},
    proof::{ChargeKey, ProofKey},
};

/// A request of a card account that has passed every offline check.
pub struct CardRequest {
    /// The id of the payment that it begins, made before anything is written.
    pub id: PaymentId,
    /// The account.
    pub payer: Payer,
    /// What could be charged; none where an agent token says who asks.
    pub card: Option<PresentedCard>,
    /// What is asked for.
    pub fingerprint: Fingerprint,
    /// What goes upstream; of a pack, what was asked.
    pub request: KeptRequest,
    /// A call or a pack.
    pub product: Product,
    /// The client's `Idempotency-Key`.
    pub idempotency_key: Option<String>,
}

/// A payment token under one of our challenges, verified.
pub struct PresentedCard {
    /// The challenge and the token's hash.
    pub key: ChargeKey,
    /// What can be charged.
    pub token: PaymentToken,
    /// The price.
    pub price: UsdCents,
}

/// Claims the request and decides its funding in one transaction: a credit if there is one,
/// otherwise the charge, built and sealed before.
///
/// # Errors
/// [`ClaimError`]: nothing was claimed and nothing was sent, unless it is
/// [`BooksError::NotKnown`](crate::ports::BooksError::NotKnown).
pub async fn claim_card(world: &World, asked: CardRequest) -> Result<Claimed, ClaimError> {
    let Some(cards) = &world.cards else { return Err(ClaimError::NoCards) };
    let now = world.clock.now();
    let settings = &world.settings;
    let id = asked.id;
    let (means, proof) = match &asked.card {
        Some(card) => (Means::Charge, Some(ProofKey::Charge(card.key))),
        None => (Means::Nothing, None),
    };
    let price = match (&asked.card, asked.product) {
        (Some(card), _) => Amount::Usd(card.price),
        (None, Product::Call { credits }) => {
            Amount::Credits(Credits::new(credits.map_or(0, NonZeroU32::get).into()))
        }
        (None, Product::Pack { credits }) => Amount::Credits(credits),
    };
    let payment = match asked.card {
        Some(card) => {
            let charge = NewCharge {
                key: card.key,
                token: card.token,
                amount: card.price,
                route: asked.request.route.clone(),
                agent_token_sha256: cards.tokens.sha256_of(&asked.payer, id),
            };
            match cards.rail.prepare(id, charge, now) {
                Ok(charge) => Payment::Charge(Box::new(charge)),
                Err(refusal) => return Ok(Claimed::Refused(ClaimRefusal::Preparation(refusal))),
            }
        }
        None => Payment::Nothing,
    };
    let claim = NewClaim {
        id,
        key: ClaimKey {
            proof,
            idempotency: asked.idempotency_key.map(|key| (asked.payer.clone(), key)),
        },
        fingerprint: asked.fingerprint,
        request: asked.request,
        price,
        protocol: Protocol::Mpp,
        free: None,
        pay_terms: PayTerms {
            refused_after_pay_per_day: settings.refused_after_pay_per_day,
            reverts: settings.reverts,
            proof_covers_price: true,
            means,
            product: asked.product,
            beside_price_units: u64::MAX,
        },
        payment,
        join_since: now.plus_ms(settings.join_window_ms.saturating_neg()),
        at: now,
        lease_until: now.plus_ms(settings.lease_ms),
        payer: asked.payer.clone(),
    };
    let claimed = match asked.product {
        Product::Call { .. } => claim_with_unit(world, claim).await,
        Product::Pack { .. } => world.books.claim(claim).await.map_err(ClaimError::from),
    };
    // A credit may be gone, also where the books did not say so.
    world.forget_balance(&asked.payer).await;
    claimed
}
