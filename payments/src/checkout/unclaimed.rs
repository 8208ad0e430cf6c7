//! A proof that the token has taken already, and that no claim of these books did: were we paid by
//! it?

use crate::{
    checkout::{ClaimError, World},
    ports::{Earlier, Receiver, UnclaimedBooked, UnclaimedReceipt},
    x402::verify::VerifiedTransfer,
};

/// Asks the chain what the proof did, and books what it paid us: what it paid for was lost with
/// newer books, so it is owed. The proof itself is public and opens nothing. `None`: it never paid
/// us.
///
/// # Errors
/// [`ClaimError::UseNotKnown`] while the chain does not say, [`ClaimError`] when chain or books do
/// not answer. Nobody may be asked for another payment then.
pub async fn settled_before(
    world: &World,
    transfer: &VerifiedTransfer,
) -> Result<Option<UnclaimedBooked>, ClaimError> {
    let arrival = match world.rail.earlier(transfer).await? {
        Earlier::NotPaid => return Ok(None),
        Earlier::NotKnown => return Err(ClaimError::UseNotKnown),
        Earlier::Paid(arrival) => arrival,
    };
    let (key, now) = (transfer.key(), world.clock.now());
    let receipt = UnclaimedReceipt {
        id: world.ids.payment_id(),
        receiver: Receiver {
            chain_id: key.chain_id,
            token: key.token,
            pay_to: *transfer.pay_to(),
            refund_wallet: None,
        },
        arrival,
        from: key.from,
        value: transfer.value(),
        entitled_until: now.plus_ms(world.settings.entitlement_ms),
    };
    Ok(Some(world.books.book_unclaimed(&receipt, now).await?))
}
