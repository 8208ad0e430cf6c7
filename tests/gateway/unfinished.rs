//! Clients that hang up, sign again, or ask while the outcome is not known.

use std::time::Duration;

use crate::proof_shapes::one_paid;
use crate::support::audit::text;
use crate::support::fake_core::Behaviour;
use crate::support::rpc_proxy::Hold;
use crate::support::world::{PRICE, launch};
use crate::support::{Header, Setup, World, raw};

/// Sends a paid creation and hangs up while its transaction waits at the proxy.
async fn abandoned(world: &World, header: &Header, title: &str) -> Hold {
    let mut hold = world.proxy().hold("eth_sendRawTransaction");
    let body = launch(title).to_string();
    let headers = [(header.0, header.1.as_str()), ("content-type", "application/json")];
    let bytes = raw::request("POST", "/launches", &headers, body.as_bytes());
    world.secrets.add_header(header.0, &header.1);
    raw::send_and_hang_up(world.gateway.address, &bytes, hold.reached()).await;
    // The gateway needs a moment to see that nobody listens any more.
    tokio::time::sleep(Duration::from_millis(300)).await;
    hold
}

/// Waits until the only intent is in `state`.
pub async fn until_state(world: &World, state: &str) {
    let audit = world.gateway.audit();
    let there = async || {
        let intents = audit.view("intents").await;
        let states: Vec<String> = intents.iter().map(|i| text(i, "state")).collect();
        if states.iter().any(|s| s == state) { Ok(()) } else { Err(states.join(", ")) }
    };
    world.gateway.until(state, Duration::from_secs(60), there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r046_a_client_that_hangs_up_gets_its_launch_when_it_asks_again() {
    let world = Setup::paid().proxied().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let hold = abandoned(&world, &header, "abandoned").await;
    hold.release();
    until_state(&world, "created").await;
    let again = world.create(&header, &launch("abandoned")).await.must(201);
    assert!(again.replayed());
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_proof_joins_the_launch_that_its_payer_is_still_waiting_for() {
    let world = Setup::paid().proxied().start().await;
    let wallet = world.agent().await;
    let first = world.proof(&wallet).v2();
    let hold = abandoned(&world, &first, "same").await;
    // Real clients sign a new nonce when they try again.
    let second = world.proof(&wallet).v2();
    let body = launch("same");
    let release = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        hold.release();
    };
    let (joined, ()) = tokio::join!(world.create(&second, &body), release);
    let joined = joined.must(201);
    let replay = world.create(&first, &body).await.must(201);
    assert_eq!(joined.launch_id(), replay.launch_id());
    // The second proof was never cashed: the wallet has paid once.
    let left = world.chain.balance(wallet.address).await;
    assert_eq!(left, 10_000_000 - PRICE);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_proof_gets_the_answer_that_never_reached_its_payer() {
    let world = Setup::paid().proxied().start().await;
    let wallet = world.agent().await;
    let first = world.proof(&wallet).v2();
    let hold = abandoned(&world, &first, "same").await;
    hold.release();
    until_state(&world, "created").await;
    let joined = world.launch(&wallet, "same").await.must(201);
    let replay = world.create(&first, &launch("same")).await.must(201);
    assert_eq!(joined.launch_id(), replay.launch_id());
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivered_launch_is_not_joined_the_second_one_is_paid() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let one = world.launch(&wallet, "same").await.must(201);
    let two = world.launch(&wallet, "same").await.must(201);
    assert_ne!(one.launch_id(), two.launch_id());
    assert_eq!(world.totals().await.settlements, 2);
    crate::support::oracle::check(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_that_creates_and_hangs_is_found_by_its_key_after_kill_9() {
    let mut world = Setup::paid().proxied().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    world.core().behave(Behaviour::CreateThenHang);
    let body = launch("hangs").to_string();
    let headers = [(header.0, header.1.as_str()), ("content-type", "application/json")];
    let bytes = raw::request("POST", "/launches", &headers, body.as_bytes());
    let created = async {
        while world.core().launch_count() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    raw::send_and_hang_up(world.gateway.address, &bytes, created).await;
    world.gateway.kill9();
    world.core().behave(Behaviour::Create);
    world.gateway.restart().await;
    until_state(&world, "created").await;
    let again = world.create(&header, &launch("hangs")).await.must(201);
    assert!(again.replayed());
    let sent = world.core().forwarded();
    let keys: Vec<Vec<&str>> = sent.iter().map(|seen| seen.values("idempotency-key")).collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "another key: {keys:?}");
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r031_a_payment_waits_for_its_block() {
    let world = Setup::paid().own_chain().set("server.answer_deadline_s", "2").start().await;
    let wallet = world.agent().await;
    world.chain.set_automine(false).await;
    let header = world.proof(&wallet).v2();
    let body = launch("no blocks");
    let mined = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.chain.mine(1).await;
        world.chain.set_automine(true).await;
    };
    let (reply, ()) = tokio::join!(world.create(&header, &body), mined);
    let pending = reply.refused(503, "PAYMENT_005");
    assert!(pending.header("payment-required").is_none(), "{}", pending.brief());
    crate::settlement::until_created(&world, &header, "no blocks").await;
    world.settles_at(one_paid()).await;
}
