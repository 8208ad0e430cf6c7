//! Payments that wait for a signer: a settler of any process takes them, those with the least time
//! left first, looks at the chain anew, and signs what can still be settled in one commit.

use alloy_primitives::U256;
use futures::future::join_all;

use crate::{
    checkout::{DriveError, Progress, Step, World, pay},
    intent::{Intent, Transition},
    ports::{
        BooksError, ChainView, Outcome, Preparer, QueuedPayment, RailError, SigningAccount,
        SigningRound, ToSign,
    },
    settlement::{PaymentFailure, TransferTerms},
    x402::verify::{LiveTransfer, check_chain_state},
};

/// How many payments one round signs at most.
const ROUND_LIMIT: u32 = 32;
/// What was kept was within its window when it was claimed; only its end can come nearer.
const ANY_WINDOW_S: u64 = u64::MAX;

/// What one round did.
#[derive(Debug, Default)]
pub struct QueueRound {
    /// Payments that left the queue, each under the lease of this round: signed, proven paid, or
    /// failed. Whoever ran the round drives them on.
    pub moved: Vec<Intent>,
    /// Payments that go on waiting: nothing could be settled now.
    pub waiting: usize,
    /// What could not be saved. What was taken goes back to the queue when its lease ends.
    pub error: Option<DriveError>,
}

/// What becomes of one queued payment.
enum Verdict {
    Sign { intent: Box<Intent>, preparer: Box<dyn Preparer>, signer_next_nonce: u64 },
    Moved(Box<Intent>),
    Wait(Box<Intent>),
}

/// Takes queued payments and signs what can be settled. Each payment that moved must then be driven
/// by the caller under its lease; what is not signed is given back to the queue.
pub async fn settle_queued(world: &World) -> QueueRound {
    let mut round = QueueRound::default();
    if let Err(error) = settle(world, &mut round).await {
        round.error = Some(error);
    }
    round
}

async fn settle(world: &World, round: &mut QueueRound) -> Result<(), DriveError> {
    let now = world.clock.now();
    let lease_until = now.plus_ms(world.settings.lease_ms);
    let taken = world.books.take_queued(now, lease_until, ROUND_LIMIT).await?;
    let (mut to_sign, mut chain_next_nonce) = (Vec::new(), 0);
    let (mut waiting, mut failed) = (Vec::new(), None);
    for verdict in join_all(taken.into_iter().map(|queued| judge(world, queued))).await {
        match verdict {
            Ok(Verdict::Sign { intent, preparer, signer_next_nonce }) => {
                chain_next_nonce = signer_next_nonce.max(chain_next_nonce);
                to_sign.push((intent, preparer));
            }
            Ok(Verdict::Moved(intent)) => round.moved.push(*intent),
            Ok(Verdict::Wait(intent)) => waiting.push(intent),
            Err(error) => failed = Some(error),
        }
    }
    sign(world, to_sign, chain_next_nonce, round).await?;
    for intent in &waiting {
        give_back(world, intent, round).await?;
    }
    failed.map_or(Ok(()), Err)
}

async fn sign(
    world: &World,
    to_sign: Vec<(Box<Intent>, Box<dyn Preparer>)>,
    chain_next_nonce: u64,
    round: &mut QueueRound,
) -> Result<(), DriveError> {
    let Some((_, first)) = to_sign.first() else { return Ok(()) };
    let account = SigningAccount { chain_id: world.rail.chain_id(), address: first.signer() };
    let payments = to_sign.iter().map(|(intent, preparer)| ToSign {
        id: intent.id,
        guard: intent.guard,
        preparer: preparer.as_ref(),
    });
    let order = SigningRound {
        account,
        chain_next_nonce,
        payments: payments.collect(),
        at: world.clock.now(),
    };
    if let Ok(signed) = world.books.sign_queued(order).await? {
        round.moved.extend(signed);
        return Ok(());
    }
    // This signer cannot pay the fee, or the fee is above its cap: another one may do it.
    for (intent, _) in &to_sign {
        give_back(world, intent, round).await?;
    }
    Ok(())
}

async fn give_back(
    world: &World,
    intent: &Intent,
    round: &mut QueueRound,
) -> Result<(), DriveError> {
    round.waiting += 1;
    Ok(world.books.release_lease(intent.id, intent.guard.fence).await?)
}

/// A node that does not answer decides nothing: the payment waits. That it was never sent is only
/// said of an authorization that the chain shows unused.
async fn judge(world: &World, queued: QueuedPayment) -> Result<Verdict, DriveError> {
    let QueuedPayment { intent, sealed_authorization } = queued;
    let Some(terms) = intent.transfer.clone() else {
        return Err(DriveError::Incomplete(intent.id));
    };
    let Ok(kept) = world.rail.kept(intent.id, &sealed_authorization) else {
        return by_outcome(world, intent, &terms).await;
    };
    // Looked at even when its time is over: somebody else may have settled it until then.
    let Ok(live) = kept.within_window(world.clock.now().protocol_s(), ANY_WINDOW_S) else {
        return match world.rail.outcome(&terms, &[]).await {
            Ok(Outcome::Pending { may_send: true }) => never_sent(world, &intent).await,
            known => by_known(world, intent, known).await,
        };
    };
    let view = match world.rail.view(&live).await {
        Ok(view) => view,
        Err(_) => return Ok(Verdict::Wait(Box::new(intent))),
    };
    if view.authorization_used {
        return by_outcome(world, intent, &terms).await;
    }
    if view.token_paused {
        return Ok(Verdict::Wait(Box::new(intent)));
    }
    if !is_payable(&live, &view) {
        return never_sent(world, &intent).await;
    }
    let gas_wei = world.settings.gas.of(intent.price);
    let preparer = world.rail.preparer(&live, &view, gas_wei);
    // What may cost in gas differs by price: one that cannot be signed now holds up no other.
    if preparer.can_sign().is_err() {
        return Ok(Verdict::Wait(Box::new(intent)));
    }
    let signer_next_nonce = view.signer_next_nonce;
    Ok(Verdict::Sign { intent: Box::new(intent), preparer, signer_next_nonce })
}

fn is_payable(live: &LiveTransfer, view: &ChainView) -> bool {
    view.would_revert.is_none()
        && check_chain_state(live, false, U256::from(view.balance_units)).is_ok()
}

/// What the chain says of an authorization that is used, or that cannot be signed with.
async fn by_outcome(
    world: &World,
    intent: Intent,
    terms: &TransferTerms,
) -> Result<Verdict, DriveError> {
    let outcome = world.rail.outcome(terms, &[]).await;
    by_known(world, intent, outcome).await
}

async fn by_known(
    world: &World,
    intent: Intent,
    outcome: Result<Outcome, RailError>,
) -> Result<Verdict, DriveError> {
    match outcome {
        Ok(Outcome::Settled(proof)) => {
            match pay::settled(world, intent, proof, &mut Progress::recovered()).await? {
                Step::Moved(moved) | Step::Done(moved) => Ok(Verdict::Moved(Box::new(moved))),
                Step::Wait(same, _) | Step::Park(same, _) => Ok(Verdict::Wait(Box::new(same))),
            }
        }
        Ok(Outcome::Failed(failure)) => {
            apply(world, intent.pay_failed(failure, world.clock.now())?).await
        }
        Ok(Outcome::Pending { .. }) | Err(_) => Ok(Verdict::Wait(Box::new(intent))),
    }
}

async fn never_sent(world: &World, intent: &Intent) -> Result<Verdict, DriveError> {
    apply(world, intent.pay_failed(PaymentFailure::NeverSent, world.clock.now())?).await
}

/// A guard that does not hold says that another settler has it by now.
async fn apply(world: &World, transition: Transition) -> Result<Verdict, DriveError> {
    let before = transition.before().clone();
    match world.books.apply(transition).await {
        Ok(moved) => Ok(Verdict::Moved(Box::new(moved))),
        Err(BooksError::Stale(_)) => Ok(Verdict::Wait(Box::new(before))),
        Err(error) => Err(error.into()),
    }
}
