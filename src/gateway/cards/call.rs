//! A call to a priced route of the upstream, paid by a card or by a credit of its account.

use std::sync::Arc;

use payments::route::Terms;

use super::{
    super::{error::GatewayError, reply::GatewayReply, request::GatewayRequest, state::Gateway},
    order::Order,
    pay::{pay, serve},
    who::{self, Paying},
};
use crate::upstream::profile::UpstreamRoute;

/// Paid by a card, or by a credit of its account.
pub async fn by_credential(
    gateway: &Arc<Gateway>,
    upstream: &UpstreamRoute,
    terms: &Terms,
    call: &mut GatewayRequest,
    header: &[u8],
) -> Result<GatewayReply, GatewayError> {
    pay(gateway, Order::Call(upstream, terms), call, header).await
}

/// Paid by a credit of the account whose agent token this is. It brings nothing that could be
/// charged.
pub async fn by_token(
    gateway: &Arc<Gateway>,
    upstream: &UpstreamRoute,
    terms: &Terms,
    call: &mut GatewayRequest,
    token: &str,
) -> Result<GatewayReply, GatewayError> {
    let desk = gateway.card_desk()?;
    let known = who::known_token(desk, token, gateway.world.clock.now()).await?;
    let turn = gateway.turns.none();
    serve(gateway, &Order::Call(upstream, terms), call, Paying::holder_of(known), None, turn).await
}
