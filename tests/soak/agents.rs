//! The agents: each makes free and paid launches with one wallet after the other, and sends a proof
//! again until it knows its end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;

use crate::support::anvil::Anvil;
use crate::support::moment::{Stopwatch, random_bytes};
use crate::support::stripe::Stripe;
use crate::support::world::{PRICE, creation, launch};
use crate::support::{Call, Reply, Terms, Wallet, World};

/// Launches of one wallet: five are free, the others are paid.
const PER_WALLET: u64 = 9;
/// How long a proof may stay without a final answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the agents know of the world, and what they saw.
pub struct Shared {
    /// Where the replicas listen; requests go to one after the other.
    addresses: Vec<SocketAddr>,
    chain: Arc<Anvil>,
    pub stripe: Arc<Stripe>,
    terms: Terms,
    stopped: AtomicBool,
    /// After 503 an agent pays with a new proof, as many real clients do.
    signs_anew: bool,
    /// By launch id: the wallet that was given it.
    pub launches: Mutex<BTreeMap<String, String>>,
    /// By wallet: how many of its proofs were answered with a charge.
    pub charges: Mutex<BTreeMap<String, u64>>,
    pub wallets: Mutex<Vec<Wallet>>,
    pub requests: AtomicU64,
    pub repeats: AtomicU64,
    pub replays: AtomicU64,
    pub refused: AtomicU64,
    pub abandoned: AtomicU64,
    /// Launches that were paid by card or credit.
    pub card_launches: Mutex<BTreeSet<String>>,
    /// Launches whose answer named a charge of a card.
    pub card_charges: AtomicU64,
    pub packs: AtomicU64,
    pub on_credit: AtomicU64,
}

impl Shared {
    pub fn new(world: &World, signs_anew: bool) -> Self {
        Self {
            addresses: world.gateways().map(|gateway| gateway.address).collect(),
            chain: Arc::clone(&world.chain),
            stripe: Arc::clone(world.stripe.as_ref().expect("a world with cards")),
            terms: world.terms.clone(),
            stopped: AtomicBool::new(false),
            signs_anew,
            launches: Mutex::default(),
            charges: Mutex::default(),
            wallets: Mutex::default(),
            requests: AtomicU64::new(0),
            repeats: AtomicU64::new(0),
            replays: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            card_launches: Mutex::default(),
            card_charges: AtomicU64::new(0),
            packs: AtomicU64::new(0),
            on_credit: AtomicU64::new(0),
        }
    }

    /// The agents end after the launch that each is at.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// The core refused finally.
    pub fn count_refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The replica that the next request goes to.
    fn address(&self) -> SocketAddr {
        let turn = usize::try_from(self.requests.fetch_add(1, Ordering::Relaxed)).unwrap();
        self.addresses[turn % self.addresses.len()]
    }

    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

/// One agent, until it is stopped.
pub async fn live(shared: Arc<Shared>) {
    while !shared.stopped() {
        let wallet = Wallet::random();
        shared.chain.mint(wallet.address, PER_WALLET * PRICE).await;
        shared.wallets.lock().unwrap().push(wallet.clone());
        for number in 0..PER_WALLET {
            if shared.stopped() {
                return;
            }
            one_launch(&shared, &wallet, number).await;
        }
    }
}

async fn one_launch(shared: &Shared, wallet: &Wallet, number: u64) {
    let body = launch(&format!("{number} of {}", wallet.address));
    let signed = || creation(&wallet.draft(&shared.terms).sign(wallet).v2(), &body);
    let call = signed();
    let dice = random_bytes::<1>()[0];
    if dice < 20 && !shared.signs_anew {
        // Gone before the answer: what becomes of it is the gateway's affair.
        let patience = Duration::from_millis(8 * u64::from(dice));
        shared.abandoned.fetch_add(1, Ordering::Relaxed);
        let _ = tokio::time::timeout(patience, call.try_send(shared.address())).await;
        return;
    }
    let Some(reply) =
        answer(shared, call.clone(), || Box::pin(std::future::ready(Some(signed())))).await
    else {
        return;
    };
    match reply.status.as_u16() {
        201 => created(shared, wallet, &reply),
        400 => {
            shared.count_refusal();
            charged(shared, wallet, &reply);
            return;
        }
        _ => panic!("an answer that no agent expects: {}", reply.brief()),
    }
    if dice > 200 && !shared.signs_anew {
        let again = final_answer(shared, &call).await;
        assert_eq!(
            (again.launch_id(), again.replayed()),
            (reply.launch_id(), true),
            "{}",
            again.brief()
        );
        shared.replays.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends a payment until its answer is final: the same one, or a new one after each 503. None once
/// there is nothing to pay with.
pub async fn answer<'a>(
    shared: &Shared,
    call: Call,
    mut anew: impl FnMut() -> BoxFuture<'a, Option<Call>>,
) -> Option<Reply> {
    if !shared.signs_anew {
        return Some(final_answer(shared, &call).await);
    }
    let (watch, mut call) = (Stopwatch::start(), call);
    loop {
        let reply = call.send(shared.address()).await;
        if reply.status == 500 && reply.code() == "PAYMENT_004" {
            // Charged, and said so: nobody pays again for that.
            return Some(final_answer(shared, &call).await);
        }
        if reply.status != 503 {
            return Some(reply);
        }
        assert!(
            reply.header("payment-required").is_none(),
            "a challenge with an unknown outcome: {}",
            reply.brief()
        );
        assert!(
            watch.elapsed() < PATIENCE,
            "no final answer within {PATIENCE:?}: {}",
            reply.brief()
        );
        shared.repeats.fetch_add(1, Ordering::Relaxed);
        let wait_s = reply.header("retry-after").expect("Retry-After").parse().unwrap();
        tokio::time::sleep(Duration::from_secs(wait_s)).await;
        call = anew().await?;
    }
}

/// Sends the same proof until the answer is none of "not now" and "not known yet".
pub async fn final_answer(shared: &Shared, call: &Call) -> Reply {
    let watch = Stopwatch::start();
    let mut last = String::new();
    while watch.elapsed() < PATIENCE {
        match call.try_send(shared.address()).await {
            Ok(reply)
                if reply.status == 503
                    || (reply.status == 500 && reply.code() == "PAYMENT_004") =>
            {
                assert!(
                    reply.header("payment-required").is_none(),
                    "a challenge with an unknown outcome: {}",
                    reply.brief()
                );
                last = reply.brief();
            }
            Ok(reply) => return reply,
            Err(error) => last = error,
        }
        shared.repeats.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no final answer within {PATIENCE:?}: {last}");
}

fn created(shared: &Shared, wallet: &Wallet, reply: &Reply) {
    let id = reply.launch_id();
    assert!(!id.is_empty(), "{}", reply.brief());
    let other = shared.launches.lock().unwrap().insert(id, wallet.payer());
    assert_eq!(other, None, "one launch answers two proofs: {}", reply.brief());
    charged(shared, wallet, reply);
}

fn charged(shared: &Shared, wallet: &Wallet, reply: &Reply) {
    if reply.charge().starts_with("0.55 USDC") {
        *shared.charges.lock().unwrap().entry(wallet.payer()).or_default() += 1;
    }
}
