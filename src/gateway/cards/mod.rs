//! Requests of agents with a card: who they are, what they have prepaid, what they are charged.

pub mod call;
pub mod credits;
pub mod desk;
pub mod events;
pub mod free;
pub mod looks;
mod order;
pub mod pack;
pub mod pay;
pub mod purchase;
pub mod quote;
pub mod reach;
pub mod receipt;
pub mod repeated;
pub mod rotate;
mod stable;
mod who;
