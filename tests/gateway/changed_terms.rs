//! Prices, receivers and secrets that change while a payment is under way, or after it is done: who
//! paid under the old ones is answered, and nobody is asked to pay again while his money may have
//! moved.

use std::time::Duration;

use crate::mpp_faults::{impatient, until_known};
use crate::mpp_launch::charged;
use crate::proof_shapes::one_paid;
use crate::proofs::refused_with_challenge;
use crate::rotation::{key, rotate};
use crate::support::card::{p3, pend, purchase, unchallenged, unpaid};
use crate::support::moment::eventually;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Call, Card, Reply, Setup, Wallet, World};
use crate::unfinished::until_state;

/// What one restart changes for wallets, one term after the other.
fn changed_for_wallets() -> [Vec<(&'static str, String)>; 3] {
    [
        vec![("pricing.launch_usdc", "0.60".to_owned())],
        vec![("x402.pay_to", Wallet::random().address.to_checksum(None))],
        vec![("x402.max_timeout_s", "240".to_owned())],
    ]
}

async fn change(world: &mut World, terms: &[(&'static str, String)]) {
    let terms: Vec<(&str, &str)> =
        terms.iter().map(|(name, value)| (*name, value.as_str())).collect();
    rotate(world, &terms).await;
}

/// The same request gets the first answer, another one a conflict; neither is asked to pay.
async fn answered_as_before(world: &World, paid: &Call, first: &Reply) {
    let again = world.send(paid.clone()).await.must(201);
    assert!(again.replayed() && again.body == first.body, "{}", again.brief());
    assert_eq!(again.payment_id(), first.payment_id());
    let other = world
        .send(paid.clone().bytes(launch("something else").to_string()))
        .await
        .refused(409, "SERVER_009");
    assert_eq!(other.json()["reason"], "proof_used", "{}", other.brief());
    unchallenged(&other);
}

#[tokio::test(flavor = "multi_thread")]
async fn r199_a_settled_proof_is_answered_whatever_the_terms_are_now() {
    let mut world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let proof = world.proof(&wallet);
    let paid = creation(&proof.v2(), &launch("yesterday")).header("idempotency-key", "yesterday's");
    let first = world.send(paid.clone()).await.must(201);
    let unknown = world.proof(&wallet).v2();
    for terms in changed_for_wallets() {
        change(&mut world, &terms).await;
        answered_as_before(&world, &paid, &first).await;
        answered_as_before(&world, &creation(&proof.v1(), &launch("yesterday")), &first).await;
        // By the name that its payer gave the request, with a proof that was never seen.
        let named =
            creation(&unknown, &launch("yesterday")).header("idempotency-key", "yesterday's");
        assert!(world.send(named).await.must(201).replayed());
    }
    // What the books do not know is compared with today's terms.
    refused_with_challenge(world.create(&unknown, &launch("today")).await, "an old price");
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r199_a_settlement_under_way_is_waited_for_whatever_the_terms_are_now() {
    let mut world = Setup::paid().own_chain().set("server.answer_deadline_s", "1").start().await;
    let wallet = world.agent().await;
    let paid = creation(&world.proof(&wallet).v2(), &launch("under way"));
    world.chain.set_automine(false).await;
    let id = pend(world.send(paid.clone()).await);
    until_state(&world, "submitted").await;
    for terms in changed_for_wallets() {
        change(&mut world, &terms).await;
        assert_eq!(pend(world.send(paid.clone()).await), id);
        unchallenged(
            &world
                .send(paid.clone().bytes(launch("something else").to_string()))
                .await
                .refused(409, "SERVER_009"),
        );
    }
    world.chain.set_automine(true).await;
    world.chain.mine(1).await;
    let reply = eventually("a final answer", Duration::from_secs(60), async || {
        let reply = world.send(paid.clone()).await;
        if reply.status == 503 { Err(pend(reply)) } else { Ok(reply) }
    })
    .await;
    assert_eq!(reply.must(201).payment_id(), Some(id));
    world.settles_at(one_paid()).await;
}

/// What one restart changes for cards, one term after the other.
fn changed_for_cards(world: &World) -> Vec<Vec<(&'static str, String)>> {
    let old = world.challenge_secret().to_owned();
    vec![
        vec![("mpp.secret_keys", format!("{},{old}", key()))],
        vec![
            ("pricing.launch_usd", "0.75".to_owned()),
            ("pricing.pack_20_usd", "14.00".to_owned()),
        ],
        vec![("mpp.secret_keys", key())],
        vec![("mpp.realm", "elsewhere.example".to_owned())],
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn r199_a_charged_card_is_answered_whatever_the_terms_are_now() {
    let mut world = Setup::paid().cards().start().await;
    let (call, pack) = (unpaid("yesterday"), purchase());
    let paid = world.credential(&Card::new(), &call).await.on(&call);
    let bought = world.credential(&Card::new(), &pack).await.on(&pack);
    let unknown = world.credential(&Card::new(), &call).await.on(&call);
    let first = world.send(paid.clone()).await.must(201);
    let granted = world.send(bought.clone()).await.must(200);
    for terms in changed_for_cards(&world) {
        change(&mut world, &terms).await;
        let again = world.send(paid.clone()).await.must(201);
        assert!(again.replayed() && again.body == first.body, "{}", again.brief());
        let again = world.send(bought.clone()).await.must(200);
        assert!(
            again.replayed() && again.json()["data"] == granted.json()["data"],
            "{}",
            again.brief()
        );
        // Another request is not answered by it: while it fits today's terms it is refused for its
        // body, and later for having paid.
        let other = world.send(paid.clone().bytes(launch("something else").to_string())).await;
        assert!(
            other.status == 409 || other.json()["reason"] == "body_mismatch",
            "{}",
            other.brief()
        );
    }
    p3(world.send(unknown).await, "challenge_not_ours");
    world.settles_at(Totals { settlements: 2, charges: 2, credits: 20, ..charged(1) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r199_a_charge_under_way_is_waited_for_whatever_the_terms_are_now() {
    let mut world = impatient().start().await;
    let call = unpaid("processing");
    let challenge = world.challenge(&call).await;
    let token = Card::of("pm_card_processing").token(world.stripe(), 60);
    let paid = challenge.answered(&token).on(&call);
    let id = pend(world.send(paid.clone()).await);
    for terms in changed_for_cards(&world) {
        change(&mut world, &terms).await;
        assert_eq!(pend(world.send(paid.clone()).await), id);
        // Somebody with another token learns nothing and is asked for nothing.
        let other = challenge.answered("spt_another").on(&call);
        let reply = world.send(other).await.refused(409, "SERVER_009");
        assert_eq!(reply.json()["reason"], "challenge_used", "{}", reply.brief());
        unchallenged(&reply);
    }
    let intents = world.stripe().intents();
    world.stripe().emulator.settle_intent(intents[0]["id"].as_str().unwrap(), true).unwrap();
    let reply = until_known(&world, &paid).await.must(201);
    assert_eq!((reply.payment_id(), world.stripe().intents().len()), (Some(id), 1));
    world.settles_at(charged(1)).await;
}
