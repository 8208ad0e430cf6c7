//! The operators' side: one API that the page, scripts and tests read. Every route is in
//! [`router`]; all but health go through [`guard`].

pub mod actions;
mod answer;
mod ask;
mod details;
mod export;
pub mod giving_back;
mod guard;
mod json;
mod links;
mod login;
pub mod money;
pub mod page;
pub mod reason;
pub mod shape;

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use axum::{
    Router, middleware,
    routing::{get, post},
};
use payments::{
    agent::{Payer, Wallet},
    checkout::ResolveRules,
    ports::{
        BalanceCache, Books, CardBooks, ClearingBooks, Clock, Ids, ReconcileBooks, WayBooks,
        desk::DeskBooks,
    },
    reconcile::Reconciler,
    route::Quota,
    usdc_refunds::UsdcRefunds,
};
use serde::Serialize;
use serde_json::Value;

pub use actions::payout::dollars;
pub use guard::Guard;
pub use links::Links;
pub use money::CoinPrice;

use giving_back::Accounts;

use crate::{
    http::operator::{self as health, Checks},
    worker::drives::Drives,
};

/// What a signer of ours can pay gas with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignerGas {
    /// Its address.
    pub signer: Wallet,
    /// `settles` what is claimed here, `refunds`, or `finishes` what it began.
    pub role: &'static str,
    /// What it holds of the token, where it pays refunds with it.
    pub usdc: Option<String>,
    /// Its balance of the chain's own coin, in wei; none while the node does not say.
    pub balance_wei: Option<String>,
    /// How many settlements that pays for at today's fees.
    pub settlements: Option<String>,
    /// How its nonces stand: chain nonce, next nonce, open ones, and a hole where there is one;
    /// none before the first look.
    pub nonces: Option<String>,
    /// The first nonce that nothing uses, and that holds up all later ones.
    pub hole: Option<u64>,
}

/// Asks the chain for the gas of our signers.
#[async_trait]
pub trait Gas: Send + Sync {
    /// Each signer whose key is here, the one that signs new claims first. Answers within a second
    /// or two, whatever the node does.
    async fn signers(&self) -> Vec<SignerGas>;
}

/// Everything that the operators' side may use.
pub struct Desk {
    /// Payments.
    pub books: Arc<dyn Books>,
    /// What operators read.
    pub desk: Arc<dyn DeskBooks>,
    /// Card accounts.
    pub cards: Arc<dyn CardBooks>,
    /// What comparisons found.
    pub findings: Arc<dyn ReconcileBooks>,
    /// What the card processor holds for us, and what it sent to the bank.
    pub clearing: Arc<dyn ClearingBooks>,
    /// What gas is valued at.
    pub coin_price: Option<CoinPrice>,
    /// Whether the upstream takes us.
    pub way: Arc<dyn WayBooks>,
    /// Balances as agents see them; forgotten after a change.
    pub balances: Arc<dyn BalanceCache>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Names for changes.
    pub ids: Arc<dyn Ids>,
    /// Who may come in.
    pub guard: Guard,
    /// The effective configuration, secrets as stars.
    pub settings: Value,
    /// Where a transaction or a charge can be looked at.
    pub links: Links,
    /// Payers that are ours.
    pub own_payers: Vec<Payer>,
    /// The quotas of free calls.
    pub quotas: Vec<Quota>,
    /// What signers can pay.
    pub gas: Arc<dyn Gas>,
    /// The drivers of payments.
    pub drives: Drives,
    /// How long what is unknown may not be ended by an operator.
    pub resolving: ResolveRules,
    /// What a comparison needs.
    pub reconciler: Reconciler,
    /// What pays refunds in USDC; none where that is done by hand.
    pub refunds: Option<UsdcRefunds>,
}

impl Desk {
    /// What a change of an account needs.
    fn accounts(&self) -> Accounts<'_> {
        Accounts { books: &*self.books, cards: &*self.cards, balances: &*self.balances }
    }

    /// The payers that are left out.
    fn left_out(&self, without_own: bool) -> &[Payer] {
        if without_own { &self.own_payers } else { &[] }
    }
}

/// Every route of the operators' listener. `more` are routes of others that stand behind the same
/// guard.
pub fn router(desk: Arc<Desk>, checks: Checks, agents: SocketAddr, more: Router) -> Router {
    let api = Router::new()
        .route("/operator/api/overview", get(json::overview))
        .route("/operator/api/payments", get(json::payments))
        .route("/operator/api/payments/sums", get(json::payment_sums))
        .route("/operator/api/payments/{id}", get(details::payment))
        .route("/operator/api/payments/{id}/recheck", post(actions::api::recheck))
        .route("/operator/api/payments/{id}/resolve", post(actions::api::resolve))
        .route("/operator/api/requests", get(json::requests))
        .route("/operator/api/owed", get(json::owed))
        .route("/operator/api/refunds/{id}/approve", post(actions::api::approve))
        .route("/operator/api/credits", get(json::credits))
        .route("/operator/api/credits/{payer}", get(details::account))
        .route("/operator/api/credits/{payer}/grant", post(actions::api::grant))
        .route("/operator/api/credits/{payer}/void", post(actions::api::void))
        .route("/operator/api/credits/{payer}/lift", post(actions::api::lift))
        .route("/operator/api/credits/{payer}/holders", get(details::holders))
        .route("/operator/api/credits/{payer}/freeze", post(actions::api::freeze))
        .route("/operator/api/credits/{payer}/unfreeze", post(actions::api::unfreeze))
        .route("/operator/api/holders/{id}/revoke", post(actions::api::revoke))
        .route("/operator/api/disputes", get(json::disputes))
        .route("/operator/api/blocked", get(json::blocked))
        .route("/operator/api/free-tier/{wallet}", get(details::free_tier))
        .route("/operator/api/statement/{payer}", get(details::statement))
        .route("/operator/api/journal", get(json::journal))
        .route("/operator/api/balance", get(json::balance))
        .route("/operator/api/findings", get(json::findings))
        .route("/operator/api/findings/close", post(actions::api::close))
        .route("/operator/api/payouts", get(json::payouts))
        .route("/operator/api/payouts/{payout}/assign", post(actions::payout::assign_by_api))
        .route("/operator/api/runs", get(json::runs))
        .route("/operator/api/reconcile", post(actions::api::reconcile))
        .route("/operator/api/upstream", get(details::upstream))
        .route("/operator/api/upstream/open", post(actions::api::open_upstream))
        .route("/operator/api/actions", get(json::actions))
        .route("/operator/api/config", get(json::config))
        .route("/operator/api/{export}", get(export::list))
        .route("/operator/login", post(login::enter))
        .route("/operator/logout", post(login::leave))
        .fallback(answer::not_found)
        .method_not_allowed_fallback(answer::not_allowed)
        .with_state(Arc::clone(&desk));
    let guarded = Router::new()
        .merge(api)
        .merge(more)
        .layer(middleware::from_fn_with_state(desk, guard::check));
    health::router(checks, agents).fallback_service(guarded)
}
