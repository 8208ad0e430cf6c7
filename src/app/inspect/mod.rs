//! What operators' commands see of the money, beside a running gateway or without one. Nothing here
//! writes to the books or moves money.

mod chain;
mod custody;
mod doctor;
mod finding;
mod settings;
mod verify;

pub use doctor::doctor;
pub use finding::{Finding, Level};
pub use verify::verify;
