//! The questions of the README's desk section, each answered on the page by the clicks that it
//! names, and by at most three.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::clients::{folder, printed};
use crate::credits::bought;
use crate::operator_actions::act;
use crate::operator_api::{list, read};
use crate::support::audit::text;
use crate::support::card::unpaid;
use crate::support::fake_core::Behaviour;
use crate::support::moment::eventually;
use crate::support::{Card, Setup, Wallet, World};

const MOST_CLICKS: u64 = 3;

/// Somebody who used two free launches and paid, somebody who has one left, and somebody without
/// money.
struct Scene {
    world: World,
    payer: Wallet,
    newcomer: Wallet,
    poor: Wallet,
    /// Given back to the card.
    refunded: String,
    transaction: String,
    charge: String,
}

async fn scene() -> Scene {
    let setup = Setup::new().cards().set("pricing.free_launches_per_month", "2");
    let world =
        setup.set("upstream.timeout_s", "2").set("server.answer_deadline_s", "4").start().await;
    let (payer, newcomer, poor) =
        (world.agent().await, world.agent().await, world.agent_with(0).await);
    for title in ["free", "free too", "paid"] {
        world.launch(&payer, title).await.must(201);
    }
    world.launch(&newcomer, "free").await.must(201);
    world.launch(&poor, "no money").await.refused(402, "PAYMENT_002");
    bought(&world, &Card::new()).await;
    world.core().behave_next([Behaviour::Reject, Behaviour::Reject]);
    let refused =
        world.pay(&Card::new(), &unpaid("refused by card")).await.refused(400, "LAUNCH_007");
    let refunded = refused.payment_id().unwrap();
    world.launch(&payer, "refused").await.refused(400, "LAUNCH_007");
    act(&world, &format!("refunds/{refunded}/approve"), &json!({"reason": "asked by its owner"}))
        .await
        .must(200);
    world.core().invent("a-stranger");
    act(&world, "reconcile", &json!({"reason": "before the month's end", "full": true}))
        .await
        .must(200);
    world.core().behave(Behaviour::CreateThenHang);
    let hanging = world.agent().await;
    for title in ["free", "free too"] {
        world.core().behave_next([Behaviour::Create]);
        world.launch(&hanging, title).await.must(201);
    }
    world.launch(&hanging, "unknown").await.refused(503, "PAYMENT_005");
    crate::unfinished::until_state(&world, "core_unknown").await;
    let settled = world.gateway.audit().view("settlements").await;
    let named =
        |column| settled.iter().map(|row| text(row, column)).find(|name| !name.is_empty()).unwrap();
    let (transaction, charge) = (named("tx_hash"), named("stripe_pi"));
    let noted = async || match list(&world, &format!("requests?payer={}", poor.payer())).await.len()
    {
        0 => Err(String::from("no note of the refused request")),
        _ => Ok(()),
    };
    eventually("the refused request is noted", Duration::from_secs(20), noted).await;
    Scene { world, payer, newcomer, poor, refunded, transaction, charge }
}

/// A question of the README, its steps, and what must stand there in the end.
type Question = (&'static str, Value, Vec<String>);

fn questions(scene: &Scene) -> Vec<Question> {
    [about_payments(scene), about_money(scene)].concat()
}

fn shows(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn click(name: &str) -> Value {
    json!([["click", name]])
}

fn find(name: &str) -> Value {
    json!([["find", name]])
}

fn about_payments(scene: &Scene) -> Vec<Question> {
    let (payer, poor) = (scene.payer.address_lower(), scene.poor.address_lower());
    let october = json!([
        ["click", "Payments"],
        ["fill", "Payer", payer],
        ["choose", "State", "settled"],
        ["fill", "From", "2020-01-01"],
        ["fill", "Before", "2099-01-01"],
        ["click", "Filter"],
    ]);
    let without =
        json!([["click", "Payments"], ["choose", "State", "no_launch"], ["click", "Filter"]]);
    vec![
        ("What did wallet X pay in October?", october, shows(&["2 settled, 1.10 USDC"])),
        (
            "What is wallet X's statement?",
            find(&payer),
            shows(&["Statement", "settled", "0.55 USDC"]),
        ),
        (
            "Why did this agent get a 402?",
            json!([["find", poor], ["click", "Requests"]]),
            shows(&["PAYMENT_002"]),
        ),
        (
            "What do we owe, to whom, since when?",
            click("Needs attention"),
            shows(&["Refunds payable and entitlements", "funds the payer's next call"]),
        ),
        (
            "Which settlements have no launch?",
            without,
            shows(&["Rejected upstream", "Pending upstream"]),
        ),
        (
            "Is any payment unknown, and since when?",
            click("unknown outcome"),
            shows(&["Pending upstream", "since"]),
        ),
        (
            "Why was this refund approved, and when?",
            find(&scene.refunded),
            shows(&["Timeline", "refund approved", "asked by its owner"]),
        ),
        (
            "What did operators do, and why?",
            click("Audit log"),
            shows(&["reconcile.run", "before the month's end"]),
        ),
    ]
}

fn about_money(scene: &Scene) -> Vec<Question> {
    let newcomer = scene.newcomer.address_lower();
    vec![
        (
            "How many credits are outstanding, and what are they worth?",
            click("Credits"),
            shows(&["Available", "20 credits", "12.00 USD"]),
        ),
        (
            "Did the last comparison find anything?",
            click("Reconciliation"),
            shows(&["Launch without payment", "launch-of-a-stranger"]),
        ),
        (
            "What did gas cost?",
            json!([["click", "Journal"], ["click", "Calculate"]]),
            shows(&["Settlement transactions", "ETH"]),
        ),
        (
            "What did this transaction pay for?",
            find(&scene.transaction),
            shows(&[&scene.transaction]),
        ),
        ("Which payment is this `pi_...`?", find(&scene.charge), shows(&[&scene.charge])),
        (
            "How many free launches has wallet X left?",
            find(&newcomer),
            shows(&["Free launches", "1 of 2 launches left"]),
        ),
        (
            "What did we earn, by rail and day?",
            json!([]),
            shows(&["x402, earned", "Revenue per day"]),
        ),
    ]
}

/// What the README says that is clicked for an answer.
fn said_in_readme(question: &str) -> String {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let row = readme.lines().find(|line| line.starts_with(&format!("| {question} |")));
    row.unwrap_or_else(|| panic!("the README does not ask {question}"))
        .split('|')
        .nth(2)
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_is_answered_in_at_most_three_clicks() {
    let scene = scene().await;
    let questions = questions(&scene);
    assert_eq!(read(&scene.world, "overview").await["unknown"], 1);
    let walks: Vec<Value> =
        questions.iter().map(|(_, steps, shows)| json!({"steps": steps, "shows": shows})).collect();
    let browser = folder("browser");
    let mut command = Command::new("node");
    command
        .arg(browser.join("walk.mjs"))
        .arg(format!("http://{}", scene.world.gateway.operator))
        .arg(Value::from(walks).to_string());
    let said = printed(command, &browser.join("node_modules/playwright-core")).await;
    let walked: Vec<Value> = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(walked.len(), questions.len());
    for ((question, steps, shows), walk) in questions.iter().zip(&walked) {
        let shown = walk["text"].as_str().unwrap();
        for text in shows {
            assert!(shown.contains(text), "{question}: {text} is not in\n{shown}");
        }
        assert!(walk["clicks"].as_u64().unwrap() <= MOST_CLICKS, "{question}: {}", walk["clicks"]);
        // The README leads the same way.
        let way = said_in_readme(question);
        for step in steps.as_array().unwrap() {
            let name = if step[0] == "click" { step[1].as_str().unwrap() } else { "find" };
            assert!(
                step[0] == "fill" || step[0] == "choose" || way.contains(name),
                "{question}: {name} is not in {way}"
            );
        }
    }
}
