//! The rules of Turnpike: what must be true of every payment. Nothing here performs I/O; time, ids and randomness
//! come in as arguments.
//!
//! | module | one thing |
//! |---|---|
//! | [`money`] | integer amounts, one type per unit, checked arithmetic |
//! | [`agent`] | who pays: a wallet or a card account |
//! | [`proof`] | the identity of one payment: chain, token, payer, nonce |
//! | [`fingerprint`] | the identity of one request: method, path, query, body |
//! | [`x402`] | header text to unverified payment to verified transfer to live transfer; receipts |
//! | [`challenge`] | the 402 that every client can pay, prepared once per route |
//! | [`error`] | why a proof was refused, with the wire code |
//!
//! The way of a proof: [`x402::payload::decode`] makes an [`x402::payload::UnverifiedPayment`], which
//! [`x402::verify::verify`] turns into an [`x402::verify::VerifiedTransfer`]; only
//! [`x402::verify::VerifiedTransfer::within_window`] makes an [`x402::verify::LiveTransfer`]. Nothing else can make
//! the last two, so a forgotten check does not compile.

pub mod agent;
pub mod challenge;
pub mod error;
pub mod fingerprint;
pub mod money;
pub mod proof;
pub mod x402;
