//! A client's own name for a request: `Idempotency-Key`, and the x402 extension
//! `payment-identifier`.

use serde_json::{Value, json};

use crate::proof_shapes::one_paid;
use crate::proofs::challenge;
use crate::support::proof::encode_v2;
use crate::support::world::{PRICE, Totals, creation, launch};
use crate::support::{Header, Reply, Setup, Wallet, World};

const IDENTIFIER: &str = "pay_7d5d747be160e280504c099d984bcfe0";

/// `POST /launches` with a fresh proof and this `Idempotency-Key`.
async fn keyed(world: &World, wallet: &Wallet, key: &str, title: &str) -> Reply {
    world
        .send(creation(&world.proof(wallet).v2(), &launch(title)).header("idempotency-key", key))
        .await
}

/// A fresh proof that carries an identifier, beside what a client echoes.
fn identified(world: &World, wallet: &Wallet, id: &Value) -> Header {
    let mut payload = world.proof(wallet).json_v2();
    payload["extensions"] = json!({"payment-identifier": {"info": {"required": false, "id": id}, "schema": {"type": "object"}}});
    encode_v2(&payload)
}

#[track_caller]
fn used(reply: Reply, first: &Reply) {
    let reply = reply.refused(409, "SERVER_009");
    assert_eq!(reply.json()["reason"], "idempotency_key_used", "{}", reply.brief());
    assert_eq!(reply.payment_id(), first.payment_id());
    assert!(reply.header("payment-required").is_none());
}

#[track_caller]
fn same_answer(reply: Reply, first: &Reply) {
    let reply = reply.must(201);
    assert!(reply.replayed() && reply.body == first.body, "{}", reply.brief());
    assert_eq!(reply.header("payment-response"), first.header("payment-response"));
}

#[tokio::test(flavor = "multi_thread")]
async fn r028_an_idempotency_key_names_one_request_of_one_wallet() {
    let world = Setup::paid().start().await;
    let (wallet, other) = (world.agent().await, world.agent().await);
    let first = keyed(&world, &wallet, "order-1", "once").await.must(201);
    // Signed anew, as real clients do: the same answer, and nothing is paid again.
    same_answer(keyed(&world, &wallet, "order-1", "once").await, &first);
    used(keyed(&world, &wallet, "order-1", "another").await, &first);
    let theirs = keyed(&world, &other, "order-1", "once").await.must(201);
    assert!(!theirs.replayed());
    assert_ne!(theirs.launch_id(), first.launch_id());
    let second = keyed(&world, &wallet, "order-2", "once").await.must(201);
    assert_ne!(second.launch_id(), first.launch_id());
    assert_eq!(world.chain.balance(wallet.address).await, 10_000_000 - 2 * PRICE);
    world
        .settles_at(Totals { settlements: 3, transactions: 3, launches: 3, ..Totals::default() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r028_a_key_that_is_none_is_refused_before_anything() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    for key in ["", "two words", &"k".repeat(256), "ümlaut"] {
        let reply = keyed(&world, &wallet, key, "t").await.refused(400, "SERVER_002");
        assert_eq!(reply.json()["reason"], "invalid_idempotency_key", "{key}");
    }
    let twice = creation(&world.proof(&wallet).v2(), &launch("t"))
        .header("idempotency-key", "a")
        .header("idempotency-key", "b");
    world.send(twice).await.refused(400, "SERVER_002");
    let both = creation(&identified(&world, &wallet, &json!(IDENTIFIER)), &launch("t"))
        .header("idempotency-key", "a");
    let reply = world.send(both).await.refused(400, "SERVER_002");
    assert_eq!(reply.json()["reason"], "several_idempotency_keys");
    world.settles_at(Totals::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r028_fifty_copies_under_one_key_pay_once() {
    let setup =
        Setup::paid().set("limits.agent_per_minute", "1000").set("limits.agent_burst", "1000");
    let world = setup.start().await;
    let wallet = world.agent_with(50 * PRICE).await;
    let copies = (0..50).map(|_| keyed(&world, &wallet, "order-1", "once"));
    let replies = futures::future::join_all(copies).await;
    let fresh = replies.iter().filter(|reply| reply.status == 201 && !reply.replayed()).count();
    let again = replies.iter().filter(|reply| reply.status == 201 && reply.replayed()).count();
    assert_eq!((fresh, again), (1, 49));
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_payment_does_not_keep_its_key() {
    let world = Setup::paid().proxied().start().await;
    let wallet = world.agent_with(PRICE).await;
    let (proof, cancelled) = (world.proof(&wallet), world.proof(&wallet));
    let mut hold = world.proxy().hold("eth_sendRawTransaction");
    // The only coin leaves by another authorization while the transaction waits.
    let spent = async {
        hold.reached().await;
        let mut elsewhere = cancelled.draft.clone();
        elsewhere.to = Wallet::random().address;
        let signed = elsewhere.sign(&wallet);
        world
            .chain
            .send(crate::support::token::transfer_with_authorization(&elsewhere, &signed.signature))
            .await;
        hold.release();
    };
    let call = creation(&proof.v2(), &launch("t")).header("idempotency-key", "order-1");
    let (failed, ()) = tokio::join!(world.send(call), spent);
    failed.refused(402, "PAYMENT_002");
    world.chain.mint(wallet.address, PRICE).await;
    let paid = keyed(&world, &wallet, "order-1", "t").await.must(201);
    assert!(!paid.replayed(), "{}", paid.brief());
    crate::support::oracle::check(&world).await;
    let totals = world.totals().await;
    assert_eq!((totals.settlements, totals.launches), (1, 1), "{totals:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r027_a_payment_identifier_names_one_request() {
    let world = Setup::paid().start().await;
    let (wallet, other) = (world.agent().await, world.agent().await);
    let id = json!(IDENTIFIER);
    let first = world.create(&identified(&world, &wallet, &id), &launch("once")).await.must(201);
    same_answer(world.create(&identified(&world, &wallet, &id), &launch("once")).await, &first);
    used(world.create(&identified(&world, &wallet, &id), &launch("another")).await, &first);
    // A name of the other kind is another name, and another wallet's is another wallet's.
    assert!(!keyed(&world, &wallet, IDENTIFIER, "once").await.must(201).replayed());
    assert!(
        !world.create(&identified(&world, &other, &id), &launch("once")).await.must(201).replayed()
    );
    world
        .settles_at(Totals { settlements: 3, transactions: 3, launches: 3, ..Totals::default() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r027_a_payment_identifier_outlives_the_time_of_its_proof() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let first = world
        .create(&identified(&world, &wallet, &json!(IDENTIFIER)), &launch("once"))
        .await
        .must(201);
    let mut draft = wallet.draft(&world.terms);
    draft.valid_before = draft.valid_after + 1;
    let mut payload = draft.sign(&wallet).json_v2();
    payload["extensions"] = json!({"payment-identifier": {"info": {"required": false, "id": IDENTIFIER}, "schema": {}}});
    same_answer(world.create(&encode_v2(&payload), &launch("once")).await, &first);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r027_a_malformed_payment_identifier_is_refused_and_an_echo_is_none() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let bad = [
        json!("a".repeat(15)),
        json!("a".repeat(129)),
        json!("with spaces in it!"),
        json!(1_234_567_890_123_456_u64),
        json!(null),
    ];
    for id in bad {
        let reply = world
            .create(&identified(&world, &wallet, &id), &launch("t"))
            .await
            .refused(400, "SERVER_002");
        assert_eq!(reply.json()["reason"], "invalid_payment_identifier", "{id}");
        assert!(reply.header("payment-required").is_none());
    }
    world.settles_at(Totals::default()).await;
    // Clients echo the extensions of the challenge as they are.
    let unpaid = world
        .send(crate::support::Call::new("POST", "/launches").json(&launch("t")))
        .await
        .must(402);
    let extensions = challenge(&unpaid)["extensions"].clone();
    assert_eq!(extensions["payment-identifier"]["info"], json!({"required": false}));
    for title in ["one", "two"] {
        let mut payload = world.proof(&wallet).json_v2();
        payload["extensions"] = extensions.clone();
        assert!(!world.create(&encode_v2(&payload), &launch(title)).await.must(201).replayed());
    }
    let free = world.send(crate::support::Call::get("/launches")).await.must(402);
    assert!(challenge(&free).get("extensions").is_none(), "nothing is named on a free route");
    world
        .settles_at(Totals { settlements: 2, transactions: 2, launches: 2, ..Totals::default() })
        .await;
}
