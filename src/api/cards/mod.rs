//! Requests of agents with a card: who they are, what they have prepaid, what they are charged.

pub(super) mod credits;
pub(super) mod desk;
pub(super) mod events;
pub(super) mod free;
pub(super) mod launch;
pub(super) mod looks;
pub(super) mod pack;
pub(super) mod purchase;
pub(super) mod quote;
pub(super) mod reach;
pub(super) mod receipt;
pub(super) mod repeated;
pub(super) mod rotate;
mod stable;
mod who;
