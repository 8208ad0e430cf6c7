//! How a write ends: committed, undone, or in doubt.

use payments::{
    ids::PaymentId,
    intent::{Guard, Intent, Transition, Written},
    ports::{Books, BooksError},
    settlement::Attempt,
};

use super::super::{Store, dialect, transitions, write::Write};

impl Store {
    /// Commits what went well, and undoes the rest.
    pub(in super::super) async fn finish<T, E: From<BooksError>>(
        &self,
        write: Write,
        outcome: Result<T, E>,
    ) -> Result<T, E> {
        self.finish_unless(false, write, outcome).await
    }

    /// The same; a dry run is undone, however it went.
    pub(in super::super) async fn finish_unless<T, E: From<BooksError>>(
        &self,
        dry_run: bool,
        write: Write,
        outcome: Result<T, E>,
    ) -> Result<T, E> {
        match outcome {
            Ok(value) if !dry_run => Ok(self.commit(write).await.map(|()| value)?),
            undone => {
                self.roll_back(write).await;
                undone
            }
        }
    }

    /// The intent as a transition leaves it, if it is there: only the holder of its fence can have
    /// written that.
    pub(in super::super) async fn written_before(
        &self,
        transition: &Transition,
    ) -> Result<Option<Intent>, BooksError> {
        let after = transition.after(Written::default());
        let found = self.intent(transition.intent()).await?;
        Ok(found.filter(|found| {
            found.guard == after.guard
                && found.state == after.state
                && found.updated_at == after.updated_at
        }))
    }

    /// Saves an attempt. In doubt, the attempt itself says whether it was saved.
    pub(super) async fn saved_attempt(
        &self,
        id: PaymentId,
        guard: Guard,
        attempt: &Attempt,
        in_doubt: bool,
    ) -> Result<Intent, BooksError> {
        if in_doubt
            && let Some(found) = self.intent(id).await?
            && found.guard.fence == guard.fence
            && found.attempts.iter().any(|saved| saved.tx_hash == attempt.tx_hash)
        {
            return Ok(found);
        }
        let mut tries = 0;
        loop {
            let mut write = self.write(Some(attempt.saved_at.ms())).await?;
            let saved = transitions::save_attempt(&mut write.transaction, id, guard, attempt).await;
            match self.finish(write, saved).await {
                Err(error) if dialect::is_conflict(&error) && tries < crate::books::AGAIN => {
                    tries += 1
                }
                done => return done,
            }
        }
    }
}
