//! The claim: one look at everything that decides, the rules' decision, and one statement that
//! writes it, guarded by each fact that the decision rests on. A claim that lost against another
//! one looks again.

mod blocked;
mod facts;
mod identities;
mod made;
mod nonces;
mod promised;
mod refused;
mod transfer;
mod write;

use std::time::Duration;

use payments::{
    funding::{self, Funding, FundingRefusal},
    intent::{Guard, Intent},
    ports::{BooksError, ClaimRefusal, Claimed, NewClaim},
};
use sqlx::Transaction;

use self::{facts::Facts, made::Funded};
use super::{
    PostgresBooks, contended,
    dialect::{BEGIN, Database},
    faults::{self, TRIES, Unwritten},
    known, rows, unavailable,
    write::commit,
};
use crate::books::doubt::until_known;
pub(super) use identities::identities;
pub(super) use nonces::{Nonces, Turn, after};

/// Two numbers name an advisory lock: the first of those that keep the day's total exact. The
/// second is the day.
const FREE_LAUNCHES_OF_A_DAY: i32 = 8403;
const DAY_MS: i64 = 86_400_000;
/// That of an intent which nothing but its claim has touched.
const FIRST: Guard = Guard { version: 1, fence: 1 };

/// A transaction that holds a lock.
type Held = Transaction<'static, Database>;

/// How one try ended.
enum Outcome {
    Made(Box<Intent>),
    Refused(ClaimRefusal),
    /// Something that the decision rests on is no longer so.
    Lost,
}

pub(super) async fn claim(
    books: &PostgresBooks,
    claim: NewClaim<'_>,
) -> Result<Claimed, BooksError> {
    let lease_ms = claim.lease_until.ms().saturating_sub(claim.at.ms());
    let (lease, claim) =
        (Duration::from_millis(u64::try_from(lease_ms).unwrap_or_default()), &claim);
    until_known(lease, |in_doubt| Box::pin(in_tries(books, claim, in_doubt))).await
}

/// `in_doubt`: a try before may have been written, and nothing but an intent under its id, or the
/// write of this one, says what became of it.
async fn in_tries(
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
    in_doubt: bool,
) -> Result<Claimed, BooksError> {
    if in_doubt {
        books.doubt(claim.id);
        if let Some(claimed) = written_before(books, claim).await? {
            return Ok(claimed);
        }
    }
    for _ in 0..TRIES {
        match once(books, claim, in_doubt).await {
            Ok(Some(Claimed::Refused(_))) if in_doubt => {
                return Err(BooksError::NotKnown(
                    "the claim may be written, and could not be written a second time".into(),
                ));
            }
            Ok(Some(claimed)) => return Ok(claimed),
            Ok(None) => {}
            Err(Unwritten::Proven(error)) if faults::is_raced_claim(&error) => {}
            Err(unwritten) => return Err(unwritten.into()),
        }
    }
    Err(contended())
}

/// The intent under the id of this claim. Where another process drives it by now, its answer is
/// waited for like that of any other.
async fn written_before(
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
) -> Result<Option<Claimed>, BooksError> {
    let mut connection = books.readers.acquire().await.map_err(unavailable)?;
    let found = rows::intent(&mut connection, claim.id).await?;
    Ok(found.map(|intent| {
        if intent.guard == FIRST { Claimed::New(intent) } else { Claimed::Joined(intent) }
    }))
}

/// `None`: the claim lost and looks again.
async fn once(
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
    in_doubt: bool,
) -> Result<Option<Claimed>, Unwritten> {
    let facts = facts::read(&books.readers, books, claim).await?.map_err(corrupt)?;
    if let Some(found) = facts.known {
        if in_doubt && found.intent == Some(claim.id) {
            return Ok(written_before(books, claim).await.map_err(corrupt)?);
        }
        return Ok(Some(Claimed::Known(
            known::load(&books.readers, found).await.map_err(corrupt)?,
        )));
    }
    let proof_was_refused = facts.available.day_cap.refused_this_proof;
    // Without a proof nothing but its own row ends the doubt.
    let may_join = !proof_was_refused && (!in_doubt || claim.key.proof.is_some());
    if let Some(id) = facts.joinable.filter(|_| may_join) {
        write::join(books, claim, id).await?;
        let mut connection = books.readers.acquire().await?;
        let joined = rows::intent(&mut connection, id).await.map_err(corrupt)?;
        return Ok(joined.map(Claimed::Joined));
    }
    let funding = match funding::decide(&facts.available, &claim.pay_terms) {
        Ok(funding) => funding,
        Err(refusal) => {
            if let (FundingRefusal::FreeCallsExhaustedToday, Some(refused), false) =
                (refusal, claim.refused_by_day_cap(), proof_was_refused)
                && !refused::note(&books.writer, &refused).await?
            {
                // A copy of this very proof was judged meanwhile.
                return Ok(None);
            }
            return Ok(Some(Claimed::Refused(ClaimRefusal::Funding(refusal))));
        }
    };
    let outcome = match funding {
        Funding::Free => in_turn(books, claim, day(books, claim).await?).await?,
        Funding::X402 => transfer::claim(books, claim, &facts).await?,
        funding => {
            let is_credit = matches!(funding, Funding::Credit { .. });
            let funded = Funded::of(claim, funding, &facts).map_err(corrupt)?;
            let made = alone(books, claim, &facts, &funded).await?;
            if is_credit && !made {
                // Many launches of one account at once: from here on they queue.
                in_turn(books, claim, account(books, claim).await?).await?
            } else {
                written(made, claim, funded)
            }
        }
    };
    Ok(match outcome {
        Outcome::Made(intent) => Some(Claimed::New(*intent)),
        Outcome::Refused(refusal) => Some(Claimed::Refused(refusal)),
        Outcome::Lost => None,
    })
}

/// Writes it in a statement that commits by itself; says whether it was written.
async fn alone(
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
    facts: &Facts,
    funded: &Funded,
) -> Result<bool, Unwritten> {
    let mut connection = books.writer.acquire().await?;
    let written = write::new(books, claim, facts, funded, &mut *connection)
        .await
        .map_err(faults::of_write)?;
    books.marks.written(&written.marks);
    Ok(written.made)
}

/// The day's total over all wallets is exact: whoever counts it and takes a slot does so alone.
async fn day(books: &PostgresBooks, claim: &NewClaim<'_>) -> Result<Held, sqlx::Error> {
    let day = claim.at.ms().div_euclid(DAY_MS);
    // Two round trips: a lock that is not given in time must leave a transaction that is rolled
    // back.
    let mut transaction = books.writer.begin_with(BEGIN).await?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1, $2)").bind(FREE_LAUNCHES_OF_A_DAY);
    lock.bind(i32::try_from(day).unwrap_or(i32::MAX)).execute(&mut *transaction).await?;
    Ok(transaction)
}

/// Nobody else changes the account's credits meanwhile.
async fn account(books: &PostgresBooks, claim: &NewClaim<'_>) -> Result<Held, sqlx::Error> {
    let mut transaction = books.writer.begin_with(BEGIN).await?;
    let hold = sqlx::query("SELECT 1 FROM credit_accounts WHERE payer = $1 FOR UPDATE")
        .bind(claim.payer.to_string());
    hold.fetch_optional(&mut *transaction).await?;
    Ok(transaction)
}

/// Looks, decides and writes under a lock, where a guess would lose too often or could not be
/// guarded.
async fn in_turn(
    books: &PostgresBooks,
    claim: &NewClaim<'_>,
    mut transaction: Held,
) -> Result<Outcome, Unwritten> {
    let facts = facts::read(&mut *transaction, books, claim).await?.map_err(corrupt)?;
    let free_to_take = facts.known.is_none() && facts.joinable.is_none();
    let funding = match funding::decide(&facts.available, &claim.pay_terms) {
        Ok(funding @ (Funding::Free | Funding::Credit { .. })) if free_to_take => funding,
        _ => return Ok(Outcome::Lost),
    };
    let funded = Funded::of(claim, funding, &facts).map_err(corrupt)?;
    let made = write::new(books, claim, &facts, &funded, &mut *transaction).await?.made;
    if made {
        commit(transaction).await?;
    }
    Ok(written(made, claim, funded))
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
