//! The README's questions, read out of the README: each command is run as it stands there, and its
//! answer must be the right one.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use payments::time::UnixMs;
use serde_json::{Value, json};

use super::{Lived, REASON, every, this_month};
use crate::support::audit::text;
use crate::support::fake_core::Behaviour;
use crate::support::moment::eventually;

/// Where the questions stand, up to the next heading.
const SECTION: &str = "\n## Operator FAQ\n";

/// Each question with its command, as the README has them.
fn documented() -> Vec<(String, String)> {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let section = readme.split_once(SECTION).expect("the section of the questions").1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains("`turnpike "));
    let rows: Vec<(String, String)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            assert_eq!(cells.len(), 3, "a question, a way on the page, and a command: {row}");
            assert!(cells[1].matches('→').count() < 3, "more than three clicks: {row}");
            let command = cells[2].trim_matches('`').strip_prefix("turnpike ").unwrap();
            (cells[0].to_owned(), command.to_owned())
        })
        .collect();
    assert!(rows.len() >= 10, "ten questions are promised: {rows:?}");
    rows
}

/// The command with the names of this ledger in the place of the README's.
async fn filled(lived: &Lived, command: &str) -> Vec<String> {
    let [month, next] = this_month();
    let names = [
        ("0xWALLET", lived.wallet.address.to_checksum(None)),
        ("0xAGENT", lived.poor.address.to_checksum(None)),
        ("0xHASH", lived.settlement(&lived.paid, "tx_hash").await),
        ("pi_NAME", lived.settlement(&lived.refunded, "stripe_pi").await),
        ("pay_ID", lived.refunded.clone()),
        ("2026-10-01", month),
        ("2026-11-01", next),
    ];
    let fill = |word: &str| {
        names
            .iter()
            .find(|(name, _)| *name == word)
            .map_or_else(|| word.to_owned(), |(_, real)| real.clone())
    };
    command.split(' ').map(fill).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_question_of_the_readme_is_answered_by_its_command() {
    let lived = Lived::start().await;
    // Somebody's creation whose outcome nobody knows for now.
    lived.world.core().behave(Behaviour::Fail);
    let other = lived.world.agent().await;
    lived.world.launch(&other, "unknown").await.must(503);
    lived.is_asked_about();
    lived.world.gateway.run(&["reconcile", "--json"]).await;
    let mut wrong = Vec::new();
    for (question, command) in documented() {
        let arguments = filled(&lived, &command).await;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        // Notes and sums of a day follow the payment within seconds.
        let answered = async || {
            let answer = lived.ask(&arguments).await;
            right(&lived, &question, &answer).await
        };
        let asked = eventually(&question, Duration::from_secs(20), answered);
        if AssertUnwindSafe(asked).catch_unwind().await.is_err() {
            wrong.push(question.as_str().to_owned());
        }
    }
    assert!(wrong.is_empty(), "these commands do not answer their question, see above: {wrong:?}");
}

/// Whether the answer is what the test knows from elsewhere; what was expected if it is not.
async fn right(lived: &Lived, question: &str, answer: &Value) -> Result<(), String> {
    let payer = format!("wallet:{}", lived.wallet.address.to_string().to_lowercase());
    match question {
        "What did wallet X pay in October?" => same(
            answer,
            json!({"payments": 2, "settled": [{"currency": "USDC", "settled": 2, "settled_minor": 1_100_000}]}),
        ),
        "Why did this agent get a 402?" => same(
            &json!([answer[0]["status"], answer[0]["reason"]]),
            json!([402, "insufficient_funds"]),
        ),
        "What do we owe, to whom, since when?" => {
            let since = is_moment(&answer[0]["since"]);
            let row = json!([
                answer[0]["id"],
                answer[0]["payer"],
                answer[0]["amount_minor"],
                answer[0]["currency"]
            ]);
            same(
                &json!([answer.as_array().unwrap().len(), row, since]),
                json!([1, [lived.refused, payer, 550_000, "USDC"], true]),
            )
        }
        "Which settlements have no launch?" => {
            let mut expected = vec![lived.refused.clone(), lived.refunded.clone()];
            expected.sort();
            same(&json!(every(answer, "id")), json!(expected))
        }
        "Is any payment unknown, and since when?" => unknown(lived, answer).await,
        "Why was this refund approved, and when?" => {
            let refund = &answer["dossier"]["refund"];
            let at = is_moment(&refund["approved_at"]);
            same(
                &json!([refund["reason"], refund["state"], refund["amount_minor"], at]),
                json!([REASON, "refunded", 60, true]),
            )
        }
        "How many credits are outstanding, and what are they worth?" => same(
            &json!([answer["balance"], answer["backing_cents"], answer["debt"]]),
            json!([20, 1_200, 0]),
        ),
        "Did the last comparison find anything?" => compared(lived, answer).await,
        "What did gas cost?" => {
            let mut paid_wei = 0_u128;
            for payment in [&lived.paid, &lived.refused] {
                let shown = lived.ask(&["ledger", "show", payment]).await;
                paid_wei +=
                    shown["settlement"]["fee_wei"].as_str().unwrap().parse::<u128>().unwrap();
            }
            assert!(paid_wei > 0);
            same(&answer["gas_wei"]["settled"], json!(paid_wei.to_string()))
        }
        other => right_of_one(lived, other, answer),
    }
}

/// The questions about one payment, one wallet, one day.
fn right_of_one(lived: &Lived, question: &str, answer: &Value) -> Result<(), String> {
    match question {
        "What did this transaction pay for?" => same(
            &json!([answer["payment_id"], answer["charged"], answer["state"]]),
            json!([lived.paid, "0.55 USDC", "created"]),
        ),
        "Which payment is this `pi_...`?" => {
            same(&json!(every(answer, "id")), json!([lived.refunded]))
        }
        "How many free launches has wallet X left?" => {
            let held = json!([answer["left"], answer["used"], answer["slots"][0]["intent_id"]]);
            same(&held, json!([0, 1, lived.free]))
        }
        "What did we earn, by rail and day?" => {
            let today = answer["days"].as_array().unwrap().last().unwrap();
            let told = json!([
                today["earned_usdc_units"],
                today["earned_usd_cents"],
                today["settled_x402"],
                today["settled_mpp"]
            ]);
            same(&told, json!([550_000, 0, 2, 2]))
        }
        "What is wallet X's statement?" => {
            let last = answer.as_array().unwrap().last().unwrap();
            same(
                &json!([last["intent_id"], last["balance_minor"], last["currency"]]),
                json!([lived.refused, 550_000, "USDC"]),
            )
        }
        "What did operators do, and why?" => {
            let all = answer.as_array().unwrap();
            let refund = all
                .iter()
                .find(|row| row["subject"] == lived.refunded.as_str())
                .unwrap_or(&Value::Null);
            same(
                &json!([refund["action"], refund["reason"], refund["via"]]),
                json!(["refund.approve", REASON, "cli"]),
            )
        }
        "Which disputes must be answered, and by when?" => {
            let due = is_moment(&answer[0]["due_by"]);
            let row =
                json!([answer[0]["payment_id"], answer[0]["amount_cents"], answer[0]["status"]]);
            same(
                &json!([answer.as_array().unwrap().len(), row, due]),
                json!([1, [lived.pack, 1_200, "warning_needs_response"], true]),
            )
        }
        other => panic!("the README asks {other:?}, and the test has no answer"),
    }
}

/// What nobody knows the outcome of, as the books have it now.
async fn unknown(lived: &Lived, answer: &Value) -> Result<(), String> {
    let open = lived.world.gateway.audit().view("intents").await;
    let unknown = open
        .iter()
        .filter(|it| ["core_unknown", "submit_unknown"].contains(&text(it, "state").as_str()));
    let unknown: Vec<_> =
        unknown.map(|it| json!([text(it, "id"), text(it, "created_at")])).collect();
    assert!(unknown.len() < 2, "{unknown:?}");
    let told: Vec<_> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["id"], row["created_at"]]))
        .collect();
    if unknown.is_empty() { Err(String::from("one")) } else { same(&json!(told), json!(unknown)) }
}

/// What the one comparison opened and closed.
async fn compared(lived: &Lived, answer: &Value) -> Result<(), String> {
    let found = lived.world.gateway.audit().rows("SELECT * FROM reconcile_runs").await;
    assert_eq!(found.len(), 1, "{found:?}");
    let (opened, closed) =
        (text(&found[0], "opened").parse::<i64>(), text(&found[0], "closed").parse::<i64>());
    same(
        &json!([answer[0]["run_id"], answer[0]["opened"], answer[0]["closed"]]),
        json!([text(&found[0], "run_id"), opened.unwrap(), closed.unwrap()]),
    )
}

fn same(told: &Value, expected: Value) -> Result<(), String> {
    if *told == expected { Ok(()) } else { Err(format!("{expected}, not {told}")) }
}

/// Whether it is a moment as rows show it.
fn is_moment(value: &Value) -> bool {
    value.as_str().and_then(UnixMs::parse_rfc3339).is_some()
}
