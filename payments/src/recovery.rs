//! What a crash leaves behind is finished here, by the same [`crate::checkout::drive`].

use crate::{
    checkout::{DriveError, World},
    intent::Intent,
    ports::{BooksError, OpenNonce, Raised, SigningAccount},
    settlement::{Attempt, AttemptKind},
    time::UnixMs,
};

/// How many intents one round takes.
const ROUND_LIMIT: u32 = 64;
/// An unused nonce is filled this long after its last transaction was saved.
const VOID_AFTER_MS: i64 = 15_000;

/// Takes the intents in transient states that nobody drives. Each must then be run by the caller
/// under its new lease.
///
/// # Errors
/// [`DriveError::Books`] when the books do not answer.
pub async fn take_stuck(world: &World) -> Result<Vec<Intent>, DriveError> {
    let now = world.clock.now();
    Ok(world.books.take_stuck(now, now.plus_ms(world.settings.lease_ms), ROUND_LIMIT).await?)
}

/// Entitlements past their deadline become refunds that are due.
///
/// # Errors
/// [`DriveError::Books`] when the books do not answer.
pub async fn expire_entitlements(world: &World) -> Result<u64, DriveError> {
    Ok(world.books.expire_entitlements(world.clock.now()).await?)
}

/// Drops the notes of proofs that were refused because a day's free calls were used up, once that
/// day is over.
///
/// # Errors
/// [`DriveError::Books`] when the books do not answer.
pub async fn drop_refused_proofs(world: &World) -> Result<u64, DriveError> {
    Ok(world.books.drop_refused_proofs(world.clock.now()).await?)
}

/// A signed nonce is always used: by its transfer or, when that may no longer be sent, by an empty
/// transaction of the signer to itself. A gap would hold up every later payment of the signer. Says
/// how many nonces are still open.
///
/// # Errors
/// [`DriveError::Books`] when the books do not answer. A node that does not answer ends the round;
/// the nonces stay open for the next one.
pub async fn close_nonces(world: &World) -> Result<usize, DriveError> {
    let mut open = 0;
    // A page for each signer whose key is here: one without gas holds up no other, and what only
    // another process can close is left to it.
    for address in world.rail.signers() {
        let account = SigningAccount { chain_id: world.rail.chain_id(), address };
        for OpenNonce { intent, eoa_nonce } in world.books.open_nonces(account, ROUND_LIMIT).await?
        {
            let under_it =
                |attempt: &&Attempt| (attempt.signer, attempt.eoa_nonce) == (address, eoa_nonce);
            let Some(last) = intent.attempts.iter().rfind(under_it) else { continue };
            match close_nonce(world, account, &intent, last).await? {
                Nonce::Closed => {}
                Nonce::Open => open += 1,
                // A node that hangs would hang for each of them.
                Nonce::Unanswered => return Ok(open + 1),
            }
        }
    }
    Ok(open)
}

/// How a look at one nonce ended.
enum Nonce {
    Closed,
    Open,
    Unanswered,
}

async fn close_nonce(
    world: &World,
    account: SigningAccount,
    intent: &Intent,
    last: &Attempt,
) -> Result<Nonce, DriveError> {
    match world.rail.nonce_used(last.signer, last.eoa_nonce).await {
        Ok(true) => return close_used(world, account, intent, last).await,
        Ok(false) => world.signers.forget(last.signer, last.eoa_nonce),
        Err(_) => return Ok(Nonce::Unanswered),
    }
    let now = world.clock.now();
    if now < last.saved_at.plus_ms(VOID_AFTER_MS) {
        return Ok(Nonce::Open);
    }
    // Settled by somebody else and not created yet: whoever drives it must keep its guard, and the
    // transfer is there to be sent.
    if last.kind == AttemptKind::Transfer && !intent.state.is_terminal() {
        world.rail.send(last).await;
        return Ok(Nonce::Open);
    }
    let gas_wei = world.settings.gas.left_for(intent.price, &intent.attempts, last);
    let raised = async || match world.rail.bump(intent.id, last, gas_wei, now).await {
        Ok(Raised::Higher(raised)) => Some(raised),
        Ok(Raised::NotNow | Raised::AtBound) | Err(_) => None,
    };
    let new = match last.kind {
        // Its settlement was taken back by a reorganisation: the transfer itself goes under the
        // nonce again while the token would take it.
        AttemptKind::Transfer if may_settle_again(intent, last, now) => raised().await,
        AttemptKind::Void if !last.sealed_tx.is_empty() => raised().await,
        AttemptKind::Void | AttemptKind::Transfer => {
            match world.rail.void(intent.id, last, gas_wei, now).await {
                Ok(void) => Some(void),
                Err(_) => return Ok(Nonce::Open),
            }
        }
    };
    if let Some(new) = &new {
        match world.books.save_attempt(intent.id, intent.guard, new).await {
            Ok(_) => {}
            // It moved meanwhile, perhaps by another nonce of its own: the next round sees it as it
            // is then.
            Err(BooksError::Stale(_)) => return Ok(Nonce::Open),
            Err(error) => return Err(error.into()),
        }
    }
    world.rail.send(new.as_ref().unwrap_or(last)).await;
    Ok(Nonce::Open)
}

/// What the mined transaction cost is kept before its nonce is closed, whatever it did. A node that
/// shows none of them yet is behind the one that counted the nonce, and is asked again for a while.
async fn close_used(
    world: &World,
    account: SigningAccount,
    intent: &Intent,
    last: &Attempt,
) -> Result<Nonce, DriveError> {
    let same_nonce =
        |attempt: &&Attempt| (attempt.signer, attempt.eoa_nonce) == (last.signer, last.eoa_nonce);
    let rivals: Vec<Attempt> = intent.attempts.iter().filter(same_nonce).cloned().collect();
    let Ok(fees_wei) = world.rail.fees_paid(&rivals).await else { return Ok(Nonce::Unanswered) };
    // What was signed anew was proven to be under a nonce that somebody else's transaction used:
    // there is no receipt to wait for.
    let renewed =
        intent.attempts.iter().any(|other| !same_nonce(&other) && other.saved_at >= last.saved_at);
    if fees_wei.is_empty()
        && !renewed
        && !world.signers.waited_for_receipt(last.signer, last.eoa_nonce, world.clock.now())
    {
        return Ok(Nonce::Open);
    }
    world.books.note_fees(&fees_wei).await?;
    world.books.close_nonce(account, last.eoa_nonce).await?;
    world.signers.forget(last.signer, last.eoa_nonce);
    Ok(Nonce::Closed)
}

/// Only a lost settlement opens the nonce of our own settling transaction again.
fn may_settle_again(intent: &Intent, last: &Attempt, now: UnixMs) -> bool {
    let Some(settled) = intent.own_settlement() else { return false };
    let settled_under_it = (settled.signer, settled.eoa_nonce) == (last.signer, last.eoa_nonce);
    let valid = |before_unix_s| now.protocol_s() < before_unix_s;
    settled_under_it
        && !last.sealed_tx.is_empty()
        && intent.transfer.as_ref().is_some_and(|terms| valid(terms.valid_before_unix_s))
}
