//! Refunds in USDC while processes die, the chain changes its mind, fees rise, and the token bars a
//! payer.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::refunding::{FINAL_BLOCKS, PRICE, Refunding, SOON, turn};
use crate::refunds::ended;
use crate::support::moment::eventually;
use crate::support::rpc_proxy::Fault;
use crate::support::token;
use crate::support::trap::Point;
use crate::support::{Call, Setup, Wallet};

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_the_send_and_one_before_the_proof_lose_and_repeat_nothing() {
    for at in [Point::BeforeSend, Point::AfterSend, Point::AfterEffect] {
        let mut refunding = Refunding::start(Setup::paid()).await;
        let (payment, payer) = refunding.due().await;
        let mut trap = refunding.world.proxy().trap("eth_sendRawTransaction", at);
        ended(&refunding.approve(&payment, &[]).await, 0);
        trap.reached().await;
        for gateway in refunding.world.gateways_mut() {
            gateway.kill9();
        }
        assert_eq!(refunding.state(&payment).await, "refund_sent", "{at:?}");
        trap.release();
        for gateway in refunding.world.gateways_mut() {
            gateway.spawn();
        }
        for gateway in refunding.world.gateways_mut() {
            gateway.wait_ready().await;
        }
        refunding.paid_once(&payment, &payer).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_a_reorganisation_takes_away_is_booked_back_and_sent_again() {
    let refunding = Refunding::start(Setup::paid()).await;
    let (payment, payer) = refunding.due().await;
    refunding.world.chain.mine(FINAL_BLOCKS).await;
    ended(&refunding.approve(&payment, &[]).await, 0);
    refunding.paid_once(&payment, &payer).await;
    refunding.world.proxy().fault("eth_sendRawTransaction", Fault::Refuse(6));
    refunding.world.chain.reorg(1, &[]).await;
    assert_eq!(refunding.sent_to(&payer).await, [0_u64; 0]);
    refunding.until(&payment, "refund_sent").await;
    assert_eq!(
        (refunding.booked("liab:refund_due").await, refunding.booked("asset:usdc_refund").await),
        (-i128::from(PRICE), 0)
    );
    assert!(refunding.finding("settlement_lost").await.is_some_and(|(_, open)| open));
    refunding.paid_once(&payment, &payer).await;
    assert!(refunding.finding("settlement_lost").await.is_some_and(|(_, open)| !open));
    refunding.world.chain.mine(FINAL_BLOCKS).await;
    refunding.paid_once(&payment, &payer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_waits_is_raised_under_its_nonce_and_emptied_when_it_is_too_late() {
    let refunding = Refunding::start(Setup::paid().set("x402.fee_bump_after_s", "2")).await;
    let ((first, payer), (second, other)) = (refunding.due().await, refunding.due().await);
    let chain = &refunding.world.chain;
    chain.set_automine(false).await;
    ended(&refunding.approve(&first, &[]).await, 0);
    let wallet = refunding.wallet.address_lower();
    let raised =
        async || match refunding.world.proxy().broadcasts().iter().collect::<BTreeSet<_>>().len() {
            count if count >= 3 => Ok(()),
            count => Err(format!("{count} different transactions of {wallet}")),
        };
    eventually("the fee is raised", SOON, raised).await;
    assert_eq!(chain.pending_count(refunding.wallet.address).await, 1, "all under one nonce");
    chain.mine(1).await;
    refunding.paid_once(&first, &payer).await;
    // A day later nothing of the second is mined: an empty transaction takes its nonce, and it is
    // due again once that is final.
    ended(&refunding.approve(&second, &[]).await, 0);
    chain.until_pending(refunding.wallet.address, 2).await;
    turn(&refunding.clock, 30).await;
    let emptied = async || match waiting_to(&refunding).await {
        to if to == wallet => Ok(()),
        to => Err(to),
    };
    eventually("an empty transaction in its place", SOON, emptied).await;
    chain.mine(1).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        refunding.state(&second).await,
        "refund_sent",
        "a reorganisation may still change it"
    );
    chain.mine(FINAL_BLOCKS).await;
    refunding.until(&second, "refund_due").await;
    assert_eq!(refunding.sent_to(&other).await, [0_u64; 0]);
    assert!(refunding.finding("refund_failed").await.is_some_and(|(_, open)| open));
    chain.set_automine(true).await;
    ended(&refunding.approve(&second, &[]).await, 0);
    refunding.until(&second, "refunded").await;
    assert_eq!(refunding.sent_to(&other).await, [PRICE]);
    assert!(refunding.finding("refund_failed").await.is_some_and(|(_, open)| !open));
    refunding.agrees().await;
}

/// To whom the refund wallet's waiting transaction goes.
async fn waiting_to(refunding: &Refunding) -> String {
    let content = refunding.world.chain.rpc("txpool_content", json!([])).await;
    let of = |all: &Value| {
        all.as_object()
            .into_iter()
            .flatten()
            .find(|(from, _)| from.to_lowercase() == refunding.wallet.address_lower())
            .map(|(_, it)| it.clone())
    };
    let waiting = of(&content["pending"]).unwrap_or_default();
    let first =
        waiting.as_object().and_then(|all| all.values().next().cloned()).unwrap_or_default();
    first["to"].as_str().unwrap_or_default().to_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_whom_the_token_bars_is_a_finding_and_due_again() {
    let refunding = Refunding::start(Setup::paid()).await;
    let ((first, barred), (second, also)) = (refunding.due().await, refunding.due().await);
    let chain = &refunding.world.chain;
    chain.send(token::blacklist(barred.address)).await;
    let refused = refunding.approve(&first, &[]).await;
    ended(&refused, 4);
    assert_eq!(refunding.state(&first).await, "refund_due");
    assert_eq!(
        refunding.finding("refund_failed").await,
        Some((format!("refund_{first}_refused"), true))
    );
    // Barred after it was signed: it reverts, and is due again once nothing can change that.
    chain.set_automine(false).await;
    ended(&refunding.approve(&second, &[]).await, 0);
    chain.until_pending(refunding.wallet.address, 1).await;
    chain.send_first(Wallet::random().address, token::blacklist(also.address)).await;
    chain.mine(1).await;
    let mined = async || match chain.tx_count(refunding.wallet.address).await {
        1 => Ok(()),
        count => Err(count.to_string()),
    };
    eventually("it is mined", SOON, mined).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        refunding.state(&second).await,
        "refund_sent",
        "a reorganisation may still change it"
    );
    chain.mine(FINAL_BLOCKS).await;
    refunding.until(&second, "refund_due").await;
    assert_eq!(
        (refunding.sent_to(&also).await.len(), refunding.booked("asset:usdc_refund").await),
        (0, 0)
    );
    refunding.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_at_once_on_every_process_sign_one_transaction() {
    let refunding = Refunding::start(Setup::paid()).await;
    let (payment, payer) = refunding.due().await;
    let call = Call::new("POST", &format!("/operator/api/refunds/{payment}/approve"))
        .json(&json!({"reason": "at once"}))
        .header("x-turnpike-desk", "1");
    let gateways: Vec<_> = refunding.world.gateways().map(|gateway| gateway.operator).collect();
    let ask = async |round: usize| call.clone().send(gateways[round % gateways.len()]).await;
    let both = (0..8).map(ask);
    let replies = futures::future::join_all(both).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    refunding.paid_once(&payment, &payer).await;
    let raws: BTreeSet<String> = refunding.world.proxy().broadcasts().into_iter().collect();
    // The settlement of the payment, and its refund.
    assert_eq!(raws.len(), 2);
}
