//! What is described: the routes that agents call, and what they ask for.

use super::super::state::Api;
use crate::{
    gateway::{Challenges, Pack},
    upstream::profile::{OwnRoute, Route, RouteTable, Target},
};

/// What is described.
pub(super) struct Subject<'a> {
    /// The profile's name.
    pub service: &'a str,
    /// Where agents call, without a trailing slash.
    pub public_url: &'a str,
    /// Every route.
    pub table: &'a RouteTable,
    /// What they ask for.
    pub challenges: &'a Challenges,
    /// Cards are taken.
    pub cards: bool,
    /// What is sold in advance, where cards are taken and a route takes credits.
    pub pack: Option<Pack>,
    /// Nothing here is worth money.
    pub sandbox: bool,
}

// === impl Subject ===

impl<'a> Subject<'a> {
    pub(super) fn of(api: &'a Api) -> Self {
        Self {
            service: api.descriptions.service(),
            public_url: &api.settings.public_url,
            table: &api.gateway.table,
            challenges: &api.gateway.challenges,
            cards: api.gateway.cards.is_some(),
            pack: api.gateway.cards.as_ref().and_then(|desk| desk.pack),
            sandbox: api.settings.sandbox,
        }
    }

    pub(super) const fn takes_cards(&self) -> bool {
        self.cards
    }

    /// The routes that agents call; the processor's events are not for them, and credits are of no
    /// use where no cards are taken.
    pub(super) fn routes(&self) -> impl Iterator<Item = &'a Route> {
        let (cards, packs) = (self.takes_cards(), self.pack.is_some());
        self.table.routes().filter(move |route| match route.target {
            Target::Own(OwnRoute::CardEvents) => false,
            Target::Own(OwnRoute::Credits | OwnRoute::Purchase) => packs,
            Target::Own(OwnRoute::RotateToken) => cards,
            _ => true,
        })
    }
}
