//! The agents' listener. [`routes`] shows every layer and every route; `exchange` reads a request,
//! `problem` is the one place that turns an error into an answer, and `crate::gateway` decides
//! everything in between.

mod asked;
mod body;
mod credential;
mod describe;
mod error;
mod exchange;
mod framing;
mod headers;
pub mod operator;
mod peer;
mod problem;
mod rate;
mod reply;
mod routes;
pub mod server;
mod state;
mod told;
mod trace;

pub use describe::kept::Descriptions;
pub use peer::TrustedProxies;
pub use routes::router;
pub use state::{Api, ApiSettings};
