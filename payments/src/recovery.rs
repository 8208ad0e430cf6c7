//! What a crash leaves behind is finished here, by the same [`crate::checkout::drive`] (`reliability/states.md` section 3).

use crate::{
    checkout::{DriveError, World},
    intent::Intent,
    settlement::{Attempt, AttemptKind},
};

/// How many intents one round takes.
const ROUND_LIMIT: u32 = 64;
/// An unused nonce is filled this long after its last transaction was saved.
const VOID_AFTER_MS: i64 = 15_000;

/// Takes the intents in transient states that nobody drives. Each must then be run by the caller under its new lease.
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

/// A signed nonce is always used: by its transfer or, when that may no longer be sent, by an empty transaction of the signer to itself.
/// A gap would hold up every later payment of the signer. Says how many nonces are still open.
///
/// # Errors
/// [`DriveError::Books`] when the books do not answer. A node that does not answer leaves the nonce open for the next round.
pub async fn close_nonces(world: &World) -> Result<usize, DriveError> {
    let mut open = 0;
    for intent in world.books.open_nonces(ROUND_LIMIT).await? {
        let Some(last) = intent.attempts.last() else { continue };
        if !close_nonce(world, &intent, last).await? {
            open += 1;
        }
    }
    Ok(open)
}

async fn close_nonce(world: &World, intent: &Intent, last: &Attempt) -> Result<bool, DriveError> {
    match world.rail.nonce_used(last.signer, last.eoa_nonce).await {
        Ok(true) => {
            world.books.close_nonce(last.signer, last.eoa_nonce).await?;
            return Ok(true);
        }
        Ok(false) => {}
        Err(_) => return Ok(false),
    }
    let now = world.clock.now();
    if now < last.saved_at.plus_ms(VOID_AFTER_MS) {
        return Ok(false);
    }
    let void = match last.kind {
        AttemptKind::Void if !last.sealed_tx.is_empty() => last.clone(),
        AttemptKind::Void | AttemptKind::Transfer => match world.rail.void(intent.id, last, now).await {
            Ok(void) => {
                world.books.save_attempt(intent.id, intent.guard, &void).await?;
                void
            }
            Err(_) => return Ok(false),
        },
    };
    world.rail.send(&void).await;
    Ok(false)
}
