//! The operators' side, from the parts that serve agents.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::Router;
use payments::{
    agent::Wallet,
    checkout::World,
    ports::{RefundRail, Settler},
    reconcile::Reconciler,
    usdc_refunds::UsdcRefunds,
};

use super::{beside::quotas, error::AppError, limits::coin_price, stores::Store};
use crate::{
    config::{Config, StripeMode, X402Mode},
    http::operator::Checks,
    operator::{self, Desk, Gas, Guard, Links, SignerGas},
    rails::base::BaseRail,
    worker::drives::Drives,
};

/// How long the node may take to say what a signer has.
const GAS_TIME: Duration = Duration::from_millis(1_500);

/// Everything that the operators' side may use.
///
/// # Errors
/// [`AppError`].
pub(super) fn desk(
    config: &Config,
    world: &World,
    rail: &Arc<BaseRail>,
    store: &Store,
    drives: &Drives,
    reconciler: Reconciler,
    refunds: Option<UsdcRefunds>,
) -> Result<Arc<Desk>, AppError> {
    let settings = serde_json::to_value(config).map_err(|error| {
        AppError::Setting(format!("the configuration cannot be shown: {error}"))
    })?;
    let guard = Guard::new(config.operator.token.expose(), world.clock.clone())
        .map_err(|error| AppError::Setting(error.to_string()))?;
    Ok(Arc::new(Desk {
        books: world.books.clone(),
        desk: Arc::clone(&store.desk),
        cards: Arc::clone(&store.cards),
        findings: Arc::clone(&store.reconcile),
        clearing: Arc::clone(&store.clearing),
        coin_price: coin_price(config),
        way: Arc::clone(&store.way),
        balances: world.balances.clone(),
        clock: world.clock.clone(),
        ids: world.ids.clone(),
        guard,
        settings,
        links: Links {
            chain: config.x402.mode != X402Mode::Sandbox,
            stripe: matches!(config.stripe.mode, StripeMode::Test | StripeMode::Live),
        },
        own_payers: config.operator.payers(),
        quotas: quotas(config)?,
        gas: Arc::new(ChainGas(Arc::clone(rail), world.clone())),
        drives: drives.clone(),
        resolving: (&world.settings).into(),
        reconciler,
        refunds,
    }))
}

/// The operators' listener: health for everybody, all else behind the guard; `more` are routes of
/// other rooms.
pub(super) fn router(desk: Arc<Desk>, checks: Checks, agents: SocketAddr, more: Router) -> Router {
    operator::router(Arc::clone(&desk), checks, agents, operator::page::routes(desk).merge(more))
}

struct ChainGas(Arc<BaseRail>, World);

#[async_trait]
impl Gas for ChainGas {
    async fn signers(&self) -> Vec<SignerGas> {
        futures::future::join_all(
            self.0.signers().into_iter().map(|signer| of_signer(&self.0, &self.1, signer)),
        )
        .await
    }
}

async fn of_signer(rail: &BaseRail, world: &World, signer: Wallet) -> SignerGas {
    let gas = tokio::time::timeout(GAS_TIME, rail.gas_of(signer)).await.ok().and_then(Result::ok);
    let usdc = if rail.refund_wallet() == Some(signer) {
        tokio::time::timeout(GAS_TIME, rail.held_by(signer))
            .await
            .ok()
            .and_then(Result::ok)
            .map(|held| held.to_string())
    } else {
        None
    };
    let state = world.signers.states().into_iter().find(|state| state.signer == signer);
    SignerGas {
        signer,
        role: rail.role_of(signer),
        usdc,
        balance_wei: gas.map(|gas| gas.balance_wei.to_string()),
        settlements: gas.map(|gas| gas.settlements.to_string()),
        nonces: state.as_ref().map(|state| state.describe(world.clock.now())),
        hole: state.and_then(|state| state.holes.first().copied()),
    }
}
