//! What a test needs around the gateway: the chain, the core, the wallets, the client and the judge
//! of the books.

pub mod anvil;
pub mod any_api;
pub mod audit;
pub mod backup;
pub mod card;
pub mod child;
pub mod client;
pub mod clock_file;
pub mod core_process;
pub mod database;
pub mod disk;
pub mod fake_core;
pub mod fixture;
pub mod gateway;
pub mod metrics;
pub mod moment;
pub mod node_limits;
pub mod one_store;
pub mod oracle;
pub mod postgres_proxy;
mod processes;
pub mod proof;
pub mod raw;
pub mod redis;
pub mod rpc_proxy;
pub mod secrets;
pub mod server;
pub mod setup;
pub mod standing;
pub mod stripe;
pub mod stripe_proxy;
pub mod tables;
pub mod tcp_proxy;
pub mod token;
pub mod trap;
pub mod wallet;
pub mod world;

pub use card::Card;
pub use client::{Call, Reply};
pub use fake_core::FakeCore;
pub use proof::{Header, Terms};
pub use wallet::Wallet;
pub use world::{Setup, World};
