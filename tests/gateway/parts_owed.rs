//! R174: a call that costs less than what is owed takes its price; the rest stays owed, and goes
//! back when its time is over.

use serde_json::json;

use crate::access::paying;
use crate::refunding::{PRICE, Refunding, SOON, turn};
use crate::refunds::ended;
use crate::rotation::rotate;
use crate::support::audit::{number, text};
use crate::support::fake_core::Behaviour;
use crate::support::world::{creation, launch};
use crate::support::{Reply, Setup, Wallet};

const CHEAPER: u64 = 400_000;
const REST: u64 = PRICE - CHEAPER;

/// A launch at the lower price.
async fn cheaper(refunding: &Refunding, payer: &Wallet, title: &str) -> Reply {
    let world = &refunding.world;
    world.send(creation(&paying(world, payer, CHEAPER), &launch(title))).await
}

/// What is owed for a payment: how much stands where.
async fn owed(refunding: &Refunding, payment: &str) -> Vec<(i128, String)> {
    let rows = refunding.world.gateway.audit().view("obligations").await;
    let of = rows.iter().filter(|row| text(row, "intent_id") == payment);
    let mut parts: Vec<_> =
        of.map(|row| (number(row, "amount_minor"), text(row, "state"))).collect();
    parts.sort();
    parts
}

fn part(units: u64, state: &str) -> (i128, String) {
    (i128::from(units), state.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn r174_a_price_that_fell_takes_its_share_and_the_rest_goes_back() {
    let mut refunding = Refunding::start(Setup::paid()).await;
    refunding.world.core().behave(Behaviour::Reject);
    let payer = refunding.world.agent_with(PRICE + CHEAPER).await;
    let refused = refunding.world.launch(&payer, "refused").await.refused(400, "LAUNCH_007");
    let source = refused.payment_id().unwrap();
    rotate(&mut refunding.world, &[("pricing.launch_usdc", "0.40")]).await;

    // Refused again: the share lies beside the rest. Done: the share is used.
    let again = cheaper(&refunding, &payer, "refused again").await.refused(400, "LAUNCH_007");
    assert_eq!(
        owed(&refunding, &source).await,
        [part(REST, "open"), part(CHEAPER, "open")],
        "{}",
        again.brief()
    );
    refunding.world.core().behave(Behaviour::Create);
    let done = cheaper(&refunding, &payer, "done").await.must(201);
    assert!(done.charge().starts_with("none; reason=entitlement"), "{}", done.brief());
    assert_eq!(owed(&refunding, &source).await, [part(REST, "open"), part(CHEAPER, "used")]);

    // The rest is less than the price: this one is paid for, and the rest stays.
    let paid = cheaper(&refunding, &payer, "paid").await.must(201);
    assert!(paid.charge().starts_with("0.40 USDC; payment="), "{}", paid.brief());
    assert_eq!(owed(&refunding, &source).await, [part(REST, "open"), part(CHEAPER, "used")]);
    refunding.agrees().await;

    turn(&refunding.clock, 2).await;
    let left_by = left(&refunding).await;
    let shown = ended(&refunding.world.gateway.run(&["ledger", "show", &left_by]).await, 0);
    assert_eq!(shown["obligation"]["part_of"], json!(source), "{shown}");
    let approved = ended(&refunding.approve(&left_by, &[]).await, 0);
    assert_eq!(approved["amount_minor"], json!(REST), "{approved}");
    refunding
        .world
        .gateway
        .until("the rest is back", SOON, async || match owed(&refunding, &source).await {
            parts if parts == [part(REST, "refunded"), part(CHEAPER, "used")] => Ok(()),
            parts => Err(format!("{parts:?}")),
        })
        .await;
    assert_eq!(refunding.sent_to(&payer).await, [REST]);
    refunding.agrees().await;
}

/// Under which payment's id the one refund that is due stands, as operators list it.
async fn left(refunding: &Refunding) -> String {
    let gateway = &refunding.world.gateway;
    let listed = async || ended(&gateway.run(&["ledger", "owed"]).await, 0);
    let due = async || match listed().await {
        rows if rows[0]["state"] == "refund_due" && rows[1].is_null() => Ok(()),
        rows => Err(rows.to_string()),
    };
    gateway.until("the rest is due", SOON, due).await;
    listed().await[0]["id"].as_str().unwrap().to_owned()
}
