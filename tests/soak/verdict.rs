//! What is left when the agents are gone: books, chain and core against each other, and against
//! what every agent was told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::Blows;
use crate::agents::Shared;
use crate::support::audit::{number, text};
use crate::support::world::PRICE;
use crate::support::{World, oracle};

/// Prints the counts; panics at the first thing that is not as it must be.
pub async fn judge(world: &World, shared: &Shared, blows: &Blows, took_s: u64) {
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    println!("seconds             {took_s}");
    println!("kill -9             {}", blows.kills);
    println!("database cut        {}", blows.cuts);
    println!("cache flushed       {}", blows.flushes);
    println!("disk full           {}", blows.full_disks);
    println!("requests            {} (repeats {})", load(&shared.requests), load(&shared.repeats));
    println!("clients that left   {}", load(&shared.abandoned));
    println!("replays compared    {}", load(&shared.replays));
    println!("refused by the core {}", load(&shared.refused));
    println!(
        "cards               {} charges, {} packs, {} launches on credits",
        load(&shared.card_charges),
        load(&shared.packs),
        load(&shared.on_credit)
    );
    // Transient states, the journal, settlements against the chain, launches against the core, what
    // paid for each of them.
    oracle::check(world).await;
    println!("open transient states 0; books equal chain and core");
    let totals = world.totals().await;
    let told = shared.launches.lock().unwrap().len() + shared.card_launches.lock().unwrap().len();
    println!("launches            {} (told to agents {told})", totals.launches);
    println!("settlements         {}", totals.settlements);
    println!("free slots          {}", totals.free_slots);
    println!("owed                {}", totals.obligations);
    nothing_is_lost(world, shared).await;
    println!("lost                0");
    nothing_is_taken_twice(world, shared).await;
    no_card_is_charged_twice(world, shared).await;
    println!("taken twice         0");
    nothing_is_given_away(world, totals.launches, totals.free_slots).await;
    println!("given away          0");
    every_nonce_is_used(world).await;
    assert!(totals.settlements > 0 && totals.free_slots > 0, "nothing happened");
}

/// Every launch that an agent was told is there, and is its own.
async fn nothing_is_lost(world: &World, shared: &Shared) {
    let intents = world.gateway.audit().view("intents").await;
    let there: BTreeMap<String, String> =
        intents.iter().map(|i| (text(i, "launch_id"), text(i, "payer"))).collect();
    for (launch, payer) in shared.launches.lock().unwrap().iter() {
        assert_eq!(there.get(launch), Some(payer), "launch {launch} of {payer} is lost");
    }
    for launch in shared.card_launches.lock().unwrap().iter() {
        assert!(there.contains_key(launch), "launch {launch} of a card is lost");
    }
}

/// A wallet has paid for exactly what the books say, and at least for what it was told. What is
/// more was paid for an abandoned request.
async fn nothing_is_taken_twice(world: &World, shared: &Shared) {
    let mut booked: BTreeMap<String, u64> = BTreeMap::new();
    let settlements = world.gateway.audit().view("settlements").await;
    for line in settlements.iter().filter(|line| text(line, "rail") == "x402") {
        *booked.entry(format!("wallet:{}", text(line, "from_addr").to_lowercase())).or_default() +=
            1;
    }
    let received: u64 = world
        .chain
        .transfers_to(world.terms.pay_to)
        .await
        .iter()
        .map(|(_, value, _)| value / PRICE)
        .sum();
    assert_eq!(booked.values().sum::<u64>(), received, "settlements and transfers differ");
    let told = shared.charges.lock().unwrap().clone();
    for wallet in shared.wallets.lock().unwrap().iter() {
        let payer = wallet.payer();
        let (booked, told) =
            (booked.get(&payer).copied().unwrap_or(0), told.get(&payer).copied().unwrap_or(0));
        assert!(booked >= told, "{payer} was told {told} charges, the books have {booked}");
    }
    let unexplained = received - told.values().sum::<u64>();
    assert!(
        unexplained <= shared.abandoned.load(Ordering::Relaxed),
        "{unexplained} charges that no client can explain"
    );
}

/// Stripe took exactly what the agents were told: they wait for every answer.
async fn no_card_is_charged_twice(world: &World, shared: &Shared) {
    let taken = world.stripe().succeeded();
    let told = shared.card_charges.load(Ordering::Relaxed) + shared.packs.load(Ordering::Relaxed);
    assert_eq!(
        u64::try_from(taken.len()).unwrap(),
        told,
        "charges at Stripe, and charges that agents know"
    );
    let booked = world.gateway.audit().view("settlements").await;
    let booked: i128 = booked
        .iter()
        .filter(|line| text(line, "rail") == "mpp")
        .map(|line| number(line, "amount_minor"))
        .sum();
    let taken: i64 = taken.iter().filter_map(|intent| intent["amount_received"].as_i64()).sum();
    assert_eq!(booked, i128::from(taken), "cents in the books, and cents at Stripe");
}

/// As many launches as slots, paid creations and used entitlements.
async fn nothing_is_given_away(world: &World, launches: usize, free_slots: usize) {
    let intents = world.gateway.audit().view("intents").await;
    let created = |funding: &str| {
        intents
            .iter()
            .filter(|i| text(i, "state") == "created" && text(i, "funding") == funding)
            .count()
    };
    assert_eq!(created("free"), free_slots, "slots and free launches differ");
    assert_eq!(
        launches,
        ["free", "x402", "entitlement", "mpp_charge", "credit"].map(created).iter().sum::<usize>()
    );
}

/// From the first to the last, each nonce of each signer is in a block.
async fn every_nonce_is_used(world: &World) {
    let attempts = world.gateway.audit().view("attempts").await;
    for signer in std::iter::once(&world.signer).chain(&world.other_signers) {
        let ours = attempts.iter().filter(|attempt| {
            text(attempt, "signer").eq_ignore_ascii_case(&signer.address.to_string())
        });
        let nonces: BTreeSet<i128> = ours.map(|attempt| number(attempt, "eoa_nonce")).collect();
        let next = nonces.last().map_or(0, |last| last + 1);
        assert_eq!(
            i128::try_from(nonces.len()).unwrap(),
            next,
            "a nonce was given out and not signed"
        );
        let mined = async || match i128::from(world.chain.tx_count(signer.address).await) {
            count if count == next => Ok(()),
            count => Err(format!("{count} of {next}")),
        };
        crate::support::moment::eventually("every nonce is used", Duration::from_secs(60), mined)
            .await;
        println!("signer              {} transactions, no gap", next);
    }
}
