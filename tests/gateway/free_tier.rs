//! Five launches a month, for one wallet, however it is spelled and however hard it tries.

use futures::future::join_all;
use serde_json::json;

use crate::proofs::challenge;
use crate::support::audit::text;
use crate::support::fake_core::Behaviour;
use crate::support::proof::encode_v2;
use crate::support::world::{PRICE, Totals, launch};
use crate::support::{Call, Setup, World};

#[tokio::test(flavor = "multi_thread")]
async fn r049_five_launches_are_free_and_the_sixth_is_paid() {
    let world = Setup::new().embedded().start().await;
    let wallet = world.agent().await;
    for left in (0..5).rev() {
        let reply = world.launch(&wallet, &format!("free {left}")).await.must(201);
        let expected = format!("none; reason=free_tier; remaining={left}");
        assert_eq!(reply.charge(), expected, "{}", reply.brief());
    }
    let free = Totals { free_slots: 5, launches: 5, ..Totals::default() };
    world.settles_at(free).await;
    let sixth = world.launch(&wallet, "paid").await.must(201);
    assert!(sixth.charge().starts_with("0.55 USDC; payment="), "{}", sixth.brief());
    assert!(sixth.header("payment-response").is_some());
    let all =
        Totals { settlements: 1, transactions: 1, free_slots: 5, launches: 6, ..Totals::default() };
    world.settles_at(all).await;
    let usage = world.ask(&wallet, "GET", "/usage").await.must(200).json();
    let month = &usage["data"]["limits"]["launches_per_month"];
    // The product text does not say whether a paid launch counts as used.
    let (limit, remaining) = (&month["limit"], &month["remaining"]);
    assert_eq!((limit, remaining), (&json!(5), &json!(0)), "{usage}");
    assert!(month["used"].as_u64() >= Some(5), "{usage}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r050_twenty_creations_at_once_take_exactly_five_slots() {
    let world = World::start().await;
    let wallet = world.agent_with(20 * PRICE).await;
    let proofs: Vec<_> = (0..20).map(|_| world.proof(&wallet).v2()).collect();
    let bodies: Vec<_> = (0..20).map(|at| launch(&format!("n{at}"))).collect();
    let calls = proofs.iter().zip(&bodies).map(|(proof, body)| world.create(proof, body));
    let replies = join_all(calls).await;
    let mut free = 0;
    for reply in replies {
        let reply = reply.must(201);
        free += usize::from(reply.charge().starts_with("none"));
    }
    assert_eq!(free, 5);
    crate::support::oracle::check(&world).await;
    let totals = world.totals().await;
    assert_eq!((totals.free_slots, totals.settlements, totals.launches), (5, 15, 20), "{totals:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r051_every_spelling_of_an_address_is_one_wallet() {
    let world = World::start().await;
    let wallet = world.agent().await;
    let lower = wallet.address_lower();
    let upper = format!("0x{}", lower[2..].to_uppercase());
    let spellings = [lower, wallet.address.to_checksum(None), upper];
    for (at, spelling) in spellings.iter().enumerate() {
        let mut payload = world.proof(&wallet).json_v2();
        payload["payload"]["authorization"]["from"] = json!(spelling);
        let reply = world.create(&encode_v2(&payload), &launch(spelling)).await.must(201);
        let remaining = format!("remaining={}", 4 - at);
        assert!(reply.charge().ends_with(&remaining), "{spelling}: {}", reply.brief());
    }
    let slots = world.gateway.audit().view("free_slots").await;
    assert!(
        slots.iter().all(|slot| text(slot, "wallet").ends_with(&wallet.address_lower())),
        "{slots:?}"
    );
    let intents = world.gateway.audit().view("intents").await;
    assert!(intents.iter().all(|i| text(i, "payer") == wallet.payer()), "{intents:?}");
    let free = Totals { free_slots: 3, launches: 3, ..Totals::default() };
    world.settles_at(free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r052_a_bad_checksum_is_never_a_new_identity() {
    let world = World::start().await;
    let wallet = world.agent().await;
    world.launch(&wallet, "well spelled").await.must(201);
    let good = wallet.address.to_checksum(None);
    let at = good.char_indices().skip(2).find(|(_, c)| c.is_ascii_alphabetic()).unwrap().0;
    let flip = |c: char| {
        if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
    };
    let flipped: String =
        good.char_indices().map(|(i, c)| if i == at { flip(c) } else { c }).collect();
    let mut payload = world.proof(&wallet).json_v2();
    payload["payload"]["authorization"]["from"] = json!(flipped);
    let reply = world.create(&encode_v2(&payload), &launch("badly spelled")).await;
    match reply.status.as_u16() {
        201 => assert!(reply.charge().ends_with("remaining=3"), "{}", reply.brief()),
        400 => {}
        _ => crate::proofs::refused_with_challenge(reply, "a bad checksum"),
    }
    let slots = world.gateway.audit().view("free_slots").await;
    assert!(
        slots.iter().all(|slot| text(slot, "wallet").ends_with(&wallet.address_lower())),
        "{slots:?}"
    );
    crate::support::oracle::check(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r054_a_rejected_free_creation_gives_its_slot_back() {
    let world = World::start().await;
    let wallet = world.agent().await;
    world.core().behave(Behaviour::Reject);
    for _ in 0..2 {
        world.launch(&wallet, "refused").await.refused(400, "LAUNCH_007");
    }
    world.settles_at(Totals::default()).await;
    world.core().behave(Behaviour::Create);
    for left in (0..5).rev() {
        let reply = world.launch(&wallet, &format!("free {left}")).await.must(201);
        assert!(reply.charge().ends_with(&format!("remaining={left}")), "{}", reply.brief());
    }
    let free = Totals { free_slots: 5, launches: 5, ..Totals::default() };
    world.settles_at(free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_without_the_price_has_no_free_launches() {
    let world = World::start().await;
    let empty = world.agent_with(PRICE - 1).await;
    let reply = world.launch(&empty, "nothing behind it").await;
    assert_eq!(reply.json()["reason"], "insufficient_funds", "{}", reply.brief());
    crate::proofs::refused_with_challenge(reply, "an empty wallet");
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r058_a_proof_that_identifies_is_never_cashed() {
    let world = Setup::new()
        .set("limits.agent_per_minute", "1000")
        .set("limits.agent_burst", "1000")
        .proxied()
        .start()
        .await;
    let wallet = world.agent().await;
    for at in 0..5 {
        world.launch(&wallet, &format!("free {at}")).await.must(201);
    }
    for at in 0..100 {
        // Half of the agents sign the price although nothing is asked.
        let proof = if at % 2 == 0 { world.identity(&wallet) } else { world.proof(&wallet) };
        let (name, value) = proof.v2();
        let call = Call::get("/launches").header(name, &value);
        let reply = world.send(call).await.must(200);
        assert!(reply.charge().starts_with("none"), "{}", reply.brief());
    }
    assert_eq!(world.proxy().calls("eth_sendRawTransaction"), 0);
    assert_eq!(world.chain.balance(wallet.address).await, 10_000_000);
    let free = Totals { free_slots: 5, launches: 5, ..Totals::default() };
    world.settles_at(free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn free_routes_ask_for_nothing() {
    let world = World::start().await;
    for target in ["/launches", "/usage", "/v1/launches"] {
        let reply = world.send(Call::get(target)).await.refused(402, "PAYMENT_001");
        let required = challenge(&reply);
        assert_eq!(required["accepts"][0]["amount"], "0", "{target}");
        let url = format!("http://{}{target}", world.gateway.address);
        assert_eq!(required["resource"]["url"], json!(url));
    }
    let wallet = world.agent_with(0).await;
    let usage = world.ask(&wallet, "GET", "/usage").await.must(200).json();
    let month = &usage["data"]["limits"]["launches_per_month"];
    let counts = ["limit", "used", "remaining"].map(|name| month[name].as_u64());
    assert_eq!(counts, [Some(5), Some(0), Some(5)], "{usage}");
    world.settles_at(Totals::default()).await;
}
