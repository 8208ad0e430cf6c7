//! The pipeline of a call without its transport: identify, replay, price, admit, claim, wait. A
//! door makes a [`GatewayRequest`] of what it received, calls one of the functions below, and
//! writes the [`GatewayReply`] or the [`GatewayError`] in its own form.

mod answer;
mod attendance;
mod body_rules;
mod cards;
mod challenges;
mod claiming;
mod earlier_terms;
mod error;
mod free;
mod free_calls;
mod limits;
mod load;
mod own;
mod pipeline;
mod priced;
mod proof;
mod rate;
mod replay;
mod reply;
mod request;
mod state;
pub mod story;
#[cfg(test)]
mod tests;
mod turns;

pub use attendance::Attendance;
pub use body_rules::{BodyFinding, BodyRefusal, BodyRules};
pub use cards::{
    credits::show_credits,
    desk::{AGENT_TOKEN_HINT, CardDesk, Pack},
    events::take_event,
    looks::Looks,
    purchase::buy_pack,
    quote::quote_route,
    rotate::rotate_token,
};
pub use challenges::{CardTerms, ChallengeError, Challenged, Challenges};
pub use error::{
    BlockedFor, CardRequestError, EventError, FrozenFor, GatewayError, KnownBy, NextPayment,
    OfferedRail, PackBuyer, PackError, RateLimited, ReceiptHeader, UnusableToken,
};
pub use limits::{LimitSettings, Limits};
pub use load::{BodyShare, Load, LoadLimits};
pub use own::{show_payment, show_usage};
pub use pipeline::upstream_route;
pub use rate::RateState;
pub use reply::GatewayReply;
pub use request::{Credential, GatewayRequest, IdempotencyKey};
pub use state::{Gateway, GatewaySettings};
pub use turns::Turns;
