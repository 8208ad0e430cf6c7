//! A write whose answer is lost: whoever asked is never told that nothing was charged, and whoever
//! pays again pays once.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::sleep;

use crate::credits::{BOUGHT, bought, on_credit};
use crate::mpp_launch::charged;
use crate::proof_shapes::one_paid;
use crate::support::card::{purchase, unpaid};
use crate::support::moment::{Stopwatch, random_bytes};
use crate::support::one_store::left_out;
use crate::support::postgres_proxy::CommitPoint;
use crate::support::world::{Totals, creation, launch};
use crate::support::{Call, Card, Reply, Setup, World};

/// How long the database is away after it took the claim.
const OUTAGES_S: [u64; 4] = [0, 1, 3, 6];

pub async fn two_processes() -> World {
    Setup::paid().cards().proxied().processes(2).databases_proxied().start().await
}

/// The first process sends the call; its claim is committed, nobody hears of it, and every
/// connection is cut for so long.
async fn lost(world: &World, call: Call, outage: Duration) -> Reply {
    let mut commit = world.databases[0].trap_commit(CommitPoint::After);
    let request = world.begin(call);
    commit.reached().await;
    for database in &world.databases {
        database.weather.refuse().await;
    }
    commit.release();
    sleep(outage).await;
    world.databases.iter().for_each(|database| database.weather.accept());
    request.await.unwrap().expect("an answer")
}

/// What an agent does that forgets what it signed: it waits as long as it is told to, and pays
/// anew.
async fn served_by_paying_anew(
    world: &World,
    first: Reply,
    mut anew: impl AsyncFnMut() -> Call,
) -> Reply {
    let (mut reply, watch) = (first, Stopwatch::start());
    while reply.status == 503 {
        assert!(
            reply.header("payment-required").is_none(),
            "a challenge while money may move: {}",
            reply.brief()
        );
        assert!(watch.elapsed() < Duration::from_secs(180), "never served: {}", reply.brief());
        let wait: u64 = reply.header("retry-after").expect("Retry-After").parse().unwrap();
        sleep(Duration::from_secs(wait)).await;
        reply = world.send(anew().await).await;
    }
    reply
}

/// The claim was written: the payment is named, and the way to its answer.
#[track_caller]
fn not_known_yet(reply: &Reply) {
    if reply.status == 503 {
        assert_eq!(reply.code(), "PAYMENT_005", "{}", reply.brief());
        assert_eq!(reply.json()["retry"], "resend_same_proof", "{}", reply.brief());
        assert!(
            reply.payment_id().is_some() && reply.header("retry-after").is_some(),
            "{}",
            reply.brief()
        );
        assert!(!reply.brief().contains("nothing was charged"), "{}", reply.brief());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r114_a_claim_whose_answer_is_lost_is_paid_once_by_a_wallet() {
    if left_out() {
        return;
    }
    join_all(OUTAGES_S.map(async |outage_s| {
        let world = two_processes().await;
        let wallet = world.agent().await;
        let call = creation(&world.proof(&wallet).v2(), &launch("lost"));
        let first = lost(&world, call, Duration::from_secs(outage_s)).await;
        not_known_yet(&first);
        served_by_paying_anew(&world, first, async || {
            creation(&world.proof(&wallet).v2(), &launch("lost"))
        })
        .await
        .must(201);
        world.settles_at(one_paid()).await;
        // What was signed and not sent holds up no other payment of the signer.
        let (watch, other) = (Stopwatch::start(), world.agent().await);
        let call = creation(&world.proof(&other).v2(), &launch("next"));
        let reply = world.send_to(&world.gateway, call.clone()).await;
        served_by_paying_anew(&world, reply, async || call.clone()).await.must(201);
        assert!(
            watch.elapsed() < Duration::from_secs(10),
            "outage {outage_s} s: the next payment took {:?}",
            watch.elapsed()
        );
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r114_a_claim_whose_answer_is_lost_is_paid_once_by_a_card() {
    if left_out() {
        return;
    }
    join_all(OUTAGES_S.map(async |outage_s| {
        let world = two_processes().await;
        let (card, call) = (Card::new(), unpaid("lost"));
        let paid = async || world.credential(&card, &call).await.on(&call);
        let first = lost(&world, paid().await, Duration::from_secs(outage_s)).await;
        not_known_yet(&first);
        served_by_paying_anew(&world, first, paid).await.must(201);
        world.settles_at(charged(1)).await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r114_a_claim_whose_answer_is_lost_is_one_pack() {
    if left_out() {
        return;
    }
    join_all(OUTAGES_S.map(async |outage_s| {
        let world = two_processes().await;
        let card = Card::new();
        let paid = async || world.credential(&card, &purchase()).await.on(&purchase());
        let first = lost(&world, paid().await, Duration::from_secs(outage_s)).await;
        not_known_yet(&first);
        served_by_paying_anew(&world, first, paid).await.must(200);
        world.settles_at(BOUGHT).await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r114_a_claim_whose_answer_is_lost_spends_one_credit() {
    if left_out() {
        return;
    }
    join_all(OUTAGES_S.map(async |outage_s| {
        let world = two_processes().await;
        let token = bought(&world, &Card::new()).await;
        let first = lost(&world, on_credit(&token, "lost"), Duration::from_secs(outage_s)).await;
        not_known_yet(&first);
        served_by_paying_anew(&world, first, async || on_credit(&token, "lost")).await.must(201);
        world.settles_at(Totals { launches: 1, credits: 19, ..BOUGHT }).await;
    }))
    .await;
}

/// The database stays away for longer than the client waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r114_while_the_books_do_not_answer_the_payment_is_named() {
    if left_out() {
        return;
    }
    let world = two_processes().await;
    let wallet = world.agent().await;
    let header = world.proof(&wallet).v2();
    let mut commit = world.databases[0].trap_commit(CommitPoint::After);
    let request = world.begin(creation(&header, &launch("away")));
    commit.reached().await;
    for database in &world.databases {
        database.weather.refuse().await;
    }
    commit.release();
    let watch = Stopwatch::start();
    let first = request.await.unwrap().expect("an answer").refused(503, "PAYMENT_005");
    assert!(watch.elapsed() < Duration::from_secs(20), "{:?}", watch.elapsed());
    not_known_yet(&first);
    // The same proof again, while nobody can look it up: nothing is said about what it cost.
    let again = world.create(&header, &launch("away")).await;
    assert_eq!(again.status, 503, "{}", again.brief());
    assert!(!again.brief().contains("nothing was charged"), "{}", again.brief());
    world.databases.iter().for_each(|database| database.weather.accept());
    let id = first.payment_id();
    let served = served_by_paying_anew(&world, first, async || {
        creation(&world.proof(&wallet).v2(), &launch("away"))
    })
    .await
    .must(201);
    assert_eq!(served.payment_id(), id, "{}", served.brief());
    world.settles_at(one_paid()).await;
}

/// Agents with wallets and with cards, two processes, and connections that are cut again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r115_agents_that_sign_anew_after_every_503_pay_once() {
    if left_out() {
        return;
    }
    const PAYERS: usize = 5;
    const LAUNCHES: usize = 3;
    let world = two_processes().await;
    let wallets = join_all((0..PAYERS).map(|_| world.agent())).await;
    let mut cuts = 0;
    let by_wallet = join_all(wallets.iter().enumerate().map(async |(agent, wallet)| {
        for at in 0..LAUNCHES {
            let body = launch(&format!("wallet {agent} {at}"));
            let first = world.send(creation(&world.proof(wallet).v2(), &body)).await;
            served_by_paying_anew(&world, first, async || {
                creation(&world.proof(wallet).v2(), &body)
            })
            .await
            .must(201);
            sleep(Duration::from_millis(300 + u64::from(random_bytes::<1>()[0]))).await;
        }
    }));
    let by_card = join_all((0..PAYERS).map(async |agent| {
        let card = Card::new();
        for at in 0..LAUNCHES {
            let call = unpaid(&format!("card {agent} {at}"));
            let paid = async || world.credential(&card, &call).await.on(&call);
            let first = world.send(paid().await).await;
            served_by_paying_anew(&world, first, paid).await.must(201);
            sleep(Duration::from_millis(300 + u64::from(random_bytes::<1>()[0]))).await;
        }
    }));
    let work = async {
        tokio::join!(by_wallet, by_card);
    };
    let cutting = async {
        loop {
            // A busy machine answers a request between two cuts too.
            sleep(Duration::from_millis(2_000 + 8 * u64::from(random_bytes::<1>()[0]))).await;
            for database in &world.databases {
                database.weather.cut().await;
            }
            cuts += 1;
        }
    };
    tokio::select! {
        () = work => {}
        () = cutting => {}
    }
    println!("{cuts} cuts");
    let all = PAYERS * LAUNCHES;
    crate::support::oracle::check(&world).await;
    let totals = world.totals().await;
    // A payment that was cut off before anything left for it leaves a nonce, which an empty
    // transaction fills.
    let transactions = totals.transactions.max(all as u64);
    assert_eq!(
        totals,
        Totals {
            settlements: 2 * all,
            launches: 2 * all,
            charges: all,
            transactions,
            ..Totals::default()
        }
    );
}
