//! What a launch may say and when it may be changed or published. Pure functions: no HTTP, no SQL,
//! no clock.
//!
//! The gateway calls [`create::parse`] as well, before any money moves, so that both sides refuse
//! the same bodies.

pub mod contents;
pub mod create;
mod fields;
pub mod launch;
pub mod media;
pub mod patch;
pub mod platforms;
pub mod publish;
pub mod refusal;
pub mod template;
