//! The rules of Turnpike: what must be true of every payment. Nothing here performs I/O; time, ids
//! and randomness come in as arguments.
//!
//! | module | one thing |
//! |---|---|
//! | [`money`] | integer amounts, one type per unit, checked arithmetic |
//! | [`agent`] | who pays: a wallet or a card account |
//! | [`proof`] | the identity of one payment: chain, token, payer, nonce |
//! | [`fingerprint`] | the identity of one request: method, path, query, body |
//! | [`x402`] | header text to unverified payment to verified transfer to live transfer; receipts |
//! | [`mpp`], [`mpp::stripe`] | header text to unverified credential to verified credential to live charge; challenges, receipts, card accounts |
//! | [`challenge`] | the 402 that every client can pay, prepared once per route |
//! | [`error`] | why a proof was refused, with the wire code |
//! | [`time`], [`ids`] | moments and months; the name of one paid piece of work |
//! | [`identity`] | how an upstream learns who is asking: signed by the gateway, verified by the upstream |
//! | [`route`] | what a route asks of who calls it: nothing, who it is, or a payment |
//! | [`free_quota`], [`funding`] | free calls by quota and window; who pays for a creation, decided once |
//! | [`intent`] | the states of a paid piece of work, and the only place that changes them |
//! | [`gas`] | what a payment may cost in gas |
//! | [`charge`] | what was asked of the card processor, and what proves that it was paid or goes back |
//! | [`settlement`] | what was sent to the chain and what proves that it arrived, or never will |
//! | [`ledger`] | double-entry postings |
//! | [`checkout`] | the story of a launch: claim, then drive one saved step at a time |
//! | [`sequence`] | the signers' nonces: holes are found and filled, nothing is left under a nonce that others used |
//! | [`recovery`] | what a crash leaves behind is finished by the same drive |
//! | [`standing`] | how many credits of a charge may stand, once its money is refunded or disputed |
//! | [`obligation`] | what is owed to a payer, and which call it funds |
//! | [`refunds`] | money on its way back to cards |
//! | [`clearing`] | our balance at the card processor: fees, payouts |
//! | [`paid_back`], [`usdc_refunds`] | USDC on its way back: sent by hand and booked, or by a wallet of its own |
//! | [`reconcile`] | the books against chain, card processor and upstream; differences are findings |
//! | [`finality`] | settlements are looked at until no reorganisation can take them back |
//! | [`ports`] | what the rules need from the world |
//!
//! The way of a proof: [`x402::decode::decode`] makes an [`x402::decode::UnverifiedPayment`],
//! which [`x402::verify::verify`] turns into an [`x402::verify::VerifiedTransfer`]; only
//! [`x402::verify::VerifiedTransfer::within_window`] makes an [`x402::verify::LiveTransfer`].
//! Nothing else can make the last two, so a forgotten check does not compile.

pub mod agent;
pub mod challenge;
pub mod charge;
pub mod checkout;
pub mod clearing;
pub mod error;
pub mod finality;
pub mod fingerprint;
pub mod free_quota;
pub mod funding;
pub mod gas;
pub mod holder;
pub mod identity;
pub mod ids;
pub mod intent;
pub mod ledger;
pub mod money;
pub mod mpp;
pub mod obligation;
pub mod paid_back;
pub mod ports;
pub mod proof;
pub mod rail;
pub mod reconcile;
pub mod recovery;
pub mod refunds;
pub mod route;
pub mod sequence;
pub mod settlement;
pub mod standing;
pub mod time;
pub mod usdc_refunds;
pub mod x402;
