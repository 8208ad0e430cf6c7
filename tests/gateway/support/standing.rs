//! What an attack must leave as it was: the books, the core and Stripe.

use sandbox::stripe::CallSeen;
use serde_json::Value;

use super::World;
use super::audit::Line;

/// The views that say who has what.
const VIEWS: [&str; 8] = [
    "intents",
    "settlements",
    "attempts",
    "journal",
    "credits",
    "credit_entries",
    "obligations",
    "free_slots",
];

/// Everything that somebody owns, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    books: Vec<Vec<Line>>,
    payment_intents: Vec<Value>,
    refunds: Vec<Value>,
    launches: usize,
}

impl World {
    /// How everything stands now.
    pub async fn standing(&self) -> Standing {
        let audit = self.gateway.audit();
        let mut books = Vec::new();
        for view in VIEWS {
            books.push(audit.view(view).await);
        }
        let stripe = self.stripe();
        Standing {
            books,
            payment_intents: stripe.intents(),
            refunds: stripe.refunds(),
            launches: self.core.as_ref().map_or(0, super::FakeCore::launch_count),
        }
    }

    /// Calls to Stripe since `calls` were there.
    pub fn asked_since(&self, calls: usize) -> Vec<CallSeen> {
        self.stripe().calls().split_off(calls)
    }
}
