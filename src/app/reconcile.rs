//! What the comparison of the books needs, in a serving process and beside one.

use std::{sync::Arc, time::Duration};

use payments::{
    agent::Wallet,
    checkout::World,
    ports::{Receiver, RefundRail},
    reconcile::{Deadlines, Reconciler, note_first_block},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    cards, error::AppError, keys::SandboxKeys, money, parts, settings::clock, stores, unknowns,
    upstream,
};
use crate::{
    clock::SystemIds,
    config::Config,
    worker::reconcile::{Rhythm, run},
};

/// How soon it is tried again to note where the books begin.
const FIRST_BLOCK_AGAIN: Duration = Duration::from_secs(2);

/// Everything for comparisons in a serving process. Their loop begins, unless they run only when
/// somebody asks for one.
pub(super) fn serving(
    config: &Config,
    world: &World,
    money: &money::Money,
    store: &stores::Store,
    cards: Option<&cards::CardParts>,
    stop: &CancellationToken,
    workers: &mut Vec<JoinHandle<()>>,
) -> Reconciler {
    let parts = Reconciler {
        books: Arc::clone(&store.reconcile),
        rail: world.rail.clone(),
        chain: money.rail.clone(),
        cards: cards.map(|cards| cards.side(Arc::clone(&store.cards), Arc::clone(&store.clearing))),
        upstream: world.upstream.clone(),
        clock: world.clock.clone(),
        ids: world.ids.clone(),
        receiver: receiver(config, money.token.address(), money.pay_to, money.rail.refund_wallet()),
        deadlines: deadlines(config),
    };
    workers.push(tokio::spawn(first_block(parts.clone(), stop.clone())));
    let every = Duration::from_secs(config.reconcile.every_s);
    if !every.is_zero() {
        let rhythm = Rhythm { every, full_at_utc_hour: config.reconcile.full_at_utc_hour };
        workers.push(tokio::spawn(run(parts.clone(), rhythm, stop.clone())));
    }
    parts
}

/// Notes where the books begin, as soon as the chain says where it is.
async fn first_block(parts: Reconciler, stop: CancellationToken) {
    while let Err(error) = note_first_block(&parts).await {
        tracing::warn!(%error, "books.first_block_not_noted");
        tokio::select! {
            () = tokio::time::sleep(FIRST_BLOCK_AGAIN) => {}
            () = stop.cancelled() => return,
        }
    }
}

fn deadlines(config: &Config) -> Deadlines {
    Deadlines {
        core_deadline_ms: unknowns::deadline_ms(config),
        core_late_copy_ms: unknowns::late_copy_ms(config),
    }
}

fn receiver(
    config: &Config,
    token: &Wallet,
    pay_to: Wallet,
    refund_wallet: Option<Wallet>,
) -> Receiver {
    Receiver { chain_id: config.x402.chain_id, token: *token, pay_to, refund_wallet }
}

/// Everything for one comparison beside a server, or where there is none.
///
/// # Errors
/// [`AppError`].
pub async fn reconciler(config: &Config) -> Result<Reconciler, AppError> {
    let clock = clock(config);
    let store = stores::beside(config).await?;
    let keys = SandboxKeys::load(&config.sandbox.dir)?;
    let terms = money::terms(config, keys.as_ref())?;
    let rail = money::rail_beside(config)?
        .ok_or_else(|| AppError::Setting(String::from("this sandbox was never started")))?;
    let receiver = receiver(config, terms.token(), terms.pay_to(), rail.refund_wallet());
    let rail = Arc::new(rail);
    let profile = Arc::new(parts::profile(config)?);
    Ok(Reconciler {
        books: store.reconcile,
        rail: rail.clone(),
        chain: rail,
        cards: cards::beside(config, &clock, store.cards, store.clearing).await?,
        upstream: upstream::upstream(
            config,
            &profile,
            &clock,
            upstream::unwatched(),
            Arc::default(),
        )
        .await?,
        ids: Arc::new(SystemIds(clock.clone())),
        clock: Arc::new(clock),
        receiver,
        deadlines: deadlines(config),
    })
}
