//! Paying for an order with a card, or with a credit of its account: steps 4 to 11 of
//! docs/architecture.md, in the same order as [`super::super::priced`].

use std::sync::Arc;

use payments::{
    agent::Payer,
    checkout::{CardRequest, PresentedCard, claim_card},
    holder::Holder,
    ids::PaymentId,
    intent::KeptRequest,
    ports::{ClaimKey, Claimed},
    proof::{ChargeKey, ProofKey},
};

use super::{
    super::{
        claiming::{answer_claimed, to_its_end},
        earlier_terms,
        error::{BlockedFor, CardRequestError, FrozenFor, GatewayError},
        reply::GatewayReply,
        request::GatewayRequest,
        state::Gateway,
        turns::Turn,
    },
    desk::CardDesk,
    order::Order,
    repeated::repeated,
    stable,
    who::{self, Paying},
};

/// Pays for an order with a card, or with a credit of its account.
///
/// # Errors
/// The credential does not hold, nothing may fund the order, or its outcome is not known yet.
pub async fn pay(
    gateway: &Arc<Gateway>,
    order: Order<'_>,
    call: &mut GatewayRequest,
    header: &[u8],
) -> Result<GatewayReply, GatewayError> {
    let Some(challenged) = call.challenged else { return Err(GatewayError::NoCredential) };
    // 4. Offline, without the time: a repeat must be recognised whatever the time is.
    let verified = gateway
        .card_desk()
        .map_err(GatewayError::from)
        .and_then(|desk| Ok((desk, who::verified(gateway, desk, challenged, call, header)?)));
    let (desk, verified) = match verified {
        Ok((desk, Some(verified))) => (desk, verified),
        Ok((_, None)) => return Err(GatewayError::NoCredential),
        Err(refused) => return earlier_terms::of_charge(gateway, call, header, refused).await,
    };
    // 5. Known keys answer from the table of repeated keys. Copies that arrive at once take turns.
    let presented = verified.presented();
    let key = ChargeKey {
        challenge_id: presented.challenge_id(),
        token_sha256: *presented.token_sha256().as_bytes(),
    };
    let turn = gateway.turns.take(ProofKey::Charge(key)).await;
    let proof = ClaimKey { proof: Some(ProofKey::Charge(key)), idempotency: None };
    if let Some(known) =
        gateway.world.books.known(&proof).await.map_err(|error| GatewayError::internal(&error))?
    {
        drop(turn);
        return repeated(gateway, call, &proof, known).await;
    }
    // 6. The time, and the account: the processor's one answer.
    let now = gateway.world.clock.now();
    let live = verified.in_window(now).map_err(GatewayError::InvalidCard)?;
    let beside = call.agent_token.clone();
    let look = desk.looks.take(call.peer, now)?;
    let paying = match who::of_payment_token(desk, &live, beside.as_deref(), now).await {
        Ok(paying) => paying,
        // Meanwhile the token may have been spent here, under another challenge.
        Err(refused) => match gateway
            .world
            .books
            .known(&proof)
            .await
            .map_err(|error| GatewayError::internal(&error))?
        {
            Some(known) => return repeated(gateway, call, &proof, known).await,
            None => return Err(refused),
        },
    };
    let card = PresentedCard { key, token: live.token().clone(), price: live.amount() };
    if beside.is_none() {
        look.give_back();
        let stable = paying.stable.clone();
        let answer = serve(gateway, &order, call, paying, Some(card), turn).await?;
        return match order {
            Order::Call(..) => Ok(answer),
            Order::Pack(_) => Ok(stable::compared(gateway, desk, answer, stable).await),
        };
    }
    // Beside an agent token nobody asked what the payment token is worth: its charge tells.
    let answer = serve(gateway, &order, call, paying, Some(card), turn).await?;
    look.give_back();
    Ok(answer)
}

/// Steps 5 (the client's own key) to 11 of docs/architecture.md, once the account is known.
///
/// # Errors
/// Nothing may fund the order, or its outcome is not known yet.
pub async fn serve(
    gateway: &Arc<Gateway>,
    order: &Order<'_>,
    call: &mut GatewayRequest,
    paying: Paying,
    card: Option<PresentedCard>,
    turn: Turn<'_>,
) -> Result<GatewayReply, GatewayError> {
    let (desk, Paying { payer, holder, stable }) = (gateway.card_desk()?, paying);
    let idempotency_key = call.idempotency_key.read()?;
    let proof = card.as_ref().map(|card| ProofKey::Charge(card.key));
    let key =
        ClaimKey { proof, idempotency: idempotency_key.clone().map(|key| (payer.clone(), key)) };
    if key.idempotency.is_some()
        && let Some(known) =
            gateway.world.books.known(&key).await.map_err(|error| GatewayError::internal(&error))?
    {
        drop(turn);
        return repeated(gateway, call, &key, known).await;
    }
    call.rate = Some(gateway.limits.agent(&payer, gateway.world.clock.now()).await?);
    call.proven = Some(payer.clone());
    desk.rail.account_known().await.map_err(|error| who::unanswered(&error))?;
    unblocked(desk, &payer).await?;
    if desk
        .books
        .frozen_since(&payer)
        .await
        .map_err(|error| GatewayError::internal(&error))?
        .is_some()
    {
        return Err(CardRequestError::Frozen(FrozenFor::Payment).into());
    }
    // 7 and 8.
    order.check(gateway, call, stable.as_ref()).await?;
    // 9 was the look at the token. 10. The claim.
    let id = gateway.world.ids.payment_id();
    hold(gateway, desk, id, &payer, holder).await?;
    let (request, product) = (kept(call), order.product());
    let request = CardRequest {
        id,
        payer,
        card,
        fingerprint: call.fingerprint,
        request,
        product,
        idempotency_key,
    };
    let world = gateway.world.clone();
    let claimed = to_its_end(gateway, id, async move { claim_card(&world, request).await }).await?;
    drop(turn);
    if let Claimed::Known(known) = claimed {
        return repeated(gateway, call, &key, known).await;
    }
    answer_claimed(gateway, call, &key, claimed).await
}

/// Notes whose payment it will be, before there is one: the answer of it brings the holder's token.
async fn hold(
    gateway: &Gateway,
    desk: &CardDesk,
    id: PaymentId,
    payer: &Payer,
    holder: Option<Holder>,
) -> Result<(), GatewayError> {
    let holder = holder
        .unwrap_or_else(|| Holder::beginning(id, payer.clone(), desk.tokens.sha256_of(payer, id)));
    desk.books
        .hold(id, &holder, gateway.world.clock.now())
        .await
        .map_err(|error| GatewayError::internal(&error))
}

/// An account that charged back buys nothing. No challenge goes out with it: another payment would
/// be refused, too.
async fn unblocked(desk: &CardDesk, payer: &Payer) -> Result<(), GatewayError> {
    let blocks =
        desk.books.blocks_of(payer).await.map_err(|error| GatewayError::internal(&error))?;
    let Some(block) = blocks.first() else { return Ok(()) };
    let why = match block.cause.as_str() {
        "chargeback" => BlockedFor::Chargeback,
        _ => BlockedFor::FraudWarning,
    };
    Err(CardRequestError::Blocked(why).into())
}

fn kept(call: &GatewayRequest) -> KeptRequest {
    KeptRequest {
        route: call.route.clone(),
        path_and_query: call.path_and_query.clone(),
        body: call.body.clone(),
        content_type: call.content_type(),
    }
}
