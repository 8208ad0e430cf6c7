//! The operator's page in a browser, on books made by real flows: every view in both themes, at a
//! phone's width and without scripts; every action; nothing that the browser, the content policy or
//! the judge of accessibility complains about.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::clients::{folder, printed};
use crate::credits::{bought, on_credit, payer};
use crate::reconcile::reconcile;
use crate::support::card::unpaid;
use crate::support::fake_core::Behaviour;
use crate::support::world::launch;
use crate::support::{Card, Setup, Wallet, World, token};
use crate::unfinished::until_state;

/// What the real flows left behind.
struct Books {
    world: World,
    wallet: Wallet,
    account: String,
    paid: String,
    refused: String,
}

/// A paid launch, a pack and a credit spent, a charge that the core refused, and money that nobody
/// asked for.
async fn books() -> Books {
    let world = Setup::paid().cards().start().await;
    let wallet = world.agent().await;
    let paid =
        world.launch(&wallet, "<script>alert(1)</script>").await.must(201).payment_id().unwrap();
    let card = Card::new();
    let agent_token = bought(&world, &card).await;
    world.send(on_credit(&agent_token, "on a credit")).await.must(201);
    let account = payer(&world).await;
    world.core().behave(Behaviour::Reject);
    let refused = world
        .pay(&Card::new(), &unpaid("refused"))
        .await
        .refused(400, "LAUNCH_007")
        .payment_id()
        .unwrap();
    world.core().behave(Behaviour::Create);
    // By an authorization that was never shown to the gateway.
    let stranger = world.agent().await;
    let unasked = world.proof(&stranger);
    world.chain.send(token::transfer_with_authorization(&unasked.draft, &unasked.signature)).await;
    reconcile(&world, &[]).await;
    Books { world, wallet, account, paid, refused }
}

/// What a browser says after it did this; see `tests/clients/browser/visit.mjs`.
pub async fn visit(world: &World, instructions: Value) -> Value {
    let browser = folder("browser");
    let mut command = Command::new("node");
    command
        .arg(browser.join("visit.mjs"))
        .arg(format!("http://{}", world.gateway.operator))
        .arg(instructions.to_string());
    let said = printed(command, &browser.join("node_modules/playwright-core")).await;
    serde_json::from_str(said.trim()).unwrap_or_else(|error| panic!("{error}: {said}"))
}

pub fn without_complaint(said: &Value) {
    let complaints: Vec<_> =
        said["complaints"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_reads_well_in_both_themes_on_a_phone_and_without_scripts() {
    let Books { world, wallet, account, paid, refused } = books().await;
    let views = [
        "/operator".to_owned(),
        "/operator/settlements".into(),
        format!("/operator/payments/{paid}"),
        format!("/operator/payments/{refused}"),
        "/operator/attention".into(),
        format!("/operator/payers/wallet:{}", wallet.address_lower()),
        format!("/operator/payers/{account}"),
        "/operator/credits".into(),
        "/operator/reconciliation".into(),
        "/operator/journal".into(),
        "/operator/requests".into(),
        "/operator/audit".into(),
        "/operator/config".into(),
    ];
    let said = visit(&world, json!({"views": views})).await;
    without_complaint(&said);
    assert_eq!(said["seen"], views.len() * 3);
    let shown = |view: &str| said["texts"][view].as_str().unwrap_or_default().to_owned();
    assert!(
        shown("filtered").contains("0.55 USDC") && !shown("filtered").contains("12.00 USD"),
        "{}",
        shown("filtered")
    );
    assert!(shown("sums").contains("1 settled, 0.55 USDC"), "{}", shown("sums"));
    let all = said["sums"].as_str().unwrap();
    assert!(all.contains("0.55 USDC") && all.contains("12.60 USD"), "{all}");
    // What the stranger sent is in suspense.
    assert!(
        shown("/operator/journal").contains("suspense:unmatched"),
        "{}",
        shown("/operator/journal")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_of_the_page_is_done_with_its_reason() {
    let Books { world, account, refused, .. } = books().await;
    let actions = json!([
        {"at": format!("/operator/payments/{refused}"), "form": "form.act[action$=refund]", "fields": {"reason": "asked <b>twice</b>"}, "then": "The refund is approved"},
        {"at": "/operator/credits", "form": "form[action$=change]", "fields": {"payer": account, "credits": "3", "reason": "an apology"}, "button": "button[value=grant]", "then": "The credits are on the account"},
        {"at": "/operator/credits", "form": "form[action$=change]", "fields": {"payer": account, "credits": "2", "reason": "too many"}, "button": "button[value=void]", "then": "The credits are removed"},
        {"at": "/operator/attention", "form": "form[action$=close]", "fields": {"reason": "sent back by hand"}, "then": "The finding is closed"},
        {"at": "/operator/reconciliation", "form": "form[action$=run]", "fields": {"scope": "full", "reason": "looked again"}, "then": "The run is complete"},
    ]);
    let said = visit(&world, json!({"views": ["/operator/audit"], "actions": actions})).await;
    without_complaint(&said);
    let last = visit(&world, json!({"views": ["/operator/audit"]})).await;
    without_complaint(&last);
    let audit = last["texts"]["/operator/audit"].as_str().unwrap();
    for reason in
        ["asked <b>twice</b>", "an apology", "too many", "sent back by hand", "looked again"]
    {
        assert!(audit.contains(reason), "{reason} is not in\n{audit}");
    }
}

/// A launch that the core never answers is looked at again at once, and one whose outcome is not
/// known stands where operators look first.
#[tokio::test(flavor = "multi_thread")]
async fn a_recheck_is_asked_for_with_its_reason_where_the_payment_is_shown() {
    let world = Setup::paid()
        .set("upstream.timeout_s", "2")
        .set("server.answer_deadline_s", "4")
        .start()
        .await;
    let header = world.proof(&world.agent().await).v2();
    world.core().behave(Behaviour::CreateThenHang);
    let payment = world
        .create(&header, &launch("hangs"))
        .await
        .refused(503, "PAYMENT_005")
        .payment_id()
        .unwrap();
    until_state(&world, "core_unknown").await;
    let of_payment = format!("/operator/payments/{payment}");
    let done = "Retried";
    let actions = json!([
        {"at": "/operator/attention", "form": "form.act[action$=recheck]", "fields": {"reason": "the payer's mail"}, "then": done},
        {"at": of_payment, "form": "form.act[action$=recheck]", "fields": {"reason": "the core is back"}, "then": done},
    ]);
    let said = visit(
        &world,
        json!({"views": ["/operator", "/operator/attention", of_payment], "actions": actions}),
    )
    .await;
    without_complaint(&said);
    let shown = |view: &str| said["texts"][view].as_str().unwrap_or_default().to_owned();
    assert!(shown("/operator/attention").contains("Pending"), "{}", shown("/operator/attention"));
    assert!(shown(&of_payment).contains("Pending upstream"), "{}", shown(&of_payment));
    world.core().behave(Behaviour::Create);
    until_state(&world, "created").await;
    assert_eq!(world.core().launch_count(), 1);
    let last =
        visit(&world, json!({"views": ["/operator/audit", "/operator/attention", of_payment]}))
            .await;
    without_complaint(&last);
    let shown = |view: &str| last["texts"][view].as_str().unwrap_or_default().to_owned();
    for reason in ["the payer's mail", "the core is back"] {
        for view in ["/operator/audit", &of_payment] {
            assert!(shown(view).contains(reason), "{reason} is not in\n{}", shown(view));
        }
    }
    assert!(shown("/operator/audit").contains("payment.recheck"), "{}", shown("/operator/audit"));
    assert!(shown(&of_payment).contains("No actions available"), "{}", shown(&of_payment));
    assert!(
        shown("/operator/attention").contains("Nothing needs attention"),
        "{}",
        shown("/operator/attention")
    );
}
