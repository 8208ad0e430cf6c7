//! The whole world in memory.

use std::{num::NonZeroU32, sync::Arc};

use bytes::Bytes;

use crate::{
    balances::FakeBalances,
    cards::{FakeCards, PlainTokens},
    clock::{CountedIds, HandClock, START},
    memory::MemoryBooks,
    proofs::FakeProofs,
    rail::FakeRail,
    upstream::FakeUpstream,
    wallet::{LAUNCH_PRICE, TestWallet, offer},
};
use payments::{
    checkout::{Cards, PricedRequest, Settings, World},
    fingerprint::Fingerprint,
    funding::{Product, RevertBounds},
    gas::GasBound,
    intent::KeptRequest,
    ports::Clock,
    route::{Quota, Window},
    sequence::SequenceWatch,
    x402::X402Version,
};

/// The numbers of the default configuration.
pub const SETTINGS: Settings = Settings {
    free_per_day_total: 500,
    require_balance_for_free: true,
    entitlement_ms: 86_400_000,
    refused_after_pay_per_day: 3,
    gas: GasBound { plain_wei: 1_000_000_000_000_000, share: None },
    queue_max: 200,
    reverts: RevertBounds { per_payer_and_hour: 3, gas_wei_per_hour: u128::MAX },
    core_deadline_ms: 600_000,
    core_late_copy_ms: 300_000,
    unknown_after_ms: None,
    lease_ms: 30_000,
    join_window_ms: 3_600_000,
};

/// A call that one credit pays for.
pub const FOR_ONE_CREDIT: Product = Product::Call { credits: NonZeroU32::new(1) };

/// A world, with a handle to each of its parts.
pub struct TestWorld {
    /// What the rules get.
    pub world: World,
    /// Its books.
    pub books: Arc<MemoryBooks>,
    /// Its memory of proofs.
    pub proofs: Arc<FakeProofs>,
    /// The balances that it shows.
    pub balances: Arc<FakeBalances>,
    /// Its chain.
    pub rail: Arc<FakeRail>,
    /// Its card processor.
    pub cards: Arc<FakeCards>,
    /// Its upstream.
    pub upstream: Arc<FakeUpstream>,
    /// Its clock.
    pub clock: Arc<HandClock>,
}

impl TestWorld {
    /// A world in which everything goes well.
    pub fn new() -> Self {
        let books = Arc::new(MemoryBooks::default());
        let proofs = Arc::new(FakeProofs::default());
        let balances = Arc::new(FakeBalances::default());
        let rail = Arc::new(FakeRail::new(Arc::clone(&books)));
        let cards = Arc::new(FakeCards::new(Arc::clone(&books)));
        let upstream = Arc::new(FakeUpstream::default());
        let clock = Arc::new(HandClock::at(START));
        let world = World {
            books: books.clone(),
            proofs: proofs.clone(),
            balances: balances.clone(),
            rail: rail.clone(),
            cards: Some(Cards { rail: cards.clone(), tokens: Arc::new(PlainTokens) }),
            upstream: upstream.clone(),
            clock: clock.clone(),
            ids: Arc::new(CountedIds::default()),
            signers: Arc::new(SequenceWatch::default()),
            settings: SETTINGS,
        };
        Self { world, books, proofs, balances, rail, cards, upstream, clock }
    }

    /// A launch for the price, asked for by this wallet with its payment of this number. The body
    /// is the number's own.
    pub fn launch(&self, wallet: &TestWallet, number: u64, free: bool) -> PricedRequest {
        self.launch_of(wallet, number, free, &format!("{{\"title\":\"{number}\"}}"))
    }

    /// The same with another body.
    pub fn launch_of(
        &self,
        wallet: &TestWallet,
        number: u64,
        free: bool,
        body: &str,
    ) -> PricedRequest {
        PricedRequest {
            id: self.world.ids.payment_id(),
            transfer: wallet.live(&offer(LAUNCH_PRICE), number, self.clock.now()),
            payer: wallet.payer(),
            fingerprint: Fingerprint::of("POST", "/launches", "", body.as_bytes()),
            request: kept(body),
            price: LAUNCH_PRICE,
            free: free.then(launches),
            idempotency_key: None,
            proof_version: X402Version::V2,
        }
    }
}

impl Default for TestWorld {
    fn default() -> Self {
        Self::new()
    }
}

/// The free calls of `POST /launches`: five a month.
pub fn launches() -> Quota {
    Quota {
        name: String::from("launches"),
        count: NonZeroU32::MIN.saturating_add(4),
        window: Window::Month,
    }
}

/// `POST /launches` with this body.
pub fn kept(body: &str) -> KeptRequest {
    KeptRequest {
        route: String::from("POST /launches"),
        path_and_query: String::from("/launches"),
        body: Bytes::copy_from_slice(body.as_bytes()),
        content_type: String::from("application/json"),
    }
}
