//! Books and the Stripe account that they belong to.

use std::{sync::Arc, time::Duration};

use sandbox::stripe::{Behaviour, Fault};
use serde_json::Value;

use crate::{
    credits::{account, bought, on_credit},
    reconcile::{agrees, open},
    rotation::KEYS,
    stripe_reality::behaves,
    support::{
        Call, Card, Setup, World,
        card::{unchallenged, unpaid},
        moment::eventually,
        stripe::Stripe,
    },
};

const ACCOUNT: &str = "/v1/account";

/// A start on these books ends, in words that hold this.
async fn refused_start(world: &mut World, says: &str) {
    world.gateway.spawn();
    let status = world.gateway.wait_end().await;
    let said = world.gateway.logs();
    assert!(status.code() != Some(0) && said.contains(says), "{status}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r140_books_of_one_stripe_account_are_refused_with_another() {
    let mut world = Setup::paid().cards().alone(KEYS).start().await;
    let token = bought(&world, &Card::new()).await;
    assert!(world.gateway.sigterm().await.success());
    behaves(&world, Behaviour { account: "acct_other".to_owned(), ..Behaviour::default() });
    refused_start(&mut world, "acct_other").await;
    behaves(&world, Behaviour::default());
    // The same account with real money.
    let live = "UPDATE key_marks SET mark = 'live' WHERE name = 'stripe.mode'";
    world.gateway.database.writer().await.execute(live, live).await;
    refused_start(&mut world, "stripe.mode").await;
    let test = "UPDATE key_marks SET mark = 'test' WHERE name = 'stripe.mode'";
    world.gateway.database.writer().await.execute(test, test).await;
    world.gateway.restart().await;
    assert_eq!(account(&world, &token).await["balance"], 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn r140_an_account_that_is_not_known_yet_takes_no_cards() {
    let mut world = Setup::paid().cards().alone(KEYS).start().await;
    let token = bought(&world, &Card::new()).await;
    assert!(world.gateway.sigterm().await.success());
    world.stripe().faults("GET", ACCOUNT, Fault::ErrorBefore, 1_000);
    world.gateway.spawn();
    let unready = async || {
        let reply = Call::get("/readyz")
            .try_send(world.gateway.operator)
            .await
            .map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&reply.body).into_owned();
        if reply.status == 503 && said.contains("account") { Ok(()) } else { Err(said) }
    };
    eventually("readiness that names the account", Duration::from_secs(30), unready).await;
    let call = unpaid("whose account?");
    let paid = world.credential(&Card::new(), &call).await.on(&call);
    let charges = world.stripe().charges_sent();
    for call in [paid.clone(), on_credit(&token, "with test credits?")] {
        let reply = world.send(call).await.refused(503, "SERVER_001");
        assert_eq!(reply.json()["reason"], "card_processor_unavailable", "{}", reply.brief());
        unchallenged(&reply);
    }
    assert_eq!(world.stripe().charges_sent(), charges);
    world.stripe().emulator.clear_faults().unwrap();
    world.gateway.wait_ready().await;
    world.send(paid).await.must(201);
    world.send(on_credit(&token, "credits of this account")).await.must(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn r146_two_gateways_on_one_account_leave_each_other_alone() {
    let stripe = Arc::new(Stripe::start().await);
    let one = Setup::paid().with_stripe(Arc::clone(&stripe)).start().await;
    let other = Setup::paid().with_stripe(Arc::clone(&stripe)).start().await;
    one.pay(&Card::new(), &unpaid("by one")).await.must(201);
    other.pay(&Card::new(), &unpaid("by the other")).await.must(201);
    for world in [&one, &other] {
        agrees(world, &[]).await;
        assert_eq!(open(world).await, []);
    }
    let names: Vec<Value> =
        stripe.succeeded().iter().map(|it| it["metadata"]["gateway_books"].clone()).collect();
    assert!(names.len() == 2 && names[0].is_string() && names[0] != names[1], "{names:?}");
}
