//! What an operator may do: each action with its reason in the list of actions, and what is refused
//! leaves the books as they were.

use std::time::Duration;

use serde_json::{Value, json};

use crate::credits::{account, bought, card_world, on_credit};
use crate::operator_api::{list, read};
use crate::support::audit::text;
use crate::support::card::unpaid;
use crate::support::fake_core::Behaviour;
use crate::support::moment::eventually;
use crate::support::world::{creation, launch};
use crate::support::{Call, Card, Reply, Setup, World};
use crate::unfinished::until_state;

const SOON: Duration = Duration::from_secs(30);

/// Asks for an action as a script on this machine does.
pub async fn act(world: &World, target: &str, body: &Value) -> Reply {
    let call = Call::new("POST", &format!("/operator/api/{target}"))
        .json(body)
        .header("x-turnpike-desk", "1");
    call.send(world.gateway.operator).await
}

/// What operators did, newest first, each as action, subject, reason and way.
async fn done(world: &World) -> Vec<[String; 4]> {
    let rows = list(world, "actions").await;
    rows.iter()
        .map(|row| {
            ["action", "subject", "reason", "via"]
                .map(|name| row[name].as_str().unwrap().to_owned())
        })
        .collect()
}

fn noted(action: &str, subject: &str, reason: &str) -> [String; 4] {
    [action, subject, reason, "api"].map(str::to_owned)
}

/// Everything that an action could change.
async fn books(world: &World) -> Vec<Value> {
    let mut all = Vec::new();
    for list_of in ["actions", "journal", "owed?all=true", "credits", "findings?all=true", "runs"] {
        all.push(read(world, list_of).await);
    }
    all
}

/// A charged launch that the core refuses; its payment and the account's agent token.
async fn refused_launch(world: &World) -> (String, String) {
    world.core().behave(Behaviour::Reject);
    let reply = world.pay(&Card::new(), &unpaid("refused")).await.refused(400, "LAUNCH_007");
    world.core().behave(Behaviour::Create);
    (reply.payment_id().unwrap(), reply.header("x-agent-token").unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_approved_once_with_its_reason() {
    let world = card_world().await;
    let (payment, token) = refused_launch(&world).await;
    let target = format!("refunds/{payment}/approve");
    let before = books(&world).await;
    let dry = act(&world, &target, &json!({"reason": "the agent asked", "dry_run": true}))
        .await
        .must(200)
        .json();
    assert_eq!(
        (&dry["amount_minor"], &dry["currency"], &dry["takes_credit"]),
        (&json!(60), &json!("USD"), &json!(true)),
        "{dry}"
    );
    assert_eq!(books(&world).await, before, "a dry run changed the books");
    act(&world, &target, &json!({"reason": "the agent asked"})).await.must(200);
    assert_eq!(done(&world).await, [noted("refund.approve", &payment, "the agent asked")]);
    assert_eq!(account(&world, &token).await["balance"], 0, "the old balance is shown");
    let given_back = async || match world.gateway.audit().view("obligations").await {
        owed if owed.iter().all(|owed| text(owed, "state") == "refunded") => Ok(()),
        owed => Err(format!("{owed:?}")),
    };
    eventually("the money is back", SOON, given_back).await;
    act(&world, &target, &json!({"reason": "once more"})).await.refused(409, "SERVER_009");
    assert_eq!((done(&world).await.len(), world.stripe().refunds().len()), (1, 1));
    let shown = read(&world, &format!("payments/{payment}")).await;
    assert_eq!(
        (&shown["actions"][0]["reason"], &shown["refund"]["state"]),
        (&json!("the agent asked"), &json!("refunded")),
        "{shown}"
    );
    crate::support::oracle::check(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_are_granted_and_voided_with_a_reason() {
    let world = card_world().await;
    let token = bought(&world, &Card::new()).await;
    let payer = crate::credits::payer(&world).await;
    let granted =
        act(&world, &format!("credits/{payer}/grant"), &json!({"credits": 5, "reason": "late"}))
            .await
            .must(200)
            .json();
    assert_eq!(granted["account"]["balance"], 25, "{granted}");
    assert_eq!(account(&world, &token).await["balance"], 25);
    act(&world, &format!("credits/{payer}/void"), &json!({"credits": "24", "reason": "too many"}))
        .await
        .must(200);
    assert_eq!(account(&world, &token).await["balance"], 1);
    assert_eq!(
        done(&world).await,
        [noted("credits.void", &payer, "too many"), noted("credits.grant", &payer, "late")]
    );
    let shown = read(&world, &format!("credits/{payer}")).await;
    assert_eq!(
        (&shown["account"]["balance"], &shown["rows"][0]["reference"]),
        (&json!(1), &json!("too many")),
        "{shown}"
    );
    world.send(on_credit(&token, "spent")).await.must(201);
    crate::support::oracle::check(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_closed_with_a_reason_and_a_comparison_is_asked_for() {
    let world = Setup::paid().start().await;
    world.core().invent("a-stranger");
    let report = act(&world, "reconcile", &json!({"reason": "after the restore", "full": true}))
        .await
        .must(200)
        .json();
    assert_eq!((&report["opened"], &report["scope"]), (&json!(1), &json!("full")), "{report}");
    let found = list(&world, "findings").await;
    assert_eq!(
        (&found[0]["kind"], &found[0]["key"]),
        (&json!("extra_launch"), &json!("launch-of-a-stranger")),
        "{found:?}"
    );
    let close =
        json!({"kind": "extra_launch", "key": "launch-of-a-stranger", "reason": "made by hand"});
    act(&world, "findings/close", &close).await.must(200);
    act(&world, "findings/close", &close).await.refused(409, "SERVER_009");
    assert_eq!(list(&world, "findings").await, [Value::Null; 0]);
    assert_eq!(list(&world, "findings?all=true").await[0]["closed_reason"], "made by hand");
    let done = done(&world).await;
    assert_eq!(
        (done.len(), &done[1]),
        (2, &noted("reconcile.run", "full", "after the restore")),
        "{done:?}"
    );
    assert_eq!(
        (done[0][0].as_str(), done[0][2].as_str()),
        ("finding.close", "made by hand"),
        "{done:?}"
    );
    assert_eq!(list(&world, "runs").await[0]["opened"], 1);
}

/// Its driver waits for an answer that never comes; another look finds out at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_hangs_is_looked_at_again_when_an_operator_asks() {
    let world = Setup::paid().start().await;
    let wallet = world.agent().await;
    world.core().behave_next([Behaviour::Hang]);
    let request = world.begin(creation(&world.proof(&wallet).v2(), &launch("hangs")));
    until_state(&world, "forwarding").await;
    let sent = async || {
        if world.core().forwarded().is_empty() { Err(String::from("not sent")) } else { Ok(()) }
    };
    eventually("the core was asked", SOON, sent).await;
    let payment = text(&world.gateway.audit().view("intents").await[0], "id");
    let target = format!("payments/{payment}/recheck");
    let dry = act(&world, &target, &json!({"reason": "it hangs", "dry_run": true}))
        .await
        .must(200)
        .json();
    assert_eq!((&dry["state"], done(&world).await.len()), (&json!("forwarding"), 0), "{dry}");
    act(&world, &target, &json!({"reason": "it hangs"})).await.must(202);
    until_state(&world, "created").await;
    assert_eq!(done(&world).await, [noted("payment.recheck", &payment, "it hangs")]);
    // Whoever waited is answered, and there is one launch.
    request.await.unwrap().unwrap().must(201);
    assert_eq!(world.core().launch_count(), 1);
    act(&world, &target, &json!({"reason": "again"})).await.refused(409, "SERVER_009");
    assert_eq!(done(&world).await.len(), 1);
    crate::support::oracle::check(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_the_books_as_they_were() {
    let world = card_world().await;
    let (payment, token) = refused_launch(&world).await;
    world.send(on_credit(&token, "instead")).await.must(201);
    let payer = crate::credits::payer(&world).await;
    let nobody = "pay_00000000000000000000000000000007";
    let before = books(&world).await;
    let (grant, void) = (format!("credits/{payer}/grant"), format!("credits/{payer}/void"));
    let wallet = "credits/0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266/grant";
    for (target, body, status) in [
        (grant.as_str(), json!({"credits": 5}), 400),
        (&grant, json!({"credits": 5, "reason": " "}), 400),
        (&grant, json!({"credits": 5, "reason": "two\nlines"}), 400),
        (&grant, json!({"credits": 5, "reason": "x".repeat(501)}), 400),
        (&grant, json!({"credits": 0, "reason": "none"}), 400),
        (&grant, json!({"credits": -1, "reason": "less"}), 400),
        (&grant, json!({"credits": 1.5, "reason": "half"}), 400),
        (&grant, json!({"credits": 5, "reason": "perhaps", "dry_run": "perhaps"}), 400),
        (wallet, json!({"credits": 5, "reason": "a wallet"}), 400),
        (&void, json!({"credits": 5, "reason": "more than there are"}), 409),
        (&format!("refunds/{payment}/approve"), json!({"reason": "its credit is spent"}), 409),
        (&format!("refunds/{nobody}/approve"), json!({"reason": "nothing is owed"}), 404),
        (&format!("payments/{nobody}/recheck"), json!({"reason": "nobody knows it"}), 404),
        (&format!("payments/{payment}/recheck"), json!({"reason": "it is finished"}), 409),
        ("payments/7/recheck", json!({"reason": "no id"}), 400),
        ("findings/close", json!({"kind": "lost", "key": "x", "reason": "no kind"}), 400),
        ("findings/close", json!({"kind": "stuck", "key": "x", "reason": "no finding"}), 404),
        ("reconcile", json!({"full": true, "since": "2026-01-01", "reason": "both"}), 400),
        ("reconcile", json!([]), 400),
    ] {
        let reply = act(&world, target, &body).await;
        assert_eq!(reply.status, status, "{target} {body}: {}", reply.brief());
        let names_it =
            reply.json()["error"]["message"].as_str().is_some_and(|text| !text.is_empty());
        assert!(
            names_it && (status != 400 || reply.json()["field"].is_string()),
            "{target} {body}: {}",
            reply.brief()
        );
    }
    assert_eq!(books(&world).await, before);
    crate::support::oracle::check(&world).await;
}
