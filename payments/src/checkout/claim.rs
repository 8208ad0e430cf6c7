//! Steps 9 and 10 of docs/architecture.md: one batch of reads on the chain, then the claiming
//! transaction.

use alloy_primitives::U256;

use crate::{
    agent::Payer,
    checkout::{World, settled_before},
    error::{ProofError, Reason},
    fingerprint::Fingerprint,
    free_quota::FreeTerms,
    funding::{FundingRefusal, Means, PayTerms, Product},
    ids::PaymentId,
    intent::{KeptRequest, Protocol},
    money::{Amount, UsdcUnits},
    ports::{
        BooksError, ChainView, ClaimKey, ClaimRefusal, Claimed, Known, NewClaim, Payment, ProofUse,
        Queueing, RailError, TransferPayment, UnclaimedBooked, UpstreamError,
    },
    proof::ProofKey,
    route::Quota,
    x402::{
        X402Version,
        verify::{LiveTransfer, check_chain_state},
    },
};

/// A request to a priced route whose proof and body have passed every offline check.
pub struct PricedRequest {
    /// The id of the payment that it begins, made before anything is written.
    pub id: PaymentId,
    /// The proof, within its time window.
    pub transfer: LiveTransfer,
    /// Who signed it.
    pub payer: Payer,
    /// What is asked for.
    pub fingerprint: Fingerprint,
    /// What goes upstream.
    pub request: KeptRequest,
    /// The route's price.
    pub price: UsdcUnits,
    /// The route's free calls.
    pub free: Option<Quota>,
    /// The client's `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Version that the proof spoke.
    pub proof_version: X402Version,
}

/// Why nothing was claimed, or is not known to be.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The chain says that the proof is worth nothing: used, not covered by the balance, or refused
    /// by the token.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The proof was used to identify a caller on a free route.
    #[error("the proof was used up on a free route")]
    UsedForIdentity,
    /// It paid us before these books knew it.
    #[error("the proof was settled before these books")]
    SettledBefore(UnclaimedBooked),
    /// The token took it, and what for is not known yet.
    #[error("what the proof was used for is not known yet")]
    UseNotKnown,
    /// No cards are taken here.
    #[error("no cards are taken here")]
    NoCards,
    /// The chain could not be asked.
    #[error(transparent)]
    Rail(#[from] RailError),
    /// The upstream bears no further creation now.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The books could not be asked, or did not answer: see [`BooksError::NotKnown`].
    #[error(transparent)]
    Books(#[from] BooksError),
}

/// Asks the chain about the proof, then claims it and decides the funding in one transaction.
///
/// An empty wallet gets that far too: its last coin may have paid for an answer that it never got,
/// or for a creation that was refused.
///
/// # Errors
/// [`ClaimError`]: nothing was claimed and nothing was sent, unless it is [`BooksError::NotKnown`].
pub async fn claim(world: &World, asked: PricedRequest) -> Result<Claimed, ClaimError> {
    let view = world.rail.view(&asked.transfer).await?;
    let proof = Some(ProofKey::Authorization(asked.transfer.key()));
    let key = ClaimKey {
        proof,
        idempotency: asked.idempotency_key.clone().map(|key| (asked.payer.clone(), key)),
    };
    if view.authorization_used
        && let Some(known) = settled_meanwhile(world, &key, &asked.transfer).await?
    {
        return Ok(Claimed::Known(known));
    }
    check_chain_state(&asked.transfer, view.authorization_used, U256::MAX)?;
    let short = short_of(world, &asked, &view);
    let unpayable = short.clone().or_else(|| refused_by_token(&view));
    let payable = unpayable.is_none() && !view.token_paused;
    let may_be_free = short.is_none() || !world.settings.require_balance_for_free;
    if world.proofs.take_paying(&asked.transfer.key(), world.clock.now()).await
        == ProofUse::Identity
    {
        return Err(ClaimError::UsedForIdentity);
    }
    let preparer = world.rail.preparer(
        &asked.transfer,
        &view,
        world.settings.gas.of(Amount::Usdc(asked.price)),
    );
    let now = world.clock.now();
    let settings = &world.settings;
    let pay_terms = pay_terms(world, &asked, &view, payable);
    let free = asked
        .free
        .filter(|_| may_be_free)
        .map(|quota| FreeTerms { quota, per_day_total: settings.free_per_day_total }.at(now));
    let is_free = free.is_some();
    let claim = NewClaim {
        id: asked.id,
        key,
        fingerprint: asked.fingerprint,
        request: asked.request,
        price: Amount::Usdc(asked.price),
        protocol: Protocol::X402(asked.proof_version),
        free,
        pay_terms,
        payment: Payment::Transfer(TransferPayment {
            transfer: world.rail.terms(&asked.transfer, &view),
            chain_next_nonce: view.signer_next_nonce,
            preparer: preparer.as_ref(),
            queueing: queueing(world, &asked.transfer, asked.id),
        }),
        join_since: now.plus_ms(settings.join_window_ms.saturating_neg()),
        at: now,
        lease_until: now.plus_ms(settings.lease_ms),
        payer: asked.payer,
    };
    // A payer who can neither pay nor be given anything takes no unit of the upstream's budget,
    // even for a moment.
    let claimed = if payable || is_free {
        claim_with_unit(world, claim).await?
    } else {
        world.books.claim(claim).await?
    };
    why_unpaid(claimed, unpayable, view.token_paused)
}

/// A claim that nothing could pay for is refused for what stood in the way of the payment.
fn why_unpaid(
    claimed: Claimed,
    unpayable: Option<ProofError>,
    is_token_paused: bool,
) -> Result<Claimed, ClaimError> {
    let below_price =
        Claimed::Refused(ClaimRefusal::Funding(FundingRefusal::ProofBelowPrice)) == claimed;
    match unpayable {
        // A pause of the token passes, and the same proof is good later.
        _ if below_price && is_token_paused => Err(RailError::TokenPaused.into()),
        Some(why) if below_price => Err(why.into()),
        Some(_) | None => Ok(claimed),
    }
}

/// What is known of a used authorization: a copy of this very request was claimed and settled since
/// the key was looked up, and no challenge may be sent for it.
///
/// # Errors
/// [`ClaimError::SettledBefore`] where the chain has its settlement and the books had no claim.
async fn settled_meanwhile(
    world: &World,
    key: &ClaimKey,
    transfer: &LiveTransfer,
) -> Result<Option<Known>, ClaimError> {
    if let Some(known) = world.books.known(key).await? {
        return Ok(Some(known));
    }
    match settled_before(world, transfer).await? {
        Some(booked) => Err(ClaimError::SettledBefore(booked)),
        None => Ok(None),
    }
}

fn pay_terms(world: &World, asked: &PricedRequest, view: &ChainView, is_payable: bool) -> PayTerms {
    PayTerms {
        refused_after_pay_per_day: world.settings.refused_after_pay_per_day,
        reverts: world.settings.reverts,
        proof_covers_price: asked.transfer.value() == asked.price && is_payable,
        means: Means::Transfer,
        product: Product::Call { credits: None },
        beside_price_units: beside(view.balance_units, asked.price),
    }
}

/// What a balance leaves beside the price. Nothing is beside a balance below it, and such a proof
/// is refused for that.
fn beside(balance_units: u128, price: UsdcUnits) -> u64 {
    u64::try_from(balance_units.saturating_sub(price.get().into())).unwrap_or(u64::MAX)
}

/// How the payment waits if its signer is busy.
fn queueing(world: &World, transfer: &LiveTransfer, id: PaymentId) -> Queueing {
    let sealed_authorization = world.rail.keep(id, transfer);
    Queueing { sealed_authorization, max: world.settings.queue_max, always: false }
}

/// Claims with a unit of the upstream's budget, which goes back where nothing new was claimed.
pub(super) async fn claim_with_unit(
    world: &World,
    claim: NewClaim<'_>,
) -> Result<Claimed, ClaimError> {
    let id = claim.id;
    world.upstream.take_unit(id)?;
    let claimed = world.books.claim(claim).await;
    if !matches!(claimed, Ok(Claimed::New(_))) {
        world.upstream.give_unit_back(id);
    }
    Ok(claimed?)
}

/// The settling call would revert. It matters only where money would be taken: a slot or an
/// entitlement needs no transfer.
fn refused_by_token(view: &ChainView) -> Option<ProofError> {
    let words = view.would_revert.as_ref()?;
    Some(ProofError::new(
        Reason::SimulationFailed,
        "payload.authorization",
        "a transfer that the token accepts",
        words,
    ))
}

/// What the wallet lacks to be able to pay: the proof's value, and the price where a free creation
/// asks for it too.
fn short_of(world: &World, asked: &PricedRequest, view: &ChainView) -> Option<ProofError> {
    if let Err(short) = check_chain_state(&asked.transfer, false, U256::from(view.balance_units)) {
        return Some(short);
    }
    let price = asked.price.get();
    let short = world.settings.require_balance_for_free && view.balance_units < u128::from(price);
    short.then(|| {
        let expected = format!("a balance of at least {price} units");
        ProofError::new(
            Reason::InsufficientFunds,
            "payload.authorization.from",
            expected,
            view.balance_units,
        )
    })
}
