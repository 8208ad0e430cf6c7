//! A payment by transfer: signed in its claim where its signer is free, or queued for a settler.

use payments::{
    funding::Funding,
    ports::{ClaimRefusal, NewClaim, TransferPayment},
};

use super::{
    super::{PostgresBooks, faults::Unwritten},
    Outcome, Turn, alone, corrupt,
    facts::Facts,
    made::{self, Funded},
    written,
};

/// The right to sign at once; none where others wait already, where the signer is busy, or where
/// another process has to sign. While a process lives that does not know of the queue, claims wait
/// for each other.
async fn turn(
    books: &PostgresBooks,
    payment: &TransferPayment<'_>,
    facts: &Facts,
) -> Result<Option<Turn>, sqlx::Error> {
    if !facts.may_queue {
        let (account, chain_next_nonce) = (payment.account(), payment.chain_next_nonce);
        let turn = books.nonces.turn(&books.readers, account, chain_next_nonce).await?;
        return Ok(Some(turn));
    }
    if facts.queued > 0 || payment.queueing.always {
        return Ok(None);
    }
    books.nonces.brief_turn(&books.readers, payment).await
}

/// The claim commits without a signature, and a settler signs it.
async fn queued(
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
    payment: &TransferPayment<'_>,
    facts: &Facts,
) -> Result<Outcome, Unwritten> {
    if facts.queued >= payment.queueing.max {
        return Ok(Outcome::Refused(ClaimRefusal::QueueFull));
    }
    if let Err(refusal) = payment.preparer.can_sign() {
        return Ok(Outcome::Refused(refusal.into()));
    }
    let funded = Funded::of(claim, Funding::X402, facts).map_err(corrupt)?;
    let made = alone(books, claim, facts, &funded).await?;
    Ok(written(made, claim, funded))
}

/// One claim at a time signs with a signer's next nonce and writes it: nobody else may have it, and
/// none may be left out.
pub(super) async fn claim(
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
    facts: &Facts,
) -> Result<Outcome, Unwritten> {
    let Some(payment) = claim.payment.transfer() else {
        return Err(corrupt(made::nothing_to_send(claim)).into());
    };
    let Some(mut turn) = turn(books, payment, facts).await? else {
        return queued(books, claim, payment, facts).await;
    };
    let attempt = match payment.preparer.prepare(claim.id, turn.nonce(), claim.at) {
        Ok(attempt) => attempt,
        Err(refusal) => {
            turn.unused();
            return Ok(Outcome::Refused(refusal.into()));
        }
    };
    let funded = Funded {
        attempt: Some(attempt),
        ..Funded::of(claim, Funding::X402, facts).map_err(corrupt)?
    };
    let made = alone(books, claim, facts, &funded).await;
    match &made {
        Ok(true) => turn.used(),
        Err(Unwritten::Proven(error))
            if error.as_database_error().is_some_and(|error| error.is_unique_violation()) =>
        {
            turn.unused()
        }
        _ => {}
    }
    Ok(written(made?, claim, funded))
}
