//! What runs beside the requests: drivers of intents, the recovery loop, the comparison of the
//! books, and housekeeping.

pub mod challenges;
pub mod drives;
mod journey;
mod outages;
mod queue;
pub mod reconcile;
pub mod rounds;
pub mod vitals;
pub mod way;
