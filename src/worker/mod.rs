//! What runs beside the requests: drivers of intents, the recovery loop, the comparison of the books, and housekeeping.

pub mod drives;
pub mod reconcile;
pub mod rounds;
