//! The rules in a world of memory, through what they let everybody see.
#![allow(clippy::unwrap_used)]

mod checkout;
mod finality;
mod gas;
mod recovery;
mod sequence;
mod transition;
