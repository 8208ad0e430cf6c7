//! What the card processor keeps and pays out is in the books, and what it holds for us is
//! compared.

use sandbox::stripe::{DisputeTerms, EntryTerms, Fault, PayoutStatus, PayoutTerms, RefundStatus};
use serde_json::{Value, json};

use crate::credits::{bought, card_world};
use crate::operator_api::read;
use crate::reconcile::{agrees, finds, open, verified};
use crate::refunds::{approve, ended, refused};
use crate::support::audit::{number, text};
use crate::support::card::unpaid;
use crate::support::{Call, Card, Setup, World};
use crate::webhooks::refund_elsewhere;

/// What a launch by card brings, in cents: 60, less 2.9 % and 30.
pub const NET: i128 = 28;

async fn booked(world: &World, account: &str) -> i128 {
    let lines = world.gateway.audit().view("journal").await;
    lines
        .iter()
        .filter(|line| text(line, "account") == account)
        .map(|line| number(line, "amount"))
        .sum()
}

/// Clearing, bank, and the two fees.
pub async fn stands(world: &World) -> [i128; 4] {
    let mut sums = [0; 4];
    for (sum, account) in sums.iter_mut().zip([
        "asset:stripe_clearing",
        "asset:bank",
        "exp:processing",
        "exp:dispute",
    ]) {
        *sum = booked(world, account).await;
    }
    sums
}

/// The payment and the charge of this many cents.
fn paid(world: &World, cents: u64) -> (String, String) {
    let all = world.stripe().succeeded();
    let intent = all.iter().find(|it| it["amount"] == cents).unwrap();
    (
        intent["id"].as_str().unwrap().to_owned(),
        intent["latest_charge"].as_str().unwrap().to_owned(),
    )
}

pub fn pay_out(world: &World, terms: &PayoutTerms) -> String {
    world.stripe().emulator.pay_out(terms).unwrap()["id"].as_str().unwrap().to_owned()
}

pub fn add(world: &World, terms: EntryTerms) -> String {
    world.stripe().emulator.add_entry(&terms).unwrap()["id"].as_str().unwrap().to_owned()
}

pub async fn page(world: &World, address: &str) -> String {
    let reply = Call::get(address).send(world.gateway.operator).await.must(200);
    String::from_utf8_lossy(&reply.body).into_owned()
}

pub async fn launched_by_card(setup: Setup) -> World {
    let world = setup.start().await;
    world.pay(&Card::new(), &unpaid("by card")).await.must(201);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn r152_fees_of_charges_and_disputes_are_booked_once_and_refunds_give_none_back() {
    let world = launched_by_card(Setup::paid().cards()).await;
    bought(&world, &Card::new()).await;
    assert_eq!(stands(&world).await, [1_260, 0, 0, 0], "before the first comparison");
    for arguments in [&[][..], &[], &["--full"], &["--since", "1h"]] {
        agrees(&world, arguments).await;
        assert_eq!(stands(&world).await, [1_260 - 32 - 65, 0, 32 + 65, 0], "{arguments:?}");
    }
    let (payment, charge) = paid(&world, 1_200);
    let terms = DisputeTerms { amount: Some(300), ..DisputeTerms::default() };
    let dispute = world.stripe().emulator.open_dispute_on(&charge, &terms).unwrap();
    agrees(&world, &[]).await;
    assert_eq!(stands(&world).await, [1_163 - 300 - 1_500, 0, 97, 1_500]);
    world.stripe().emulator.close_dispute(dispute["id"].as_str().unwrap(), true).unwrap();
    refund_elsewhere(&world, &payment, 600).await;
    for _ in 0..2 {
        agrees(&world, &[]).await;
        assert_eq!(stands(&world).await, [1_163 - 1_500 - 600, 0, 97, 1_500]);
    }
    verified(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r152_what_no_posting_explains_is_found_and_stays_accepted_once_an_operator_closes_it() {
    let world = launched_by_card(Setup::paid().cards()).await;
    agrees(&world, &[]).await;
    let charge = paid(&world, 60).1;
    let correction =
        |amount| EntryTerms { amount, source: Some(charge.clone()), ..EntryTerms::default() };
    add(&world, correction(-25));
    for _ in 0..2 {
        finds(&world, &[], &[("amount_mismatch", "stripe:clearing:0")]).await;
    }
    let closing = [
        "findings",
        "close",
        "amount_mismatch",
        "stripe:clearing:0",
        "--reason",
        "Stripe corrected its fee",
    ];
    assert!(world.gateway.run(&closing).await.status.success());
    agrees(&world, &[]).await;
    agrees(&world, &[]).await;
    add(&world, correction(-5));
    let (report, code) = crate::reconcile::reconcile(&world, &[]).await;
    let found = report["differences"][0].clone();
    assert_eq!((code, &found["kind"]), (1, &json!("amount_mismatch")), "{report}");
    assert!(
        found["key"].as_str().unwrap().starts_with("stripe:clearing:")
            && found["key"] != "stripe:clearing:0",
        "{found}"
    );
    add(&world, correction(5));
    agrees(&world, &[]).await;
    assert_eq!(open(&world).await, [], "it closes by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn r152_an_account_of_ours_alone_is_compared_with_its_balance_and_others_in_it_are_found() {
    let world = launched_by_card(Setup::paid().cards().set("stripe.exclusive", "true")).await;
    agrees(&world, &[]).await;
    let foreign = add(
        &world,
        EntryTerms {
            amount: -25,
            r#type: Some(String::from("stripe_fee")),
            ..EntryTerms::default()
        },
    );
    finds(&world, &[], &[("foreign_entry", &foreign)]).await;
    let closing =
        ["findings", "close", "foreign_entry", &foreign, "--reason", "a fee of the account"];
    assert!(world.gateway.run(&closing).await.status.success());
    world.pay(&Card::new(), &unpaid("another")).await.must(201);
    let payout =
        pay_out(&world, &PayoutTerms { status: PayoutStatus::Pending, ..PayoutTerms::default() });
    let listed = async || crate::reconcile::reconcile(&world, &[]).await.0["differences"].clone();
    let kinds = |found: &Value| {
        found.as_array().unwrap().iter().map(|it| it["kind"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        kinds(&listed().await),
        [json!("foreign_entry")],
        "what was closed is seen, and stays closed"
    );
    world.stripe().emulator.settle_payout(&payout, true).unwrap();
    assert_eq!(kinds(&listed().await), [json!("foreign_entry")]);
    assert_eq!((stands(&world).await, open(&world).await), ([0, 2 * NET, 64, 0], Vec::new()));
    let tampered = "UPDATE stripe_payouts SET entries_cents = entries_cents + 1";
    world.gateway.database.writer().await.execute(tampered, tampered).await;
    let found = listed().await;
    let balance = found
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["key"].as_str().unwrap().starts_with("stripe:balance:"));
    assert_eq!(balance.map(|it| &it["kind"]), Some(&json!("amount_mismatch")), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r152_a_refund_that_is_not_decided_is_no_difference() {
    let world = card_world().await;
    world.stripe().emulator.set_new_refunds(RefundStatus::Pending).unwrap();
    let (payment, _) = refused(&world).await;
    ended(&approve(&world, &payment, &[]).await, 0);
    let asked = async || {
        if world.stripe().refunds().len() == 1 { Ok(()) } else { Err(String::from("not yet")) }
    };
    crate::support::moment::eventually("the refund", std::time::Duration::from_secs(20), asked)
        .await;
    // Stripe took it out of the balance already; here it is still owed.
    for _ in 0..2 {
        agrees(&world, &[]).await;
        assert_eq!(stands(&world).await, [NET, 0, 32, 0]);
    }
    let refund = world.stripe().refunds()[0]["id"].as_str().unwrap().to_owned();
    world.stripe().emulator.settle_refund(&refund, true).unwrap();
    agrees(&world, &[]).await;
    crate::refunds::stands(&world, "refunded").await;
    agrees(&world, &[]).await;
    assert_eq!(stands(&world).await, [-32, 0, 32, 0], "the fee is not given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn r152_a_key_that_may_not_read_payouts_still_compares_the_rest() {
    let world = launched_by_card(Setup::paid().cards()).await;
    world.stripe().faults("GET", "/v1/payouts", Fault::ErrorBefore, 100);
    finds(&world, &[], &[("could_not_check", "stripe:payouts")]).await;
    assert_eq!(stands(&world).await, [NET, 0, 32, 0], "fees are booked meanwhile");
    world.stripe().emulator.clear_faults().unwrap();
    agrees(&world, &[]).await;
    assert_eq!(open(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn r152_gas_is_booked_and_the_overview_tells_gross_fees_refunds_and_net_everywhere_alike() {
    let world = launched_by_card(Setup::paid().cards().set("x402.gas_coin_usd", "10.00")).await;
    world.launch(&world.agent().await, "on the chain").await.must(201);
    let spent = async || {
        let gas = read(&world, "balance").await["gas_wei"].clone();
        let wei = |name: &str| gas[name].as_str().unwrap().parse::<i128>().unwrap();
        (wei("settled") + wei("lost") + wei("void") + wei("refunds")) / 1_000_000_000
    };
    let known =
        async || if spent().await > 0 { Ok(()) } else { Err(String::from("not noted yet")) };
    crate::support::moment::eventually("the gas", std::time::Duration::from_secs(20), known).await;
    refund_elsewhere(&world, &paid(&world, 60).0, 10).await;
    for _ in 0..2 {
        agrees(&world, &[]).await;
        assert_eq!(booked(&world, "exp:gas").await, spent().await);
    }
    let api = read(&world, "overview").await;
    let today = api["days"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        today["usd"],
        json!({"gross_minor": 60, "fees_minor": 32, "refunds_minor": 10, "net_minor": 18}),
        "{today}"
    );
    assert_eq!(today["usdc"]["net_minor"], 550_000, "{today}");
    assert_eq!(i128::from(today["gas_gwei"].as_i64().unwrap()), spent().await);
    assert!(today["gas_usd_cents"].is_i64(), "{today}");
    assert_eq!(
        booked(&world, "asset:stripe_clearing").await,
        18,
        "what is left is what Stripe holds"
    );
    let output = world.gateway.run(&["ledger", "overview", "--json"]).await;
    let cli: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(cli["days"], api["days"]);
    let page = page(&world, "/operator").await;
    for name in
        ["Card, gross", "Card, fees", "Card, refunds", "Card, net", "x402, net", "Gas, valued"]
    {
        assert!(page.contains(name), "{name}");
    }
    verified(&world).await;
}
