//! What becomes of a charge: declined, waiting for somebody, open for a while, of another amount,
//! or paid and refused upstream.

use std::time::Duration;

use sandbox::stripe::Fault;
use serde_json::{Value, json};

use crate::mpp_faults::{impatient, until_known};
use crate::mpp_launch::{card_world, charged};
use crate::support::audit::{number, text};
use crate::support::card::{p3, pend, unchallenged, unpaid};
use crate::support::fake_core::Behaviour;
use crate::support::stripe::{INTENTS, REFUNDS};
use crate::support::trap::Point;
use crate::support::world::Totals;
use crate::support::{Card, Reply, World};

/// The same credential, refused as before with a challenge that is new, and Stripe is not charged
/// again.
async fn refused_again(world: &World, call: &crate::support::Call, reason: &str) {
    let sent = world.stripe().charges_sent();
    let one = p3(world.send(call.clone()).await, reason);
    let other = p3(world.send(call.clone()).await, reason);
    assert_ne!(one.text("id"), other.text("id"));
    assert_eq!(world.stripe().charges_sent(), sent);
}

fn problem(reply: &Reply) -> Value {
    reply.json()["type"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn r074_a_charge_that_needs_its_holder_is_cancelled() {
    let world = card_world().await;
    let call = unpaid("3-D Secure");
    let paid = world.credential(&Card::of("pm_card_authenticationRequired"), &call).await.on(&call);
    let reply = world.send(paid.clone()).await;
    assert_eq!(
        problem(&reply),
        "https://paymentauth.org/problems/payment-action-required",
        "{}",
        reply.brief()
    );
    let fresh = p3(reply, "authentication_required");
    let intents = world.stripe().intents();
    assert_eq!((intents.len(), &intents[0]["status"]), (1, &json!("canceled")), "{intents:?}");
    refused_again(&world, &paid, "authentication_required").await;
    world.settles_at(Totals::default()).await;
    let other = fresh.answered(&Card::new().token(world.stripe(), 60)).on(&call);
    world.send(other).await.must(201);
    world.settles_at(charged(1)).await;
}

/// A charge that is open, and then settled at Stripe; with Stripe's events or without.
async fn processing(succeeds: bool, events: bool) {
    let world = impatient().start().await;
    if events {
        world.hear_events();
    }
    let call = unpaid("processing");
    let paid = world.credential(&Card::of("pm_card_processing"), &call).await.on(&call);
    let id = pend(world.send(paid.clone()).await);
    assert_eq!(pend(world.send(paid.clone()).await), id);
    assert_eq!(world.core().launch_count(), 0);
    let intents = world.stripe().intents();
    assert_eq!(intents.len(), 1, "{intents:?}");
    world.stripe().emulator.settle_intent(intents[0]["id"].as_str().unwrap(), succeeds).unwrap();
    if succeeds {
        // Without a word from the client.
        world.settles_at(charged(1)).await;
        let reply = until_known(&world, &paid).await.must(201);
        assert!(reply.replayed());
        assert_eq!(reply.payment_id(), Some(id));
        world.settles_at(charged(1)).await;
    } else {
        world.settles_at(Totals::default()).await;
        p3(until_known(&world, &paid).await, "generic_decline");
        refused_again(&world, &paid, "generic_decline").await;
        world.settles_at(Totals::default()).await;
    }
    assert_eq!(world.stripe().intents().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn r075_a_charge_that_succeeds_later_is_delivered() {
    processing(true, false).await;
    processing(true, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r075_a_charge_that_fails_later_is_refused() {
    processing(false, false).await;
    processing(false, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r076_a_declined_card_may_be_replaced() {
    let world = card_world().await;
    for (method, reason) in [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error"),
    ] {
        let call = unpaid(method);
        let paid = world.credential(&Card::of(method), &call).await.on(&call);
        let reply = world.send(paid.clone()).await;
        assert_eq!(
            problem(&reply),
            "https://paymentauth.org/problems/verification-failed",
            "{}",
            reply.brief()
        );
        assert!(
            reply.header("payment-receipt").is_none() && reply.header("x-agent-token").is_none(),
            "{}",
            reply.brief()
        );
        let fresh = p3(reply, reason);
        refused_again(&world, &paid, reason).await;
        assert!(world.core().forwarded().is_empty());
        assert_eq!(fresh.cents(), 60);
    }
    world.settles_at(Totals::default()).await;
    let call = unpaid("pm_card_chargeDeclined");
    world.pay(&Card::new(), &call).await.must(201);
    world.settles_at(charged(1)).await;
}

/// Stripe says that it took something else than was asked for.
async fn mischarged(amount: Option<i64>, currency: Option<&str>, back_minor: i64, back_in: &str) {
    let mut world = card_world().await;
    let call = unpaid("other money");
    let paid = world.credential(&Card::new(), &call).await.on(&call);
    // The first requests for the refund are lost on their way.
    world.stripe().fault("POST", REFUNDS, Fault::DropBefore);
    world.stripe().fault("POST", REFUNDS, Fault::DropAfter);
    world.stripe().fault(
        "POST",
        INTENTS,
        Fault::WrongAnswer { amount, currency: currency.map(str::to_owned) },
    );
    let reply = world.send(paid.clone()).await.refused(402, "PAYMENT_003");
    unchallenged(&reply);
    assert!(reply.header("payment-receipt").is_none(), "{}", reply.brief());
    world.gateway.kill9();
    world.gateway.restart().await;
    let limit = Duration::from_secs(30);
    let audit = world.gateway.audit();
    let given_back = async || match audit.view("obligations").await.as_slice() {
        [line] if text(line, "state") == "refunded" => Ok(()),
        other => Err(format!("{other:?}")),
    };
    world.gateway.until("it goes back", limit, given_back).await;
    let owed = &audit.view("obligations").await[0];
    assert_eq!(
        (number(owed, "amount_minor"), text(owed, "currency")),
        (i128::from(back_minor), back_in.to_owned())
    );
    let findings = audit.view("findings").await;
    let finding = (text(&findings[0], "kind"), Some(text(&findings[0], "key")));
    assert_eq!((findings.len(), finding), (1, ("amount_mismatch".to_owned(), reply.payment_id())));
    let refunds = world.stripe().refunds();
    assert_eq!((refunds.len(), &refunds[0]["amount"]), (1, &json!(back_minor)), "{refunds:?}");
    assert!(world.core().forwarded().is_empty());
    unchallenged(&world.send(paid).await.refused(402, "PAYMENT_003"));
    world.settles_at(Totals { charges: 1, ..Totals::default() }).await;
    assert_eq!(world.stripe().refunds().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn r077_another_amount_is_not_delivered_and_goes_back() {
    mischarged(Some(50), None, 50, "USD").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r077_another_currency_is_not_delivered_and_goes_back() {
    mischarged(None, Some("eur"), 60, "EUR").await;
}

/// Charged, and finally refused upstream: one credit, whatever happened on the way.
fn compensated() -> Totals {
    Totals { settlements: 1, charges: 1, credits: 1, ..Totals::default() }
}

/// The refusal, and the one credit that came of it; the next launch is paid with it.
async fn has_one_credit(world: &World, card: &Card, paid: crate::support::Call) {
    world.settles_at(compensated()).await;
    let entries = world.gateway.audit().view("credit_entries").await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    let again = world.send(paid).await.refused(400, "LAUNCH_007");
    assert!(again.replayed() && again.json()["credited"] == "1 CREDIT", "{}", again.brief());
    unchallenged(&again);
    world.core().behave(Behaviour::Create);
    let call = unpaid("corrected");
    let reply = world.pay(card, &call).await.must(201);
    assert!(reply.charge().starts_with("none; reason=credit"), "{}", reply.brief());
    world.settles_at(Totals { settlements: 1, charges: 1, launches: 1, ..Totals::default() }).await;
    assert!(world.stripe().refunds().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn r078_a_launch_that_is_refused_after_the_charge_leaves_one_credit() {
    let world = card_world().await;
    world.core().behave(Behaviour::Reject);
    let (card, call) = (Card::new(), unpaid("refused"));
    let paid = world.credential(&card, &call).await.on(&call);
    let reply = world.send(paid.clone()).await.refused(400, "LAUNCH_007");
    assert!(!reply.replayed());
    assert_eq!(reply.json()["credited"], "1 CREDIT", "{}", reply.brief());
    unchallenged(&reply);
    has_one_credit(&world, &card, paid).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r078_the_one_credit_survives_every_kill() {
    for point in Point::ALL {
        let mut world = card_world().await;
        world.core().behave(Behaviour::Reject);
        let (card, call) = (Card::new(), unpaid("refused and killed"));
        let paid = world.credential(&card, &call).await.on(&call);
        let mut trap = world.core().trap(point);
        drop(world.begin(paid.clone()));
        trap.reached().await;
        world.gateway.kill9();
        world.gateway.restart().await;
        has_one_credit(&world, &card, paid).await;
    }
}
