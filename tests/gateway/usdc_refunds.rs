//! Refunds in USDC from a wallet of their own: approved once, signed and saved in one commit, sent,
//! and proven like a settlement.

use serde_json::json;

use crate::refunding::{FINAL_BLOCKS, PRICE, Refunding, SOON, turn};
use crate::refunds::{approve, ended};
use crate::support::fake_core::Behaviour;
use crate::support::moment::eventually;
use crate::support::token;
use crate::support::{Call, Setup, Wallet};

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_sends_exactly_what_is_owed_once_and_the_chain_proves_it() {
    let refunding = Refunding::start(Setup::paid()).await;
    let (payment, payer) = refunding.due().await;
    let dry = ended(&refunding.approve(&payment, &["--dry-run"]).await, 10);
    assert_eq!((&dry["amount_minor"], &dry["currency"]), (&json!(PRICE), &json!("USDC")), "{dry}");
    assert_eq!(refunding.state(&payment).await, "refund_due");
    let approved = ended(&refunding.approve(&payment, &[]).await, 0);
    assert_eq!(
        (&approved["state"], &approved["nonce"]),
        (&json!("refund_sent"), &json!(0)),
        "{approved}"
    );
    assert_eq!(approved["from"], json!(refunding.wallet.address_lower()), "{approved}");
    refunding.paid_once(&payment, &payer).await;
    let transfers = refunding.world.chain.transfers_to(payer.address).await;
    assert_eq!(
        approved["tx_hash"],
        json!(transfers.last().unwrap().2.to_string()),
        "the transaction that was saved"
    );
    ended(&refunding.approve(&payment, &[]).await, 4);
    refunding.world.chain.mine(FINAL_BLOCKS).await;
    refunding.paid_once(&payment, &payer).await;
    let by_hand = [
        "refund",
        "approve",
        &payment,
        "--paid-by",
        approved["tx_hash"].as_str().unwrap(),
        "--reason",
        "again",
    ];
    ended(&refunding.world.gateway.run(&by_hand).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_of_the_refund_wallet_pays_no_second_debt_by_hand() {
    let refunding = Refunding::start(Setup::paid()).await;
    let (first, payer) = refunding.due().await;
    refunding.world.chain.mint(payer.address, PRICE).await;
    turn(&refunding.clock, 0).await;
    let second = refunding
        .world
        .launch(&payer, "refused too")
        .await
        .refused(400, "LAUNCH_007")
        .payment_id()
        .unwrap();
    turn(&refunding.clock, 2).await;
    refunding.until(&second, "refund_due").await;
    let approved = ended(&refunding.approve(&first, &[]).await, 0);
    refunding.until(&first, "refunded").await;
    let by_hand = [
        "refund",
        "approve",
        &second,
        "--paid-by",
        approved["tx_hash"].as_str().unwrap(),
        "--reason",
        "twice",
    ];
    ended(&refunding.world.gateway.run(&by_hand).await, 4);
    assert_eq!(refunding.state(&second).await, "refund_due");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cap_of_a_day_and_what_the_wallet_holds_are_never_exceeded() {
    let refunding = Refunding::start(Setup::paid().set("refunds.usdc_per_day", "1")).await;
    let ((first, payer), (second, _)) = (refunding.due().await, refunding.due().await);
    ended(&refunding.approve(&first, &[]).await, 0);
    let over = refunding.approve(&second, &[]).await;
    ended(&over, 4);
    assert!(String::from_utf8_lossy(&over.stderr).contains("0.45 USDC"), "{over:?}");
    refunding.paid_once(&first, &payer).await;
    // Another day, and a wallet that holds less than what is owed.
    turn(&refunding.clock, 26).await;
    refunding
        .world
        .chain
        .send_first(
            refunding.wallet.address,
            token::transfer(Wallet::random().address, 3 * PRICE - 1),
        )
        .await;
    let moved = async || match refunding.world.chain.balance(refunding.wallet.address).await {
        1 => Ok(()),
        held => Err(held.to_string()),
    };
    eventually("the wallet is empty", SOON, moved).await;
    let poor = refunding.approve(&second, &[]).await;
    ended(&poor, 4);
    assert!(String::from_utf8_lossy(&poor.stderr).contains("holds 0.000001 USDC"), "{poor:?}");
    assert_eq!(refunding.state(&second).await, "refund_due");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_to_the_refund_wallet_from_where_money_comes_in_is_a_move_and_no_receipt() {
    let refunding = Refunding::start(Setup::paid()).await;
    let (payment, payer) = refunding.due().await;
    let world = &refunding.world;
    ended(&world.gateway.run(&["reconcile"]).await, 0);
    world
        .chain
        .send_first(world.terms.pay_to, token::transfer(refunding.wallet.address, 400_000))
        .await;
    world.chain.mine(2).await;
    for _ in 0..2 {
        let report = ended(&world.gateway.run(&["reconcile", "--json"]).await, 0);
        assert_eq!(report["differences"], json!([]), "{report}");
        assert_eq!(
            (refunding.booked("asset:usdc_hot").await, refunding.booked("asset:usdc_refund").await),
            (150_000, 400_000)
        );
    }
    world
        .chain
        .send_first(refunding.wallet.address, token::transfer(world.terms.pay_to, 100_000))
        .await;
    world.chain.mine(2).await;
    let report = ended(&world.gateway.run(&["reconcile", "--json", "--full"]).await, 0);
    assert_eq!(report["differences"], json!([]), "{report}");
    assert_eq!(
        (refunding.booked("asset:usdc_hot").await, refunding.booked("asset:usdc_refund").await),
        (250_000, 300_000)
    );
    assert_eq!(refunding.booked("suspense").await, 0);
    // The move back took a nonce of the wallet by hand: the refund goes under the next one.
    ended(&refunding.approve(&payment, &[]).await, 0);
    refunding.until(&payment, "refunded").await;
    assert_eq!(refunding.sent_to(&payer).await, [PRICE]);
    assert_eq!(refunding.booked("asset:usdc_refund").await, 300_000 - i128::from(PRICE));
    refunding.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_readiness_and_the_overview_name_the_refund_wallet() {
    let refunding = Refunding::start(Setup::paid()).await;
    let address = refunding.wallet.address_lower();
    let doctor = refunding.world.gateway.run(&["doctor"]).await;
    let said = String::from_utf8_lossy(&doctor.stdout).to_lowercase();
    assert!(said.contains(&format!("{address} holds 2.20 usdc")), "{said}");
    assert!(said.contains(&format!("{address}: chain nonce 0")), "{said}");
    let gateway = &refunding.world.gateway;
    let named = async || {
        let ready = Call::new("GET", "/readyz").send(gateway.operator).await;
        let shown = ready.json()["signers"].to_string();
        if shown.contains(&address) && shown.contains("refunds") {
            Ok(())
        } else {
            Err(ready.brief())
        }
    };
    eventually("readiness names it", SOON, named).await;
    let overview =
        Call::new("GET", "/operator/api/overview").send(gateway.operator).await.must(200);
    let signers = overview.json()["signers"].clone();
    let wallet =
        signers.as_array().unwrap().iter().find(|signer| signer["role"] == "refunds").cloned();
    assert_eq!(wallet.unwrap_or_default()["usdc"], json!("2.20"), "{signers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_refund_wallet_usdc_goes_back_by_hand() {
    let world = Setup::paid().set("pricing.entitlement_hours", "1").start().await;
    world.core().behave(Behaviour::Reject);
    let payer = world.agent().await;
    let payment =
        world.launch(&payer, "refused").await.refused(400, "LAUNCH_007").payment_id().unwrap();
    let refused = approve(&world, &payment, &[]).await;
    ended(&refused, 4);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("by hand"), "{refused:?}");
}
