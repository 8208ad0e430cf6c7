//! The chain or the core fails at the worst moment, and still one payment is one launch.

use crate::proof_shapes::one_paid;
use crate::support::audit::{number, text};
use crate::support::fake_core::Behaviour;
use crate::support::rpc_proxy::Fault;
use crate::support::token::transfer_with_authorization;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Header, Reply, Setup, World};

/// Sends the same proof again while the outcome is not known; every answer before the last is a
/// clean PAYMENT_005.
pub async fn until_created(world: &World, header: &Header, title: &str) -> Reply {
    for _ in 0..10 {
        let reply = world.create(header, &launch(title)).await;
        if reply.status == 201 {
            return reply;
        }
        assert_eq!(reply.status, 503, "{}", reply.brief());
        assert_eq!(reply.code(), "PAYMENT_005", "{}", reply.brief());
        assert_eq!(reply.json()["retry"], "resend_same_proof");
        assert!(reply.payment_id().is_some(), "{}", reply.brief());
        assert!(reply.header("payment-required").is_none(), "no challenge while money may move");
        let wait = reply.header("retry-after").expect("Retry-After");
        let wait: u64 = wait.parse().unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(wait.min(5))).await;
    }
    panic!("ten answers and no launch");
}

#[tokio::test(flavor = "multi_thread")]
async fn r029_a_refused_send_is_sent_again() {
    let world = Setup::paid().proxied().start().await;
    let wallet = world.agent().await;
    world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(3));
    let header = world.proof(&wallet).v2();
    until_created(&world, &header, "refused thrice").await;
    assert!(world.proxy().calls("eth_sendRawTransaction") >= 4);
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r030_a_lost_answer_to_the_send_is_no_second_payment() {
    let world = Setup::paid().proxied().start().await;
    let wallet = world.agent().await;
    world.proxy().fault("eth_sendRawTransaction", Fault::LoseAnswer(1));
    let header = world.proof(&wallet).v2();
    until_created(&world, &header, "lost answer").await;
    let attempts = world.gateway.audit().view("attempts").await;
    let first = number(&attempts[0], "eoa_nonce");
    assert!(
        attempts.iter().all(|attempt| number(attempt, "eoa_nonce") == first),
        "another nonce of the signer: {attempts:?}"
    );
    assert!(!world.proxy().broadcasts().is_empty());
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r035_an_authorization_settled_by_a_stranger_is_a_payment() {
    let world = Setup::paid().proxied().start().await;
    let wallet = world.agent().await;
    let proof = world.proof(&wallet);
    let header = proof.v2();
    let mut hold = world.proxy().hold("eth_sendRawTransaction");
    let stranger = async {
        hold.reached().await;
        let data = transfer_with_authorization(&proof.draft, &proof.signature);
        let receipt = world.chain.send(data).await;
        hold.release();
        receipt["transactionHash"].as_str().unwrap().to_lowercase()
    };
    let body = launch("stranger");
    let (reply, hash) = tokio::join!(world.create(&header, &body), stranger);
    if reply.status != 201 {
        until_created(&world, &header, "stranger").await;
    }
    let settlements = world.gateway.audit().view("settlements").await;
    assert_eq!(settlements.len(), 1);
    assert_eq!(text(&settlements[0], "tx_hash").to_lowercase(), hash);
    crate::support::oracle::check(&world).await;
    let totals = world.totals().await;
    assert_eq!((totals.settlements, totals.launches, totals.obligations), (1, 1, 0));
    // Ours may have been mined and reverted, or never sent: the signer's nonce is used at most
    // once.
    assert!(totals.transactions <= 1, "{totals:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r048_paid_but_rejected_funds_the_next_launch() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    world.core().behave(Behaviour::Reject);
    let header = world.proof(&wallet).v2();
    let refused = world.create(&header, &launch("refused")).await;
    let refused = refused.refused(400, "LAUNCH_007");
    let body = refused.json();
    assert!(body["payment_id"].is_string(), "{}", refused.brief());
    assert!(body["entitled_until"].is_string(), "{}", refused.brief());
    assert!(refused.header("payment-required").is_none(), "no challenge after money moved");
    let owed = Totals { settlements: 1, transactions: 1, obligations: 1, ..Totals::default() };
    world.settles_at(owed).await;
    // The stored refusal again, also after the core has changed its mind.
    world.core().behave(Behaviour::Create);
    let again = world.create(&header, &launch("refused")).await.refused(400, "LAUNCH_007");
    assert_eq!(again.json()["payment_id"], body["payment_id"]);
    world.launch(&wallet, "corrected").await.must(201);
    world.settles_at(one_paid()).await;
    let obligations = world.gateway.audit().view("obligations").await;
    assert_eq!(obligations.len(), 1);
    assert_eq!(text(&obligations[0], "state"), "used");
    // The third is paid again: an entitlement is used once.
    world.launch(&wallet, "third").await.must(201);
    let both = Totals { settlements: 2, transactions: 2, launches: 2, ..Totals::default() };
    world.settles_at(both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entitlement_belongs_to_its_payer_alone() {
    let world = Setup::paid().start().await;
    let (payer, other) = (world.agent().await, world.agent().await);
    world.core().behave(Behaviour::Reject);
    world.launch(&payer, "refused").await.refused(400, "LAUNCH_007");
    world.core().behave(Behaviour::Create);
    world.launch(&other, "not his").await.must(201);
    let expected = Totals {
        settlements: 2,
        transactions: 2,
        launches: 1,
        obligations: 1,
        ..Totals::default()
    };
    world.settles_at(expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_after_a_paid_launch_changes_nothing() {
    let mut world = Setup::paid().start().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let first = world.create(&header, &launch("survives")).await.must(201);
    let before = ledger(&world).await;
    world.gateway.kill9();
    world.gateway.restart().await;
    assert_eq!(ledger(&world).await, before, "the ledger changed");
    let again = world.create(&header, &launch("survives")).await.must(201);
    assert!(again.replayed());
    assert_eq!(again.body, first.body);
    let listed = world.ask(&wallet, "GET", "/launches").await.must(200).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_eq!(listed["data"][0]["id"], first.json()["data"]["id"]);
    world.settles_at(one_paid()).await;
}

/// The journal, line by line.
async fn ledger(world: &World) -> Vec<String> {
    let mut lines: Vec<String> = world
        .gateway
        .audit()
        .view("journal")
        .await
        .into_iter()
        .map(|line| serde_json::Value::from(line).to_string())
        .collect();
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_are_explained_to_a_fresh_proof_of_the_payer_only() {
    let world = Setup::paid().start().await;
    let (payer, other) = (world.agent().await, world.agent().await);
    let header = world.proof(&payer).v2();
    let paid = world.create(&header, &launch("explained")).await.must(201);
    let id = paid.payment_id().expect("a payment id");
    let target = format!("/payments/{id}");
    let reply = world.ask(&payer, "GET", &target).await.must(200);
    let settlement = &world.gateway.audit().view("settlements").await[0];
    let body = String::from_utf8_lossy(&reply.body).to_lowercase();
    assert!(body.contains(&id.to_lowercase()), "{}", reply.brief());
    assert!(body.contains(&text(settlement, "tx_hash").to_lowercase()), "{}", reply.brief());
    let old = crate::support::Call::get(&target).header(header.0, &header.1);
    let old = world.send(old).await;
    assert!([402, 409].contains(&old.status.as_u16()), "{}", old.brief());
    let foreign = world.ask(&other, "GET", &target).await;
    assert!([403, 404].contains(&foreign.status.as_u16()), "{}", foreign.brief());
    let nobody = world.send(crate::support::Call::get(&target)).await;
    assert!([401, 402].contains(&nobody.status.as_u16()), "{}", nobody.brief());
    for reply in [old, foreign, nobody] {
        let body = String::from_utf8_lossy(&reply.body).to_lowercase();
        assert!(!body.contains(&text(settlement, "tx_hash").to_lowercase()));
    }
    world.settles_at(one_paid()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_wallets_at_once_are_twenty_payments_on_one_signer() {
    let world = Setup::paid().start().await;
    let mut calls = Vec::new();
    for at in 0..20 {
        let wallet = world.agent().await;
        calls.push(creation(&world.proof(&wallet).v2(), &launch(&format!("n{at}"))));
    }
    let replies = futures::future::join_all(calls.into_iter().map(|call| world.send(call))).await;
    for reply in replies {
        reply.must(201);
    }
    crate::support::oracle::check(&world).await;
    let totals = world.totals().await;
    assert_eq!((totals.settlements, totals.launches), (20, 20), "{totals:?}");
}
