//! What must work before the process is ready.

use std::sync::Arc;

use async_trait::async_trait;
use payments::{
    agent::Wallet,
    checkout::World,
    ports::{CardRail, Settler},
    sequence::SignerState,
};
use serde_json::{Value, json};

use crate::{
    http::operator::{Check, Checks, NotReady},
    upstream::way::Way,
};

struct BooksCheck(World);
struct ChainCheck(World);
/// Whether what is claimed here can be mined: no hole in the signer's nonces holds it up.
struct SignerCheck(World, Option<Wallet>);
/// Whether the upstream answers, and takes us.
struct UpstreamCheck(World, Arc<Way>);
struct CardCheck(Arc<dyn CardRail>);

/// Books, chain, upstream, the card processor where cards are taken, and the shared cache where
/// there is one.
pub(super) fn all(
    world: &World,
    way: &Arc<Way>,
    refund_wallet: Option<Wallet>,
    cache: Option<Box<dyn Check>>,
) -> Checks {
    let mut checks: Vec<Box<dyn Check>> = vec![
        Box::new(BooksCheck(world.clone())),
        Box::new(ChainCheck(world.clone())),
        Box::new(SignerCheck(world.clone(), refund_wallet)),
    ];
    checks.push(Box::new(UpstreamCheck(world.clone(), Arc::clone(way))));
    if let Some(cards) = &world.cards {
        checks.push(Box::new(CardCheck(Arc::clone(&cards.rail))));
    }
    checks.extend(cache);
    Arc::new(checks)
}

#[async_trait]
impl Check for BooksCheck {
    fn name(&self) -> &'static str {
        "books"
    }

    async fn run(&self) -> Result<(), NotReady> {
        self.0.books.ready().await.map_err(NotReady::Books)
    }
}

#[async_trait]
impl Check for ChainCheck {
    fn name(&self) -> &'static str {
        "chain"
    }

    async fn run(&self) -> Result<(), NotReady> {
        Ok(self.0.rail.ready().await?)
    }
}

#[async_trait]
impl Check for SignerCheck {
    fn name(&self) -> &'static str {
        "signer"
    }

    /// Another signer's hole holds up nothing that is claimed here.
    async fn run(&self) -> Result<(), NotReady> {
        let states = self.0.signers.states();
        match states.first().and_then(|own| Some((own.signer, *own.holes.first()?))) {
            Some((signer, nonce)) => Err(NotReady::NonceHole { nonce, signer }),
            None => Ok(()),
        }
    }

    fn detail(&self) -> Option<(&'static str, Value)> {
        let now = self.0.clock.now();
        let of = |state: SignerState| {
            json!({
                "address": state.signer.to_string(),
                "role": role(&*self.0.rail, self.1, state.signer),
                "chain_nonce": state.chain_nonce,
                "next_nonce": state.next_nonce,
                "open": state.open,
                "oldest_open_s": state.oldest_open_s(now),
                "hole": state.holes.first(),
            })
        };
        Some(("signers", self.0.signers.states().into_iter().map(of).collect()))
    }
}

/// What an account of ours is for.
fn role(rail: &dyn Settler, refund_wallet: Option<Wallet>, signer: Wallet) -> &'static str {
    match (refund_wallet == Some(signer), rail.signers().first() == Some(&signer)) {
        (true, _) => "refunds",
        (false, true) => "settles",
        (false, false) => "finishes",
    }
}

#[async_trait]
impl Check for UpstreamCheck {
    fn name(&self) -> &'static str {
        "upstream"
    }

    async fn run(&self) -> Result<(), NotReady> {
        if let Some(closed) = self.1.closed() {
            let (detail, since) = (closed.detail, closed.since.rfc3339_s());
            return Err(NotReady::RefusedByUpstream { since, detail });
        }
        Ok(self.0.upstream.ready().await?)
    }
}

#[async_trait]
impl Check for CardCheck {
    fn name(&self) -> &'static str {
        "cards"
    }

    async fn run(&self) -> Result<(), NotReady> {
        Ok(self.0.ready().await?)
    }
}
