//! Whether a client got its answer. An answer that nobody got is joined by the next equal request
//! with a new proof.

use std::sync::Arc;

use payments::{ids::PaymentId, ports::Books};

/// One client that waits for an intent.
pub struct Attendance {
    books: Arc<dyn Books>,
    id: PaymentId,
    /// The request that made the claim: when it goes away without an answer, nobody attends the
    /// intent.
    owner: bool,
    delivered: bool,
}

// === impl Attendance ===

impl Attendance {
    /// The client whose request made the claim.
    pub fn owner(books: Arc<dyn Books>, id: PaymentId) -> Self {
        Self { books, id, owner: true, delivered: false }
    }

    /// A client that asks again.
    pub fn visitor(books: Arc<dyn Books>, id: PaymentId) -> Self {
        Self { books, id, owner: false, delivered: false }
    }

    /// The client is about to get the final answer.
    pub fn note_delivery(&mut self) {
        self.books.delivered(self.id);
        self.delivered = true;
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        if self.owner && !self.delivered {
            self.books.unattended(self.id);
        }
    }
}
