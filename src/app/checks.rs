//! What must work before the process is ready.

use std::sync::Arc;

use async_trait::async_trait;
use payments::{checkout::World, ports::CardRail};

use crate::api::operator::{Check, Checks};

struct BooksCheck(World);
struct ChainCheck(World);
struct UpstreamCheck(World);
struct CardCheck(Arc<dyn CardRail>);

/// Books, chain, upstream, the card processor where cards are taken, and the shared cache where there is one.
pub(super) fn all(world: &World, cache: Option<Box<dyn Check>>) -> Checks {
    let mut checks: Vec<Box<dyn Check>> =
        vec![Box::new(BooksCheck(world.clone())), Box::new(ChainCheck(world.clone())), Box::new(UpstreamCheck(world.clone()))];
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

    async fn run(&self) -> Result<(), String> {
        self.0.books.ready().await.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Check for ChainCheck {
    fn name(&self) -> &'static str {
        "chain"
    }

    async fn run(&self) -> Result<(), String> {
        self.0.rail.ready().await.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Check for UpstreamCheck {
    fn name(&self) -> &'static str {
        "upstream"
    }

    async fn run(&self) -> Result<(), String> {
        self.0.upstream.ready().await.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Check for CardCheck {
    fn name(&self) -> &'static str {
        "cards"
    }

    async fn run(&self) -> Result<(), String> {
        self.0.ready().await.map_err(|error| error.to_string())
    }
}
