//! Payouts of the card processor: by its schedule, and by hand.

use sandbox::stripe::{EntryTerms, PayoutStatus, PayoutTerms};
use serde_json::json;

use crate::{
    fees::{NET, add, launched_by_card, page, pay_out, stands},
    operator_actions::act,
    operator_api::list,
    reconcile::{agrees, finds, open, verified},
    support::Setup,
};

#[tokio::test(flavor = "multi_thread")]
async fn r152_a_payout_of_the_schedule_is_booked_for_what_is_ours_and_taken_back_when_it_fails() {
    let world = launched_by_card(Setup::paid().cards()).await;
    // Another product of the same account: neither booked nor found.
    add(
        &world,
        EntryTerms {
            amount: 500,
            fee: 45,
            r#type: Some(String::from("charge")),
            ..EntryTerms::default()
        },
    );
    let payout =
        pay_out(&world, &PayoutTerms { status: PayoutStatus::Pending, ..PayoutTerms::default() });
    agrees(&world, &[]).await;
    assert_eq!(stands(&world).await, [NET, 0, 32, 0], "it is on its way");
    world.stripe().emulator.settle_payout(&payout, true).unwrap();
    for _ in 0..2 {
        agrees(&world, &[]).await;
        assert_eq!(stands(&world).await, [0, NET, 32, 0]);
    }
    let row = &list(&world, "payouts").await[0];
    assert_eq!(
        (&row["amount_minor"], &row["ours_cents"], &row["standing"]),
        (&json!(483), &json!(28), &json!("booked")),
        "{row}"
    );
    world.stripe().emulator.settle_payout(&payout, false).unwrap();
    agrees(&world, &[]).await;
    assert_eq!(stands(&world).await, [NET, 0, 32, 0], "it failed");
    pay_out(&world, &PayoutTerms::default());
    agrees(&world, &["--full"]).await;
    assert_eq!(stands(&world).await, [0, NET, 32, 0], "the next one takes it");
    verified(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r152_a_payout_by_hand_is_a_finding_until_an_operator_says_what_of_it_is_ours() {
    let world = launched_by_card(Setup::paid().cards()).await;
    let by_hand =
        |amount| PayoutTerms { manual: true, amount: Some(amount), ..PayoutTerms::default() };
    let (first, second) = (pay_out(&world, &by_hand(20)), pay_out(&world, &by_hand(8)));
    for _ in 0..2 {
        finds(&world, &[], &[("unassigned_payout", &first), ("unassigned_payout", &second)]).await;
        assert_eq!(stands(&world).await, [NET, 0, 32, 0], "nothing is guessed");
    }
    assert!(
        page(&world, "/operator/attention").await.contains("/operator/payouts/assign"),
        "the page asks for it"
    );
    let target = format!("payouts/{first}/assign");
    for (body, status) in [
        (json!({"ours": "20.00"}), 400),
        (json!({"ours": "0.205", "reason": "half a cent"}), 400),
        (json!({"ours": "0.21", "reason": "more than it holds"}), 409),
    ] {
        assert_eq!(act(&world, &target, &body).await.status.as_u16(), status, "{body}");
    }
    let right = json!({"ours": "0.15", "reason": "the rest is of the shop"});
    let mut dry = right.clone();
    dry["dry_run"] = json!(true);
    assert_eq!(act(&world, &target, &dry).await.must(200).json()["standing"], "assigned");
    assert_eq!(stands(&world).await, [NET, 0, 32, 0], "a dry run books nothing");
    act(&world, &target, &right).await.must(200);
    assert_eq!(act(&world, &target, &right).await.status, 409, "once");
    assert_eq!(act(&world, "payouts/po_unknown/assign", &right).await.status, 404);
    let output = world
        .gateway
        .run(&["payouts", "assign", &second, "--ours", "0.08", "--reason", "all of it"])
        .await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(stands(&world).await, [NET - 23, 23, 32, 0]);
    assert_eq!(open(&world).await, []);
    agrees(&world, &[]).await;
    let actions = list(&world, "actions").await;
    let of = |via: &str| {
        actions
            .iter()
            .find(|it| it["action"] == "payout.assign" && it["via"] == via)
            .map(|it| it["subject"].clone())
    };
    assert_eq!(
        (of("api"), of("cli")),
        (Some(json!(format!("{first} 0.15 USD"))), Some(json!(format!("{second} 0.08 USD"))))
    );
    // One that fails afterwards is in the balance again.
    world.stripe().emulator.settle_payout(&second, false).unwrap();
    agrees(&world, &[]).await;
    assert_eq!(stands(&world).await, [NET - 15, 15, 32, 0]);
    verified(&world).await;
}
