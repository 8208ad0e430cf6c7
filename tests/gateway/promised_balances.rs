//! A wallet's balance is promised to one payment at a time.

use std::time::Duration;

use futures::future::join_all;

use crate::support::world::{PRICE, Totals, creation, launch};
use crate::support::{Reply, Setup, Wallet, World};

const AT_ONCE: usize = 10;

/// Signs and sends so many payments of one wallet while no block is made, and waits until so many
/// of them are open.
async fn at_once(world: &World, wallet: &Wallet, open: u64) -> Vec<Reply> {
    world.chain.set_automine(false).await;
    let sent = world.chain.pending_count(world.signer.address).await;
    let calls: Vec<_> = (0..AT_ONCE)
        .map(|at| creation(&world.proof(wallet).v2(), &launch(&format!("call {at}"))))
        .collect();
    let requests: Vec<_> = calls.into_iter().map(|call| world.begin(call)).collect();
    world.chain.until_pending(world.signer.address, sent + open).await;
    // Those that are refused have answered by now; one that would be sent too is on its way.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        world.chain.pending_count(world.signer.address).await,
        sent + open,
        "more was sent than the wallet bears"
    );
    world.chain.mine(1).await;
    world.chain.set_automine(true).await;
    join_all(requests).await.into_iter().map(|reply| reply.unwrap().unwrap()).collect()
}

fn promised(reply: &Reply) -> bool {
    if reply.status == 201 {
        return false;
    }
    assert_eq!(
        (reply.status.as_u16(), reply.json()["reason"].as_str()),
        (503, Some("balance_promised")),
        "{}",
        reply.brief()
    );
    assert_eq!(reply.header("retry-after"), Some("2"), "{}", reply.brief());
    assert!(reply.header("payment-required").is_none(), "{}", reply.brief());
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn r127_a_balance_is_promised_once() {
    let world =
        Setup::paid().alone("what is counted is what one signer sends").own_chain().start().await;
    let wallet = world.agent_with(PRICE).await;
    let replies = at_once(&world, &wallet, 1).await;
    assert_eq!(replies.iter().filter(|reply| promised(reply)).count(), AT_ONCE - 1);
    // Nothing is left: that is another refusal, with a challenge.
    let reply = world.launch(&wallet, "empty").await.must(402);
    assert_eq!(reply.json()["reason"], "insufficient_funds", "{}", reply.brief());
    // Two and a half prices bear two payments.
    world.chain.mint(wallet.address, 2 * PRICE + PRICE / 2).await;
    let replies = at_once(&world, &wallet, 2).await;
    assert_eq!(replies.iter().filter(|reply| promised(reply)).count(), AT_ONCE - 2);
    world
        .settles_at(Totals { settlements: 3, transactions: 3, launches: 3, ..Totals::default() })
        .await;
}

/// The same proof is good once the payment before it is over, one way or the other.
#[tokio::test(flavor = "multi_thread")]
async fn r127_a_promise_ends_with_its_payment() {
    let world =
        Setup::paid().alone("what is counted is what one signer sends").own_chain().start().await;
    let wallet = world.agent_with(PRICE).await;
    world.chain.set_automine(false).await;
    let first = world.begin(creation(&world.proof(&wallet).v2(), &launch("first")));
    world.chain.until_pending(world.signer.address, 1).await;
    let proof = world.proof(&wallet).v2();
    assert!(promised(&world.create(&proof, &launch("second")).await));
    // The wallet is emptied before the block is made: the first payment reverts.
    world
        .chain
        .send_first(
            wallet.address,
            crate::support::token::transfer(Wallet::random().address, PRICE),
        )
        .await;
    world.chain.mine(1).await;
    world.chain.set_automine(true).await;
    first.await.unwrap().unwrap().must(402);
    world.chain.mint(wallet.address, PRICE).await;
    world.create(&proof, &launch("second")).await.must(201);
    world
        .settles_at(Totals { settlements: 1, transactions: 2, launches: 1, ..Totals::default() })
        .await;
}

/// Two processes with signers of their own meet at the wallet.
#[tokio::test(flavor = "multi_thread")]
async fn r127_processes_promise_a_balance_once() {
    let world = Setup::paid().own_chain().start().await;
    let wallet = world.agent_with(PRICE).await;
    world.chain.set_automine(false).await;
    let calls: Vec<_> = (0..AT_ONCE)
        .map(|at| creation(&world.proof(&wallet).v2(), &launch(&format!("call {at}"))))
        .collect();
    let requests: Vec<_> = calls.into_iter().map(|call| world.begin(call)).collect();
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.chain.mine(1).await;
    world.chain.set_automine(true).await;
    let replies = join_all(requests).await.into_iter().map(|reply| reply.unwrap().unwrap());
    assert_eq!(replies.filter(promised).count(), AT_ONCE - 1);
    world
        .settles_at(Totals { settlements: 1, transactions: 1, launches: 1, ..Totals::default() })
        .await;
}
