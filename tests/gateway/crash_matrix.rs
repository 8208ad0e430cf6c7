//! The crash matrix: SIGKILL at every point, restart, with and without a client that asks again. Afterwards the invariants hold, and the
//! ledger is that of the undisturbed run, or nothing happened.

use std::time::Duration;

use futures::StreamExt as _;
use payments::intent::State;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _, SqliteConnection};

use crate::crash_points::{Crash, End, Foreign, Funding, Moment, crashes};
use crate::support::audit::text;
use crate::support::fake_core::Behaviour;
use crate::support::moment::{Stopwatch, eventually};
use crate::support::proof::Proof;
use crate::support::rpc_proxy::Fault;
use crate::support::token::cancel_authorization;
use crate::support::trap::{Point, Trap};
use crate::support::world::{creation, launch};
use crate::support::{Call, Setup, Wallet, World};

/// Gateways at the same time.
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn free_creations_survive_every_crash() {
    matrix(Funding::Free).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn paid_creations_survive_every_crash() {
    matrix(Funding::X402).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn entitled_creations_survive_every_crash() {
    matrix(Funding::Entitlement).await;
}

async fn matrix(funding: Funding) {
    // The node that all of them share lives as long as somebody holds it.
    let _node = crate::support::anvil::Anvil::shared().await;
    let run = |crash: Crash| async move {
        let watch = Stopwatch::start();
        let outcome = tokio::spawn(survive(crash)).await;
        let (word, failed) = match outcome {
            Ok(seen) => (format!("{seen} {} ms", watch.elapsed().as_millis()), false),
            Err(_) => ("FAILED".to_owned(), true),
        };
        (format!("{} | {word}", crash.name()), failed)
    };
    let rows: Vec<(String, bool)> = futures::stream::iter(crashes(funding)).map(run).buffer_unordered(AT_ONCE).collect().await;
    let mut lines: Vec<&str> = rows.iter().map(|(line, _)| line.as_str()).collect();
    lines.sort_unstable();
    println!("{}", lines.join("\n"));
    let failed: Vec<&str> = rows.iter().filter(|(_, failed)| *failed).map(|(line, _)| line.as_str()).collect();
    assert!(failed.is_empty(), "{} of {} kills were not survived:\n{}", failed.len(), rows.len(), failed.join("\n"));
}

/// One row of the matrix; what the books showed at the kill and where they came to.
async fn survive(crash: Crash) -> String {
    let mut world = world(crash.funding).await;
    let wallet = funded(&world, crash.funding).await;
    let before = world.gateway.audit().view("intents").await.len();
    let proof = world.proof(&wallet);
    let call = creation(&proof.v2(), &launch("killed"));
    let held = brought_to(&world, &crash, &call, &proof, &wallet).await;
    let intents = world.gateway.audit().view("intents").await;
    world.gateway.kill9();
    drop(held);
    repair(&world);
    let state = intents.get(before..).and_then(<[_]>::last).map(|intent| text(intent, "state"));
    if let Some(expected) = crash.state_at_kill() {
        assert_eq!(state.as_deref(), expected.map(State::word), "{}", crash.name());
    }
    // What a commit did after the last look is seen here.
    let claimed = world.gateway.audit().view("intents").await.len() > before;
    let end = crash.end(claimed);
    if crash.retry {
        world.gateway.spawn();
        asks_again(&world, &call, end).await;
        world.gateway.wait_ready().await;
    } else {
        world.gateway.restart().await;
    }
    world.settles_at(end.totals(crash.funding)).await;
    if claimed && !crash.retry {
        // The client comes back late: the stored answer, and nothing more happens.
        let late = world.send(call).await;
        assert_eq!(late.status.as_u16(), end.status(), "{}: {}", crash.name(), late.brief());
        world.settles_at(end.totals(crash.funding)).await;
    }
    format!("{:<14} -> {end:?}", state.unwrap_or_else(|| "no row".to_owned()))
}

async fn world(funding: Funding) -> World {
    let setup = if funding == Funding::Free { Setup::new() } else { Setup::paid() };
    setup.proxied().start().await
}

/// A payer whose next creation is funded as wanted.
async fn funded(world: &World, funding: Funding) -> Wallet {
    let wallet = world.agent().await;
    if funding == Funding::Entitlement {
        world.core().behave(Behaviour::Reject);
        world.launch(&wallet, "refused").await.refused(400, "LAUNCH_007");
        world.core().behave(Behaviour::Create);
    }
    wallet
}

/// What keeps a creation where it is until its process is gone.
#[derive(Default)]
struct Held {
    _trap: Option<Trap>,
    _books: Option<SqliteConnection>,
}

/// Sends the creation and returns when it stands where it is to be killed.
async fn brought_to(world: &World, crash: &Crash, call: &Call, proof: &Proof, wallet: &Wallet) -> Held {
    match crash.moment {
        Moment::Call(foreign, point) => {
            let mut trap = set_trap(world, foreign, point);
            drop(world.begin(call.clone()));
            trap.reached().await;
            Held { _trap: Some(trap), ..Held::default() }
        }
        Moment::Commit(foreign) => {
            let mut trap = set_trap(world, foreign, Point::AfterEffect);
            drop(world.begin(call.clone()));
            trap.reached().await;
            let books = locked_books(world).await;
            trap.release();
            tokio::time::sleep(Duration::from_millis(150)).await;
            Held { _books: Some(books), ..Held::default() }
        }
        Moment::Standing => {
            standing(world, crash.state, call, proof, wallet).await;
            Held::default()
        }
    }
}

fn set_trap(world: &World, foreign: Foreign, point: Point) -> Trap {
    match foreign {
        // The only packet that counts the signer's waiting transactions.
        Foreign::ChainRead => world.proxy().trap("\"pending\"", point),
        Foreign::Broadcast => world.proxy().trap("eth_sendRawTransaction", point),
        Foreign::Outcome => world.proxy().trap("eth_getTransactionReceipt", point),
        Foreign::CoreCreate => world.core().trap(point),
    }
}

/// A write lock on the books, so that the gateway's next commit waits.
async fn locked_books(world: &World) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(world.gateway.audit().path).busy_timeout(Duration::from_secs(5));
    let mut connection = options.connect().await.unwrap();
    connection.execute("BEGIN IMMEDIATE").await.unwrap();
    connection
}

/// Sends the creation into a world in which it comes to stand in `state`.
async fn standing(world: &World, state: State, call: &Call, proof: &Proof, wallet: &Wallet) {
    match state {
        State::Submitted => world.proxy().lie("eth_getTransactionReceipt", |_| serde_json::Value::Null),
        State::SubmitUnknown => world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(1_000)),
        State::CoreUnknown => world.core().behave(Behaviour::Fail),
        State::Rejected | State::Released => world.core().behave(Behaviour::Reject),
        State::PayFailed => {
            let mut hold = world.proxy().hold("eth_sendRawTransaction");
            drop(world.begin(call.clone()));
            hold.reached().await;
            let signature = wallet.sign(proof.draft.cancel_digest());
            world.chain.send(cancel_authorization(&proof.draft, &signature)).await;
            hold.release();
        }
        State::Claimed | State::Signed | State::Forwarding | State::Created | State::Charged | State::Granted => {}
    }
    if state != State::PayFailed {
        drop(world.begin(call.clone()));
    }
    let audit = world.gateway.audit();
    let there = async || {
        let intents = audit.view("intents").await;
        let last = intents.last().map(|intent| text(intent, "state")).unwrap_or_default();
        if last == state.word() { Ok(()) } else { Err(last) }
    };
    eventually(state.word(), Duration::from_secs(30), there).await;
}

/// The world works again.
fn repair(world: &World) {
    world.proxy().tell_the_truth();
    world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(0));
    world.core().behave(Behaviour::Create);
}

/// A client that sends the same proof until it gets a final answer, from before the gateway listens.
async fn asks_again(world: &World, call: &Call, end: End) {
    let watch = Stopwatch::start();
    while watch.elapsed() < Duration::from_secs(60) {
        match call.try_send(world.gateway.address).await {
            Ok(reply) if reply.status == 503 => {
                assert!(reply.header("payment-required").is_none(), "{}", reply.brief());
            }
            Ok(reply) => {
                assert_eq!(reply.status.as_u16(), end.status(), "{}", reply.brief());
                return;
            }
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no final answer within 60 s");
}
