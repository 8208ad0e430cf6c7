//! The books as one process reaches them: calls that get lost before or after they did their work,
//! and notes that die with their process.

mod port;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use payments::{
    ids::PaymentId,
    ports::{Books, BooksError},
};

use super::{Sim, locked, lost_answers::not_known};

/// One process's way to the books that all share.
pub struct SimBooks {
    pub(super) sim: Arc<Sim>,
    notes: Mutex<Vec<Note>>,
    /// What this process claimed, or tried to: its clients wait here.
    pub(super) claimed: Mutex<BTreeSet<PaymentId>>,
}

#[derive(Clone, Copy)]
enum Note {
    Delivered(PaymentId),
    Unattended(PaymentId),
}

impl SimBooks {
    /// For a process that just started.
    pub fn new(sim: Arc<Sim>) -> Self {
        Self { sim, notes: Mutex::default(), claimed: Mutex::default() }
    }

    /// The way there. An error means that nothing was done.
    pub(super) async fn reach(&self) -> Result<(), BooksError> {
        self.sim.under_way().await;
        if self.sim.chance(self.sim.odds().books_down) {
            self.sim.count(|counts| counts.books_faults += 1);
            return Err(BooksError::Unavailable("nothing was done".into()));
        }
        Ok(())
    }

    /// The way there of a write, which takes the waiting notes along.
    pub(super) async fn reach_to_write(&self) -> Result<(), BooksError> {
        self.reach().await?;
        let notes = std::mem::take(&mut *locked(&self.notes));
        for note in notes {
            match note {
                Note::Delivered(id) => self.sim.books.delivered(id),
                Note::Unattended(id) => self.sim.books.unattended(id),
            }
        }
        self.sim.books.flush().await
    }

    /// The way back of a write: it is done, whatever the caller hears.
    pub(super) async fn back<T>(&self, done: Result<T, BooksError>) -> Result<T, BooksError> {
        self.sim.wrote();
        self.sim.under_way().await;
        if done.is_ok() && self.is_reply_lost() {
            return Err(not_known());
        }
        done
    }

    fn is_reply_lost(&self) -> bool {
        let lost = self.sim.chance(self.sim.odds().books_reply_lost);
        self.sim.count(|counts| counts.books_faults += u64::from(lost));
        lost
    }
}
