//! Paid and refused: one credit in its place, or the money back, never both and never twice.

use std::process::Output;
use std::time::Duration;

use sandbox::stripe::Fault;
use serde_json::Value;

use crate::crash_matrix::locked_books;
use crate::credits::{account, card_world, on_credit};
use crate::support::audit::text;
use crate::support::card::unpaid;
use crate::support::fake_core::Behaviour;
use crate::support::moment::eventually;
use crate::support::stripe::REFUNDS;
use crate::support::trap::Point;
use crate::support::world::Totals;
use crate::support::{Card, Setup, World};

/// A launch that was charged and refused: one credit in its place.
const COMPENSATED: Totals = Totals {
    settlements: 1,
    charges: 1,
    credits: 1,
    transactions: 0,
    free_slots: 0,
    launches: 0,
    obligations: 0,
};
/// The same, once the money is back.
pub const REFUNDED: Totals = Totals { credits: 0, ..COMPENSATED };

/// A charged launch that the core refuses; the payment and the account's agent token.
pub async fn refused(world: &World) -> (String, String) {
    world.core().behave(Behaviour::Reject);
    let reply = world.pay(&Card::new(), &unpaid("refused")).await.refused(400, "LAUNCH_007");
    world.core().behave(Behaviour::Create);
    let token =
        reply.header("x-agent-token").unwrap_or_else(|| panic!("no token: {}", reply.brief()));
    (reply.payment_id().unwrap(), token.to_owned())
}

#[track_caller]
pub fn ended(output: &Output, code: i32) -> Value {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    serde_json::from_str(&out).unwrap_or(Value::Null)
}

pub async fn approve(world: &World, payment: &str, more: &[&str]) -> Output {
    world
        .gateway
        .run(&[&["refund", "approve", payment, "--reason", "the agent asked"], more].concat())
        .await
}

/// Waits until the books say so of the one debt.
pub async fn stands(world: &World, state: &str) {
    let look = async || {
        let owed = world.gateway.audit().view("obligations").await;
        let now = owed.first().map(|owed| text(owed, "state")).unwrap_or_default();
        if now == state { Ok(()) } else { Err(now) }
    };
    eventually(state, Duration::from_secs(60), look).await;
}

/// One refund of the whole charge at Stripe, and the books agree.
async fn given_back_once(world: &World) {
    stands(world, "refunded").await;
    let refunds = world.stripe().refunds();
    assert_eq!(
        refunds.iter().map(|refund| refund["amount"].as_u64()).collect::<Vec<_>>(),
        [Some(60)]
    );
    let journal = world.gateway.audit().view("journal").await;
    let cleared = journal.iter().filter(|line| text(line, "account") == "asset:stripe_clearing");
    assert_eq!(cleared.map(|line| text(line, "amount").parse::<i64>().unwrap()).sum::<i64>(), 0);
    world.settles_at(REFUNDED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r078_a_charge_that_the_core_refuses_becomes_one_credit() {
    let world = card_world().await;
    let (_, token) = refused(&world).await;
    assert_eq!(account(&world, &token).await["balance"], 1);
    world.settles_at(COMPENSATED).await;
    world.send(on_credit(&token, "instead")).await.must(201);
    world.settles_at(Totals { launches: 1, ..REFUNDED }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r078_one_credit_wherever_the_gateway_dies() {
    for at in Point::ALL.map(Some).into_iter().chain([None]) {
        let mut world = card_world().await;
        world.core().behave(Behaviour::Reject);
        let call = unpaid("refused");
        let paid = world.credential(&Card::new(), &call).await.on(&call);
        // None: the refusal is there and its commit cannot happen.
        let mut trap = world.core().trap(at.unwrap_or(Point::AfterEffect));
        drop(world.begin(paid.clone()));
        trap.reached().await;
        let mut held = None;
        if at.is_none() {
            held = Some(locked_books(&world).await);
            trap.release();
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        world.gateway.kill9();
        drop((trap, held));
        world.gateway.restart().await;
        world.settles_at(COMPENSATED).await;
        let again = world.send(paid).await.refused(400, "LAUNCH_007");
        assert!(again.replayed(), "{at:?}: {}", again.brief());
        world.settles_at(COMPENSATED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_refund_goes_back_once_and_takes_the_credit() {
    let world = card_world().await;
    let (payment, token) = refused(&world).await;
    let listed = ended(&world.gateway.run(&["refund", "ls"]).await, 0);
    assert_eq!(
        (&listed[0]["payment_id"], &listed[0]["amount_minor"]),
        (&Value::from(payment.as_str()), &Value::from(60))
    );
    let dry = ended(&approve(&world, &payment, &["--dry-run"]).await, 10);
    assert_eq!(
        (&dry["amount_minor"], &dry["takes_credit"]),
        (&Value::from(60), &Value::from(true)),
        "{dry}"
    );
    assert!(world.stripe().refunds().is_empty());
    world.settles_at(COMPENSATED).await;

    let approved = ended(&approve(&world, &payment, &[]).await, 0);
    assert_eq!(approved["next"], "the running gateway sends it now", "{approved}");
    given_back_once(&world).await;
    ended(&approve(&world, &payment, &[]).await, 4);
    assert_eq!(account(&world, &token).await["balance"], 0);
    world.send(on_credit(&token, "nothing left")).await.must(402);
    given_back_once(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_answer_is_lost_goes_back_once() {
    for fault in
        [Fault::HangAfter { ms: 4_000 }, Fault::DropAfter, Fault::DropBefore, Fault::ErrorBefore]
    {
        let world = Setup::paid().cards().set("stripe.timeout_ms", "1000").start().await;
        let (payment, _) = refused(&world).await;
        world.stripe().faults("POST", REFUNDS, fault, 2);
        ended(&approve(&world, &payment, &[]).await, 0);
        given_back_once(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_goes_back_once_wherever_the_gateway_dies() {
    for at in Point::ALL {
        let mut world = card_world().await;
        let (payment, _) = refused(&world).await;
        let mut trap = world.stripe().proxy.trap("POST /v1/refunds", at);
        ended(&approve(&world, &payment, &[]).await, 0);
        trap.reached().await;
        world.gateway.kill9();
        drop(trap);
        world.gateway.restart().await;
        given_back_once(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_is_approved_while_nobody_serves_is_sent_by_the_next_gateway() {
    let mut world = card_world().await;
    let (payment, _) = refused(&world).await;
    for gateway in world.gateways_mut() {
        gateway.sigterm().await;
    }
    let approved = ended(&approve(&world, &payment, &[]).await, 0);
    assert_eq!(approved["next"], "no gateway runs; it is sent once one does", "{approved}");
    assert!(world.stripe().refunds().is_empty());
    world.gateway.restart().await;
    given_back_once(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_credit_and_a_payment_in_usdc_are_not_refunded_to_a_card() {
    let world = card_world().await;
    let (payment, token) = refused(&world).await;
    world.send(on_credit(&token, "instead")).await.must(201);
    let spent = approve(&world, &payment, &[]).await;
    ended(&spent, 4);
    assert!(String::from_utf8_lossy(&spent.stderr).contains("is spent"), "{spent:?}");

    world.core().behave(Behaviour::Reject);
    let wallet = world.agent().await;
    let usdc =
        world.launch(&wallet, "refused").await.refused(400, "LAUNCH_007").payment_id().unwrap();
    let listed = ended(&world.gateway.run(&["refund", "ls"]).await, 0);
    assert_eq!(
        (&listed[0]["payment_id"], &listed[0]["currency"]),
        (&Value::from(usdc.as_str()), &Value::from("USDC")),
        "{listed}"
    );
    let by_hand = approve(&world, &usdc, &[]).await;
    ended(&by_hand, 4);
    let said = String::from_utf8_lossy(&by_hand.stderr).into_owned();
    assert!(said.contains("by hand") && said.contains("0.55 USDC"), "{said}");
    ended(&approve(&world, "pay_00000000000000000000000000000007", &[]).await, 5);
    assert!(world.stripe().refunds().is_empty());
    world
        .settles_at(Totals {
            settlements: 2,
            charges: 1,
            launches: 1,
            transactions: 1,
            obligations: 1,
            ..Totals::default()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_are_given_and_taken_by_hand_with_a_reason() {
    let world = card_world().await;
    let (_, token) = refused(&world).await;
    let payer = crate::credits::payer(&world).await;
    let run =
        async |arguments: &[&str]| world.gateway.run(&[&["credits"], arguments].concat()).await;
    let dry = ended(&run(&["grant", &payer, "5", "--reason", "late", "--dry-run"]).await, 10);
    assert_eq!((&dry["balance"], &dry["dry_run"]), (&Value::from(6), &Value::from(true)), "{dry}");
    world.settles_at(COMPENSATED).await;
    ended(&run(&["grant", &payer, "5", "--reason", "late"]).await, 0);
    assert_eq!(account(&world, &token).await["balance"], 6);
    ended(&run(&["void", &payer, "7", "--reason", "too many"]).await, 4);
    ended(&run(&["void", &payer, "4"]).await, 2);
    ended(&run(&["void", &payer, "4", "--reason", "too many"]).await, 0);
    let shown = ended(&run(&["show", &payer]).await, 0);
    assert_eq!(
        (&shown["balance"], &shown["entries"][0]["reference"]),
        (&Value::from(2), &Value::from("too many")),
        "{shown}"
    );
    ended(&run(&["show", "card:nobody"]).await, 5);
    world.send(on_credit(&token, "spent")).await.must(201);
    world.settles_at(Totals { launches: 1, ..COMPENSATED }).await;
}
