//! What runs beside the requests: drivers of intents, the recovery loop, and housekeeping.

pub mod drives;
pub mod rounds;
