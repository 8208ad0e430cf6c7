//! What a request may be refused with, as closed types: what went wrong, not how it is answered.
//! Each door decides that.

mod card;
mod gateway;

pub use card::{
    BlockedFor, CardRequestError, EventError, FrozenFor, PackBuyer, PackError, UnusableToken,
};
pub use gateway::{GatewayError, KnownBy, NextPayment, OfferedRail, RateLimited, ReceiptHeader};
