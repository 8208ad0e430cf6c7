//! A request to a priced route by card: the steps of [`super::super::priced`], in the same order.

use std::sync::Arc;

use axum::response::Response;
use payments::{
    agent::Payer,
    checkout::{CardRequest, PresentedCard, claim_card},
    funding::Product,
    holder::Holder,
    ids::PaymentId,
    intent::KeptRequest,
    ports::{ClaimKey, Claimed},
    proof::{ChargeKey, ProofKey},
    route::Terms,
};

use super::{
    super::{
        call::Call,
        claiming::{answer_claimed, check_body, check_gates, to_its_end},
        credential, earlier_terms,
        error::{
            GatewayError,
            card::{BlockedFor, CardRequestError, FrozenFor},
        },
        state::Api,
        turns::Turn,
    },
    desk::{CardDesk, Pack},
    pack,
    repeated::repeated,
    stable,
    who::{self, Paying},
};
use crate::upstream::profile::UpstreamRoute;

/// What is bought, and what must hold before anything is claimed for it.
pub(super) enum Order<'a> {
    /// A call upstream: its body and the upstream's health are checked.
    Call(&'a UpstreamRoute, &'a Terms),
    /// The pack.
    Pack(Pack),
}

impl Order<'_> {
    fn product(&self) -> Product {
        match self {
            Order::Call(_, terms) => Product::Call { credits: terms.credits },
            Order::Pack(pack) => Product::Pack { credits: pack.credits },
        }
    }
}

/// Paid by a card, or by a credit of its account.
pub(in super::super) async fn by_credential(
    api: &Arc<Api>,
    upstream: &UpstreamRoute,
    terms: &Terms,
    call: &mut Call,
    header: &[u8],
) -> Result<Response, GatewayError> {
    pay(api, Order::Call(upstream, terms), call, header).await
}

/// Paid by a credit of the account whose agent token this is. It brings nothing that could be charged.
pub(in super::super) async fn by_token(
    api: &Arc<Api>,
    upstream: &UpstreamRoute,
    terms: &Terms,
    call: &mut Call,
    token: &str,
) -> Result<Response, GatewayError> {
    let desk = api.card_desk()?;
    let known = who::known_token(desk, token, api.world.clock.now()).await?;
    let turn = api.turns.none();
    serve(api, &Order::Call(upstream, terms), call, Paying::holder_of(known), None, turn).await
}

pub(super) async fn pay(api: &Arc<Api>, order: Order<'_>, call: &mut Call, header: &[u8]) -> Result<Response, GatewayError> {
    let Some(challenged) = call.asked.challenged else { return Err(GatewayError::NoCredential) };
    // 4. Offline, without the time: a repeat must be recognised whatever the time is.
    let verified =
        api.card_desk().map_err(GatewayError::from).and_then(|desk| Ok((desk, who::verified(api, desk, challenged, call, header)?)));
    let (desk, verified) = match verified {
        Ok((desk, Some(verified))) => (desk, verified),
        Ok((_, None)) => return Err(GatewayError::NoCredential),
        Err(refused) => return earlier_terms::of_charge(api, call, header, refused).await,
    };
    // 5. Known keys answer from the table of repeated keys. Copies that arrive at once take turns.
    let presented = verified.presented();
    let key = ChargeKey { challenge_id: presented.challenge_id(), token_sha256: *presented.token_sha256().as_bytes() };
    let turn = api.turns.take(ProofKey::Charge(key)).await;
    let proof = ClaimKey { proof: Some(ProofKey::Charge(key)), idempotency: None };
    if let Some(known) = api.world.books.known(&proof).await.map_err(|error| GatewayError::internal(&error))? {
        drop(turn);
        return repeated(api, call, &proof, known).await;
    }
    // 6. The time, and the account: the processor's one answer.
    let now = api.world.clock.now();
    let live = verified.in_window(now).map_err(GatewayError::InvalidCard)?;
    let beside = call.agent_token.clone();
    let look = desk.looks.take(call.peer, now)?;
    let paying = match who::of_payment_token(desk, &live, beside.as_deref(), now).await {
        Ok(paying) => paying,
        // Meanwhile the token may have been spent here, under another challenge.
        Err(fault) => match api.world.books.known(&proof).await.map_err(|error| GatewayError::internal(&error))? {
            Some(known) => return repeated(api, call, &proof, known).await,
            None => return Err(fault),
        },
    };
    let card = PresentedCard { key, token: live.token().clone(), price: live.amount() };
    if beside.is_none() {
        look.give_back();
        let stable = paying.stable.clone();
        let answer = serve(api, &order, call, paying, Some(card), turn).await?;
        return match order {
            Order::Call(..) => Ok(answer),
            Order::Pack(_) => stable::compared(api, desk, answer, stable).await,
        };
    }
    // Beside an agent token nobody asked what the payment token is worth: its charge tells.
    let answer = serve(api, &order, call, paying, Some(card), turn).await?;
    look.give_back();
    Ok(answer)
}

/// Steps 5 (the client's own key) to 11, once the account is known.
async fn serve(
    api: &Arc<Api>,
    order: &Order<'_>,
    call: &mut Call,
    paying: Paying,
    card: Option<PresentedCard>,
    turn: Turn<'_>,
) -> Result<Response, GatewayError> {
    let (desk, Paying { payer, holder, stable }) = (api.card_desk()?, paying);
    let idempotency_key = credential::idempotency_key(&call.headers)?;
    let proof = card.as_ref().map(|card| ProofKey::Charge(card.key));
    let key = ClaimKey { proof, idempotency: idempotency_key.clone().map(|key| (payer.clone(), key)) };
    if key.idempotency.is_some()
        && let Some(known) = api.world.books.known(&key).await.map_err(|error| GatewayError::internal(&error))?
    {
        drop(turn);
        return repeated(api, call, &key, known).await;
    }
    call.rate = Some(api.limits.agent(&payer, api.world.clock.now()).await?);
    call.proven = Some(payer.clone());
    desk.rail.account_known().await.map_err(|error| who::unanswered(&error))?;
    unblocked(desk, &payer).await?;
    if desk.books.frozen_since(&payer).await.map_err(|error| GatewayError::internal(&error))?.is_some() {
        return Err(CardRequestError::Frozen(FrozenFor::Payment).into());
    }
    // 7 and 8. Everything that the upstream would refuse, and its health, before any money.
    match order {
        Order::Call(upstream, _) => {
            check_body(api, upstream, call)?;
            check_gates(api).await?;
        }
        Order::Pack(bought) => {
            stable::check(stable.as_ref(), pack::check_body(bought, call).map_err(CardRequestError::Pack)?)?;
            api.load.creation(api.drives.count())?;
        }
    }
    // 9 was the look at the token. 10. The claim.
    let id = api.world.ids.payment_id();
    hold(api, desk, id, &payer, holder).await?;
    let (request, product) = (kept(call), order.product());
    let request = CardRequest { id, payer, card, fingerprint: call.fingerprint, request, product, idempotency_key };
    let world = api.world.clone();
    let claimed = to_its_end(api, id, async move { claim_card(&world, request).await }).await?;
    drop(turn);
    if let Claimed::Known(known) = claimed {
        return repeated(api, call, &key, known).await;
    }
    answer_claimed(api, call, &key, claimed).await
}

/// Notes whose payment it will be, before there is one: the answer of it brings the holder's token.
async fn hold(api: &Api, desk: &CardDesk, id: PaymentId, payer: &Payer, holder: Option<Holder>) -> Result<(), GatewayError> {
    let holder = holder.unwrap_or_else(|| Holder::beginning(id, payer.clone(), desk.tokens.sha256_of(payer, id)));
    desk.books.hold(id, &holder, api.world.clock.now()).await.map_err(|error| GatewayError::internal(&error))
}

/// An account that charged back buys nothing. No challenge goes out with it: another payment would be refused, too.
async fn unblocked(desk: &CardDesk, payer: &Payer) -> Result<(), GatewayError> {
    let blocks = desk.books.blocks_of(payer).await.map_err(|error| GatewayError::internal(&error))?;
    let Some(block) = blocks.first() else { return Ok(()) };
    let why = match block.cause.as_str() {
        "chargeback" => BlockedFor::Chargeback,
        _ => BlockedFor::FraudWarning,
    };
    Err(CardRequestError::Blocked(why).into())
}

fn kept(call: &Call) -> KeptRequest {
    KeptRequest {
        route: call.route.clone(),
        path_and_query: call.path_and_query.clone(),
        body: call.body.clone(),
        content_type: call.content_type(),
    }
}
