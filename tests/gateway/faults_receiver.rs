//! The receiving address: that nobody pays himself, and what a stranger's settlement means.

use std::sync::Arc;

use serde_json::json;

use crate::proof_shapes::one_paid;
use crate::support::audit::text;
use crate::support::metrics::Metrics;
use crate::support::proof::Terms;
use crate::support::world::{PRICE, Totals, creation, launch};
use crate::support::{Setup, Wallet, World};

/// Why these tests run one process: it is seen which of two gateways settled.
const ONE: &str = "two gateways that know nothing of each other, each with one signer";

#[tokio::test(flavor = "multi_thread")]
async fn r130_a_wallet_that_would_pay_itself_is_refused_in_words() {
    let receiver = Wallet::random();
    let address = receiver.address.to_checksum(None);
    let mut world = Setup::paid().set("x402.pay_to", &address).start().await;
    world.terms = Terms::base_sepolia(receiver.address, PRICE);
    world.chain.mint(receiver.address, 10_000_000).await;
    for header in [world.proof(&receiver).v2(), world.proof(&receiver).v1()] {
        let reply = world.create(&header, &launch("to myself")).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["reason"]),
            (402, &json!("self_payment")),
            "{}",
            reply.brief()
        );
        assert!(
            String::from_utf8_lossy(&reply.body).contains("a wallet other than payTo"),
            "{}",
            reply.brief()
        );
    }
    assert_eq!(world.gateway.audit().view("intents").await.len(), 0, "nothing is claimed");
    assert_eq!(world.chain.tx_count(world.signer.address).await, 0);
    assert_eq!(world.totals().await, Totals::default());
}

/// A second gateway on the same receiver.
async fn beside(first: &World, relayers: &str) -> World {
    let receiver = first.terms.pay_to.to_checksum(None);
    let setup =
        Setup::paid().alone(ONE).on_chain(Arc::clone(&first.chain)).set("x402.pay_to", &receiver);
    let mut second = setup.set("x402.known_relayers", relayers).start().await;
    second.terms = first.terms.clone();
    second
}

/// Both get the same header, and both settle it in the next block.
async fn both_at_once(first: &World, second: &World) {
    let wallet = first.agent().await;
    let header = first.proof(&wallet).v2();
    second.secrets.add_header(header.0, &header.1);
    first.chain.set_automine(false).await;
    let one = first.begin(creation(&header, &launch("the same header")));
    first.chain.until_pending(first.signer.address, 1).await;
    let other = second.begin(creation(&header, &launch("the same header")));
    first.chain.until_pending(second.signer.address, 1).await;
    first.chain.mine(1).await;
    first.chain.set_automine(true).await;
    one.await.unwrap().unwrap().must(201);
    other.await.unwrap().unwrap().must(201);
    assert_eq!(first.chain.transfers_to(first.terms.pay_to).await.len(), 1);
}

async fn strangers(world: &World) -> Vec<(String, String)> {
    let rows = world
        .gateway
        .audit()
        .rows("select kind, detail from findings where kind = 'stranger_settled'")
        .await;
    rows.iter().map(|row| (text(row, "kind"), text(row, "detail"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn r120_a_settlement_by_a_strangers_transaction_is_counted_and_found() {
    let first = Setup::paid().alone(ONE).own_chain().start().await;
    let second = beside(&first, "").await;
    both_at_once(&first, &second).await;
    let (of_first, of_second) = (strangers(&first).await, strangers(&second).await);
    assert_eq!(of_first.len() + of_second.len(), 1, "{of_first:?} {of_second:?}");
    let (loser, winner, found) = if of_first.is_empty() {
        (&second, &first, of_second)
    } else {
        (&first, &second, of_first)
    };
    assert!(
        found[0].1.to_lowercase().contains(&winner.signer.address_lower()),
        "the sender is named: {found:?}"
    );
    assert_eq!(Metrics::of(loser).await.sum("gateway_settled_by_stranger_total", &[]), 1.0);
    assert_eq!(Metrics::of(winner).await.sum("gateway_settled_by_stranger_total", &[]), 0.0);
    assert!(
        loser.gateway.logs().contains("payment.settled_by_stranger"),
        "{}",
        loser.gateway.logs()
    );
    let says = crate::rotation::doctor_says(loser, "pay_to").await;
    assert!(
        says[0]["says"].as_str().is_some_and(|says| says.contains("this gateway's alone")),
        "{says:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r120_a_known_relayer_is_no_stranger() {
    let first = Setup::paid().alone(ONE).own_chain().start().await;
    let second = beside(&first, &first.signer.address_lower()).await;
    both_at_once(&first, &second).await;
    assert_eq!(strangers(&second).await, [], "it is known");
    first.settles_at(one_paid()).await;
}
