//! The claim: one look at everything that decides, the rules' decision, and one statement that writes it, guarded by each fact that the
//! decision rests on. A claim that lost against another one looks again.

mod facts;
mod identities;
mod made;
mod nonces;
mod write;

use payments::{
    funding::{self, Funding, FundingRefusal},
    intent::Intent,
    ports::{BooksError, ClaimRefusal, Claimed, NewClaim, PreparationError},
};
use sqlx::{Postgres, Transaction};

use self::{facts::Facts, made::Funded};
use super::{
    PostgresBooks, contended,
    faults::{self, Fault, TRIES},
    known, rows, unavailable,
};
pub(super) use identities::identities;
pub(super) use nonces::Nonces;

/// Two numbers name an advisory lock: the first of those that keep the day's total exact. The second is the day.
const FREE_LAUNCHES_OF_A_DAY: i32 = 8403;
const DAY_MS: i64 = 86_400_000;

/// A transaction that holds a lock.
type Held = Transaction<'static, Postgres>;

/// How one try ended.
enum Outcome {
    Made(Box<Intent>),
    Refused(PreparationError),
    /// Something that the decision rests on is no longer so.
    Lost,
}

pub(super) async fn claim(books: &PostgresBooks, claim: NewClaim<'_>) -> Result<Claimed, BooksError> {
    let mut unknown = false;
    for _ in 0..TRIES {
        let error = match once(books, &claim, unknown).await {
            Ok(Some(claimed)) => return Ok(claimed),
            Ok(None) => continue,
            Err(error) => error,
        };
        match faults::of_claim(&error) {
            Fault::Raced => {}
            // A second look says whether it was written.
            Fault::Unknown if !unknown => unknown = true,
            Fault::Unknown | Fault::Failed => return Err(unavailable(error)),
        }
    }
    Err(contended())
}

/// `None`: the claim lost and looks again. `unknown`: a try before may have been written.
async fn once(books: &PostgresBooks, claim: &NewClaim<'_>, unknown: bool) -> Result<Option<Claimed>, sqlx::Error> {
    let facts = facts::read(&books.readers, books, claim).await?;
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => return Err(corrupt(error)),
    };
    if let Some(found) = facts.known {
        let own = unknown && found.intent == Some(claim.id);
        let known = known::load(&books.readers, found).await.map_err(corrupt)?;
        // Our own claim, whose commit nobody heard of.
        return Ok(Some(match known.intent {
            Some(intent) if own => Claimed::New(intent),
            _ => Claimed::Known(known),
        }));
    }
    let proof_was_refused = facts.available.day_cap.refused_this_proof;
    if let Some(id) = facts.joinable.filter(|_| !proof_was_refused) {
        write::join(books, claim, id).await?;
        let mut connection = books.readers.acquire().await?;
        let joined = rows::intent(&mut connection, id).await.map_err(corrupt)?;
        return Ok(joined.map(Claimed::Joined));
    }
    let funding = match funding::decide(&facts.available, claim.pay_terms) {
        Ok(funding) => funding,
        Err(refusal) => {
            if let (FundingRefusal::FreeCallsExhaustedToday, Some(refused), false) =
                (refusal, claim.refused_by_day_cap(), proof_was_refused)
                && !write::note_refused(&books.writer, &refused).await?
            {
                // A copy of this very proof was judged meanwhile.
                return Ok(None);
            }
            return Ok(Some(Claimed::Refused(ClaimRefusal::Funding(refusal))));
        }
    };
    let outcome = match funding {
        Funding::Free { .. } => in_turn(books, claim, day(books, claim).await?).await?,
        Funding::X402 => transfer(books, claim, &facts).await?,
        funding => {
            let is_credit = matches!(funding, Funding::Credit { .. });
            let funded = Funded::of(claim, funding, &facts).map_err(corrupt)?;
            match write::new(books, claim, &facts, &funded, &books.writer).await? {
                // Many launches of one account at once: from here on they queue.
                false if is_credit => in_turn(books, claim, account(books, claim).await?).await?,
                made => written(made, claim, funded),
            }
        }
    };
    Ok(match outcome {
        Outcome::Made(intent) => Some(Claimed::New(*intent)),
        Outcome::Refused(refusal) => Some(Claimed::Refused(ClaimRefusal::Preparation(refusal))),
        Outcome::Lost => None,
    })
}

/// The day's total over all wallets is exact: whoever counts it and takes a slot does so alone.
async fn day(books: &PostgresBooks, claim: &NewClaim<'_>) -> Result<Held, sqlx::Error> {
    let day = claim.at.ms().div_euclid(DAY_MS);
    // Two round trips: a lock that is not given in time must leave a transaction that is rolled back.
    let mut transaction = books.writer.begin().await?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1, $2)").bind(FREE_LAUNCHES_OF_A_DAY);
    lock.bind(i32::try_from(day).unwrap_or(i32::MAX)).execute(&mut *transaction).await?;
    Ok(transaction)
}

/// Nobody else changes the account's credits meanwhile.
async fn account(books: &PostgresBooks, claim: &NewClaim<'_>) -> Result<Held, sqlx::Error> {
    let mut transaction = books.writer.begin().await?;
    let hold = sqlx::query("SELECT 1 FROM credit_accounts WHERE payer = $1 FOR UPDATE").bind(claim.payer.to_string());
    hold.fetch_optional(&mut *transaction).await?;
    Ok(transaction)
}

/// Looks, decides and writes under a lock, where a guess would lose too often or could not be guarded.
async fn in_turn(books: &PostgresBooks, claim: &NewClaim<'_>, mut transaction: Held) -> Result<Outcome, sqlx::Error> {
    let facts = facts::read(&mut *transaction, books, claim).await?.map_err(corrupt)?;
    let free_to_take = facts.known.is_none() && facts.joinable.is_none();
    let funding = match funding::decide(&facts.available, claim.pay_terms) {
        Ok(funding @ (Funding::Free { .. } | Funding::Credit { .. })) if free_to_take => funding,
        _ => return Ok(Outcome::Lost),
    };
    let funded = Funded::of(claim, funding, &facts).map_err(corrupt)?;
    let made = write::new(books, claim, &facts, &funded, &mut *transaction).await?;
    if made {
        transaction.commit().await?;
    }
    Ok(written(made, claim, funded))
}

/// One claim at a time signs with a signer's next nonce and writes it: nobody else may have it, and none may be left out.
async fn transfer(books: &PostgresBooks, claim: &NewClaim<'_>, facts: &Facts) -> Result<Outcome, sqlx::Error> {
    let Some(payment) = claim.payment.transfer() else { return Err(corrupt(made::nothing_to_send(claim))) };
    let mut turn = books.nonces.turn(&books.readers, payment).await?;
    let attempt = match payment.preparer.prepare(claim.id, turn.nonce(), claim.at) {
        Ok(attempt) => attempt,
        Err(refusal) => {
            turn.unused();
            return Ok(Outcome::Refused(refusal));
        }
    };
    let funded = Funded { attempt: Some(attempt), ..Funded::of(claim, Funding::X402, facts).map_err(corrupt)? };
    let made = write::new(books, claim, facts, &funded, &books.writer).await;
    match &made {
        Ok(true) => turn.used(),
        Err(error) if error.as_database_error().is_some_and(|error| error.is_unique_violation()) => turn.unused(),
        _ => {}
    }
    Ok(written(made?, claim, funded))
}

fn written(made: bool, claim: &NewClaim<'_>, funded: Funded) -> Outcome {
    if made { Outcome::Made(Box::new(funded.intent(claim))) } else { Outcome::Lost }
}

/// An error of the books among those of the database.
fn corrupt(error: BooksError) -> sqlx::Error {
    match error {
        BooksError::Unavailable(source) => match source.downcast::<sqlx::Error>() {
            Ok(error) => *error,
            Err(source) => sqlx::Error::Decode(source),
        },
        other => sqlx::Error::Decode(Box::new(other)),
    }
}
