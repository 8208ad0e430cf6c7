//! The smaller parts that the wiring puts together: the profile with its prices, listeners, and
//! loops beside the requests.

use std::{sync::Arc, time::Duration};

use payments::{
    checkout::World,
    free_quota::most,
    ports::{Sealer, Settler, WayBooks},
    rail::RailsHere,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{cards::CardParts, custody, error::AppError, money::Money, settings::public_url};
use crate::{
    config::{Config, StripeMode, UpstreamUrl},
    gateway::{Challenges, Gateway},
    upstream::{
        profile::{LaunchPrices, Ownership, Profile, RouteTable},
        way::Way,
    },
    worker::{drives::Drives, rounds, way::WayKeeper},
};

/// Between two sweeps of what the limiters no longer need.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// Between two questions to the chain node whether it is still the configured chain's.
const WATCH_CHAIN_EVERY: Duration = Duration::from_secs(5);

/// The profile with the configuration's prices.
pub(super) fn profile(config: &Config) -> Result<Profile, AppError> {
    let mut profile = Profile::load(&config.upstream.profile, &|name| std::env::var(name).ok())?;
    let prices = LaunchPrices {
        usdc_units: config.pricing.launch_usdc.map(|price| price.minor()),
        usd_cents: config.pricing.launch_usd.map(|price| price.minor()),
        free_count: config.pricing.free_launches_per_month,
    };
    if !profile.override_launch_price(prices) {
        return Err(AppError::Setting(String::from(
            "[pricing] sets a launch price, but the profile prices no POST /launches",
        )));
    }
    check_quotas(&profile)?;
    profile.settle_offers(RailsHere { cards: config.stripe.mode != StripeMode::Off })?;
    if profile.ownership != Ownership::Upstream {
        let text = "only ownership = \"upstream\" is supported";
        return Err(AppError::Setting(text.to_owned()));
    }
    let signs = !config.upstream.signing_secret.is_empty();
    match &config.upstream.url {
        UpstreamUrl::Embedded => {}
        UpstreamUrl::Profile => profile.require_network(signs)?,
        // A core of one's own trusts our signature; the profile's credential goes along only where
        // it is set.
        UpstreamUrl::Http(_) if signs => {}
        UpstreamUrl::Http(_) => {
            return Err(AppError::Setting(String::from(
                "upstream.signing_secret is not set; the core must know who asks",
            )));
        }
    }
    Ok(profile)
}

/// The challenges of every route that asks for a proof.
pub(super) fn challenges(
    config: &Config,
    table: &RouteTable,
    money: &Money,
    cards: Option<&CardParts>,
) -> Result<Challenges, AppError> {
    let (url, terms) = (public_url(config), cards.map(CardParts::terms));
    Ok(Challenges::prepare(
        table,
        url,
        &money.token,
        money.pay_to,
        config.x402.max_timeout_s,
        terms,
    )?)
}

/// The books have room for every quota. A profile with a count that is too high was refused
/// already: this one is the configuration's.
fn check_quotas(profile: &Profile) -> Result<(), AppError> {
    match profile.quotas().iter().find(|quota| quota.count.get() > most(&quota.name)) {
        None => Ok(()),
        Some(quota) => Err(AppError::Setting(format!(
            "pricing.free_launches_per_month is at most {}",
            most(&quota.name)
        ))),
    }
}

/// Forgets, now and then, the buckets of agents and peers that are full again.
async fn forget_idle(gateway: Arc<Gateway>, stop: CancellationToken) {
    while tokio::time::timeout(FORGET_EVERY, stop.cancelled()).await.is_err() {
        gateway.limits.forget_idle();
    }
}

/// Looks beside the requests, so that what is wrong is said while nobody pays.
fn watches(
    world: &World,
    sealer: &Arc<dyn Sealer>,
    stop: &CancellationToken,
) -> [JoinHandle<()>; 2] {
    let chain = tokio::spawn(watch_chain(world.rail.clone(), stop.clone()));
    [chain, tokio::spawn(custody::watch(world.clone(), Arc::clone(sealer), stop.clone()))]
}

/// The loops beside the requests that need nothing but what serves them.
pub(super) fn beside(
    gateway: &Arc<Gateway>,
    stuck_after_hours: u32,
    sealer: &Arc<dyn Sealer>,
    stop: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let mut loops = vec![tokio::spawn(forget_idle(Arc::clone(gateway), stop.clone()))];
    loops.extend(refunds(gateway, stuck_after_hours, stop));
    loops.extend(watches(&gateway.world, sealer, stop));
    loops
}

/// Asks for approved refunds, where cards are taken.
fn refunds(
    gateway: &Gateway,
    stuck_after_hours: u32,
    stop: &CancellationToken,
) -> Option<JoinHandle<()>> {
    let desk = gateway.cards.as_ref()?;
    let (rail, books, clock) =
        (Arc::clone(&desk.rail), Arc::clone(&desk.books), Arc::clone(&gateway.world.clock));
    Some(tokio::spawn(rounds::refunds(rail, books, clock, stuck_after_hours, stop.clone())))
}

/// Keeps the way to the upstream as the books have it. What they know is known before anybody is
/// served.
///
/// # Errors
/// [`AppError`] when the books do not answer.
pub(super) async fn way(
    world: &World,
    books: &Arc<dyn WayBooks>,
    way: &Arc<Way>,
    drives: &Drives,
    stop: &CancellationToken,
) -> Result<JoinHandle<()>, AppError> {
    let keeper = WayKeeper {
        world: world.clone(),
        books: Arc::clone(books),
        way: Arc::clone(way),
        drives: drives.clone(),
    };
    keeper.exchange().await?;
    Ok(tokio::spawn(keeper.run(stop.clone())))
}

/// Asks the chain node now and then, so that one that was swapped for another chain's is noticed
/// while nobody pays.
async fn watch_chain(rail: Arc<dyn Settler>, stop: CancellationToken) {
    let mut well = true;
    while tokio::time::timeout(WATCH_CHAIN_EVERY, stop.cancelled()).await.is_err() {
        let outcome = rail.ready().await;
        match (&outcome, well) {
            (Err(error), true) => tracing::warn!(%error, "rail.not_ready"),
            (Ok(()), false) => tracing::info!("rail.ready_again"),
            _ => {}
        }
        well = outcome.is_ok();
    }
}
