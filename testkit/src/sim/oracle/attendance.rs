//! A client that waits for the answer to a payment, for as long as it waits.

use std::sync::Arc;

use payments::ids::PaymentId;

use super::super::{Sim, gateway::SharedBooks, locked};

/// One client that waits for an intent, as the service keeps it.
pub struct Attendance {
    sim: Arc<Sim>,
    books: SharedBooks,
    id: PaymentId,
    owner: bool,
    delivered: bool,
}

// === impl Attendance ===

impl Attendance {
    /// The client whose request made the claim.
    pub fn owner(sim: &Arc<Sim>, books: SharedBooks, id: PaymentId) -> Self {
        locked(&sim.oracle).left_alone.insert(id, None);
        Self { sim: Arc::clone(sim), books, id, owner: true, delivered: false }
    }

    /// A client that asks again.
    pub fn visitor(sim: &Arc<Sim>, books: SharedBooks, id: PaymentId) -> Self {
        Self { sim: Arc::clone(sim), books, id, owner: false, delivered: false }
    }

    /// The client heard 503, from this process.
    pub fn sent_away(self, process: usize) {
        if self.owner {
            self.sim.sent_away(self.id, process);
        }
    }

    /// The client got the stored answer.
    pub fn delivered(mut self) {
        self.books.delivered(self.id);
        self.delivered = true;
        locked(&self.sim.oracle).handed.insert(self.id);
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        if self.owner {
            locked(&self.sim.oracle).left_alone.insert(self.id, Some(self.sim.scheduler.now()));
        }
        if self.owner && !self.delivered {
            self.books.unattended(self.id);
        }
    }
}
