//! What pays refunds in USDC: in a serving process, and for a command beside one.

use std::sync::Arc;

use payments::{
    money::UsdcUnits,
    ports::{Clock, RefundRail},
    usdc_refunds::UsdcRefunds,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    error::AppError,
    limits, money,
    settings::{clock, hours_ms},
    stores,
};
use crate::{config::Config, rails::base::BaseRail, worker::rounds};

/// The wallet of a configuration with its books; none where no key of one is configured.
fn wallet(
    config: &Config,
    rail: &Arc<BaseRail>,
    store: &stores::Store,
    clock: Arc<dyn Clock>,
) -> Option<UsdcRefunds> {
    rail.refund_wallet()?;
    Some(UsdcRefunds {
        chain: rail.clone(),
        wallet: rail.clone(),
        books: Arc::clone(&store.usdc_refunds),
        owed: Arc::clone(&store.cards),
        clock,
        gas: limits::gas(config),
        per_day: UsdcUnits::new(config.refunds.usdc_per_day.minor()),
        stuck_after_ms: hours_ms(u64::from(config.refunds.stuck_after_hours)),
    })
}

/// The same beside a server, or where there is none.
///
/// # Errors
/// [`AppError`].
pub async fn usdc_refunds(config: &Config) -> Result<Option<UsdcRefunds>, AppError> {
    let Some(rail) = money::rail_beside(config)? else { return Ok(None) };
    Ok(wallet(config, &Arc::new(rail), &stores::beside(config).await?, Arc::new(clock(config))))
}

/// The same in a serving process. What is approved is sent until it is proven, in a loop of its
/// own, because it asks the node.
pub(super) fn serving(
    config: &Config,
    rail: &Arc<BaseRail>,
    store: &stores::Store,
    clock: Arc<dyn Clock>,
    stop: &CancellationToken,
    workers: &mut Vec<JoinHandle<()>>,
) -> Option<UsdcRefunds> {
    let refunds = wallet(config, rail, store, clock)?;
    workers.push(tokio::spawn(rounds::usdc_refunds(refunds.clone(), stop.clone())));
    Some(refunds)
}
