//! The crash matrix: SIGKILL at every point, with and without a client that asks again. On a file
//! the process starts again; on a database server another one, which runs already, takes over, and
//! the killed one stays dead. Afterwards the invariants hold, and the ledger is that of the
//! undisturbed run, or nothing happened.

use std::time::Duration;

use futures::StreamExt as _;
use payments::intent::State;

use crate::crash_ends::{asks_again, repair, standing};
use crate::crash_points::{Crash, Foreign, Funding, Moment, crashes};
use crate::support::audit::text;
use crate::support::card::{purchase, unpaid};
use crate::support::database::{Writer, on_server};
use crate::support::fake_core::Behaviour;
use crate::support::moment::Stopwatch;
use crate::support::proof::Proof;
use crate::support::trap::{Point, Trap};
use crate::support::world::{creation, launch};
use crate::support::{Call, Card, Setup, Wallet, World};

/// Gateways at the same time.
const AT_ONCE: usize = 6;
/// A payment method whose charges are neither made nor refused at once.
const SLOW_CARD: &str = "pm_card_processing";

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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn charged_creations_survive_every_crash() {
    matrix(Funding::Card).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn creations_on_credit_survive_every_crash() {
    matrix(Funding::Credit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn packs_survive_every_crash() {
    matrix(Funding::Pack).await;
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
    let rows: Vec<(String, bool)> =
        futures::stream::iter(crashes(funding)).map(run).buffer_unordered(AT_ONCE).collect().await;
    let mut lines: Vec<&str> = rows.iter().map(|(line, _)| line.as_str()).collect();
    lines.sort_unstable();
    println!("{}", lines.join("\n"));
    let failed: Vec<&str> =
        rows.iter().filter(|(_, failed)| *failed).map(|(line, _)| line.as_str()).collect();
    assert!(
        failed.is_empty(),
        "{} of {} kills were not survived:\n{}",
        failed.len(),
        rows.len(),
        failed.join("\n")
    );
}

/// One row of the matrix; what the books showed at the kill and where they came to.
async fn survive(crash: Crash) -> String {
    let funding = crash.funding;
    let mut world = world(&crash).await;
    let order = match funding {
        Funding::Free | Funding::X402 | Funding::Entitlement => by_wallet(&world, funding).await,
        Funding::Card | Funding::Credit | Funding::Pack => by_card(&world, &crash).await,
    };
    let before = world.gateway.audit().view("intents").await.len();
    let held = brought_to(&world, &crash, &order).await;
    let intents = world.gateway.audit().view("intents").await;
    world.gateway.kill9();
    drop(held);
    repair(&world).await;
    world.gateway.database.is_quiet().await;
    let state = intents.get(before..).and_then(<[_]>::last).map(|intent| text(intent, "state"));
    if let Some(expected) = crash.state_at_kill() {
        assert_eq!(state.as_deref(), expected.map(State::word), "{}", crash.name());
    }
    // What a commit did after the last look is seen here.
    let claimed = world.gateway.audit().view("intents").await.len() > before;
    let end = crash.end(claimed);
    if world.others.is_empty() {
        world.gateway.spawn();
    }
    if crash.retry {
        asks_again(&world, &order.call, end.status(funding)).await;
    }
    if world.others.is_empty() {
        world.gateway.wait_ready().await;
    }
    world.settles_at(end.totals(funding)).await;
    if claimed && !crash.retry {
        // The client comes back late: the stored answer, and nothing more happens.
        let late = world.send(order.call).await;
        assert_eq!(late.status.as_u16(), end.status(funding), "{}: {}", crash.name(), late.brief());
        world.settles_at(end.totals(funding)).await;
    }
    format!("{:<14} -> {end:?}", state.unwrap_or_else(|| "no row".to_owned()))
}

async fn world(crash: &Crash) -> World {
    let setup = match crash.funding {
        Funding::Free => Setup::new().proxied(),
        Funding::X402 | Funding::Entitlement => Setup::paid().proxied(),
        Funding::Card | Funding::Credit | Funding::Pack => Setup::paid().proxied().cards(),
    };
    let setup = if on_server() && matches!(crash.moment, Moment::Commit(..)) {
        setup.databases_proxied()
    } else {
        setup
    };
    setup.start().await
}

/// What is sent, and by whom.
pub struct Order {
    pub call: Call,
    pub wallet: Option<(Proof, Wallet)>,
}

/// A wallet whose next creation is funded as wanted.
async fn by_wallet(world: &World, funding: Funding) -> Order {
    let wallet = world.agent().await;
    if funding == Funding::Entitlement {
        world.core().behave(Behaviour::Reject);
        world.launch(&wallet, "refused").await.refused(400, "LAUNCH_007");
        world.core().behave(Behaviour::Create);
    }
    let proof = world.proof(&wallet);
    Order { call: creation(&proof.v2(), &launch("killed")), wallet: Some((proof, wallet)) }
}

/// A card with a fresh credential; where its account should have credits, it bought them.
async fn by_card(world: &World, crash: &Crash) -> Order {
    let card = match crash.state {
        State::PayFailed => Card::of("pm_card_chargeDeclined"),
        State::Submitted => Card::of(SLOW_CARD),
        _ => Card::new(),
    };
    if crash.funding == Funding::Credit {
        world.pay(&card, &purchase()).await.must(200);
    }
    let call = if crash.funding == Funding::Pack { purchase() } else { unpaid("killed") };
    Order { call: world.credential(&card, &call).await.on(&call), wallet: None }
}

/// What keeps a creation where it is until its process is gone.
#[derive(Default)]
struct Held {
    _trap: Option<Trap>,
    _books: Option<Writer>,
}

/// Sends the creation and returns when it stands where it is to be killed.
async fn brought_to(world: &World, crash: &Crash, order: &Order) -> Held {
    match crash.moment {
        Moment::Call(foreign, point) => {
            let mut trap = set_trap(world, foreign, point);
            world.send_until(&order.call, &mut trap).await;
            Held { _trap: Some(trap), ..Held::default() }
        }
        Moment::Commit(foreign, at) if on_server() => {
            let mut trap = set_trap(world, foreign, Point::AfterEffect);
            world.send_until(&order.call, &mut trap).await;
            let mut commit = world.databases[0].trap_commit(at);
            trap.release();
            tokio::time::timeout(Duration::from_secs(10), commit.reached())
                .await
                .expect("a commit passes");
            Held { _trap: Some(commit), ..Held::default() }
        }
        Moment::Commit(foreign, _) => {
            let mut trap = set_trap(world, foreign, Point::AfterEffect);
            world.send_until(&order.call, &mut trap).await;
            let books = locked_books(world).await;
            trap.release();
            tokio::time::sleep(Duration::from_millis(150)).await;
            Held { _books: Some(books), ..Held::default() }
        }
        Moment::Standing => {
            standing(world, crash.state, order).await;
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
        Foreign::Token => {
            world.stripe().proxy.trap("GET /v1/shared_payment/granted_tokens/", point)
        }
        Foreign::Charge => world.stripe().proxy.trap("POST /v1/payment_intents", point),
        Foreign::CoreCreate => world.core().trap(point),
    }
}

/// A write lock on the books, so that the gateways' next commits wait.
pub async fn locked_books(world: &World) -> Writer {
    let mut writer = world.gateway.database.writer().await;
    writer.hold_commits().await;
    writer
}
