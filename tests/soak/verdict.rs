//! What is left when the agents are gone: books, chain and core against each other, and against what every agent was told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::agents::Shared;
use crate::support::audit::{number, text};
use crate::support::world::PRICE;
use crate::support::{World, oracle};

/// Prints the counts; panics at the first thing that is not as it must be.
pub async fn judge(world: &World, shared: &Shared, kills: u64, took_s: u64) {
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    println!("seconds             {took_s}");
    println!("kill -9             {kills}");
    println!("requests            {} (repeats {})", load(&shared.requests), load(&shared.repeats));
    println!("clients that left   {}", load(&shared.abandoned));
    println!("replays compared    {}", load(&shared.replays));
    println!("refused by the core {}", load(&shared.refused));
    // Transient states, the journal, settlements against the chain, launches against the core, what paid for each of them.
    oracle::check(world).await;
    println!("open transient states 0; books equal chain and core");
    let totals = world.totals().await;
    println!("launches            {} (told to agents {})", totals.launches, shared.launches.lock().unwrap().len());
    println!("settlements         {}", totals.settlements);
    println!("free slots          {}", totals.free_slots);
    println!("owed                {}", totals.obligations);
    nothing_is_lost(world, shared).await;
    println!("lost                0");
    nothing_is_taken_twice(world, shared).await;
    println!("taken twice         0");
    nothing_is_given_away(world, totals.launches, totals.free_slots).await;
    println!("given away          0");
    every_nonce_is_used(world).await;
    println!("gaps in the signer's nonces 0");
    assert!(totals.settlements > 0 && totals.free_slots > 0, "nothing happened");
}

/// Every launch that an agent was told is there, and is its own.
async fn nothing_is_lost(world: &World, shared: &Shared) {
    let intents = world.gateway.audit().view("intents").await;
    let there: BTreeMap<String, String> = intents.iter().map(|i| (text(i, "launch_id"), text(i, "payer"))).collect();
    for (launch, payer) in shared.launches.lock().unwrap().iter() {
        assert_eq!(there.get(launch), Some(payer), "launch {launch} of {payer} is lost");
    }
}

/// A wallet has paid for exactly what the books say, and at least for what it was told. What is more was paid for an abandoned request.
async fn nothing_is_taken_twice(world: &World, shared: &Shared) {
    let mut booked: BTreeMap<String, u64> = BTreeMap::new();
    for line in world.gateway.audit().view("settlements").await {
        *booked.entry(format!("wallet:{}", text(&line, "from_addr").to_lowercase())).or_default() += 1;
    }
    let received: u64 = world.chain.transfers_to(world.terms.pay_to).await.iter().map(|(_, value, _)| value / PRICE).sum();
    assert_eq!(booked.values().sum::<u64>(), received, "settlements and transfers differ");
    let told = shared.charges.lock().unwrap().clone();
    for wallet in shared.wallets.lock().unwrap().iter() {
        let payer = wallet.payer();
        let (booked, told) = (booked.get(&payer).copied().unwrap_or(0), told.get(&payer).copied().unwrap_or(0));
        assert!(booked >= told, "{payer} was told {told} charges, the books have {booked}");
    }
    let unexplained = received - told.values().sum::<u64>();
    assert!(unexplained <= shared.abandoned.load(Ordering::Relaxed), "{unexplained} charges that no client can explain");
}

/// As many launches as slots, paid creations and used entitlements.
async fn nothing_is_given_away(world: &World, launches: usize, free_slots: usize) {
    let intents = world.gateway.audit().view("intents").await;
    let created = |funding: &str| intents.iter().filter(|i| text(i, "state") == "created" && text(i, "funding") == funding).count();
    assert_eq!(created("free"), free_slots, "slots and free launches differ");
    assert_eq!(launches, created("free") + created("x402") + created("entitlement"));
}

/// From the first to the last, each of the signer's nonces is in a block.
async fn every_nonce_is_used(world: &World) {
    let attempts = world.gateway.audit().view("attempts").await;
    let nonces: BTreeSet<i128> = attempts.iter().map(|attempt| number(attempt, "eoa_nonce")).collect();
    let next = nonces.last().map_or(0, |last| last + 1);
    assert_eq!(i128::try_from(nonces.len()).unwrap(), next, "a nonce was given out and not signed");
    let mined = async || match i128::from(world.chain.tx_count(world.signer.address).await) {
        count if count == next => Ok(()),
        count => Err(format!("{count} of {next}")),
    };
    crate::support::moment::eventually("every nonce is used", Duration::from_secs(60), mined).await;
}
