//! Refunds in USDC from a wallet of their own: approved once, signed and saved in one commit, sent,
//! and proven like a settlement.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy_primitives::U256;
use serde_json::json;
use tempfile::TempDir;

use crate::refunds::{approve, ended};
use crate::support::audit::{number, text};
use crate::support::fake_core::Behaviour;
use crate::support::moment::{eventually, now_unix_s};
use crate::support::token;
use crate::support::{Call, Setup, Wallet, World};

pub const PRICE: u64 = 550_000;
/// Between two writes of the clock's file.
const TICK: Duration = Duration::from_millis(100);
pub const SOON: Duration = Duration::from_secs(180);
/// The node calls a block final when 64 others are on it.
pub const FINAL_BLOCKS: u64 = 70;

/// A world with a refund wallet, its clock, and what is in the wallet at first.
pub struct Refunding {
    pub world: World,
    pub wallet: Wallet,
    /// How many hours the gateway's clock is ahead of ours. It goes on.
    pub clock: Arc<AtomicU64>,
    _dir: TempDir,
}

impl Refunding {
    pub async fn start(setup: Setup) -> Self {
        let (dir, wallet) = (TempDir::new().unwrap(), Wallet::random());
        let (path, clock) = (dir.path().join("clock"), Arc::<AtomicU64>::default());
        write(&path, 0);
        tokio::spawn(tick(path.clone(), Arc::downgrade(&clock)));
        let setup = setup
            .own_chain()
            .proxied()
            .set("pricing.entitlement_hours", "1")
            .set("test.clock_file", &path.display().to_string());
        let world = setup.set("refunds.signer_key", &wallet.key_hex()).start().await;
        world.secrets.add(&wallet.key_hex());
        world.chain.set_balance(wallet.address, U256::from(10).pow(U256::from(18))).await;
        world.chain.mint(wallet.address, 4 * PRICE).await;
        Self { world, wallet, clock, _dir: dir }
    }

    /// A launch that was paid in USDC and refused, and whose hours are over.
    pub async fn due(&self) -> (String, Wallet) {
        turn(&self.clock, 0).await;
        self.world.core().behave(Behaviour::Reject);
        let payer = self.world.agent_with(PRICE).await;
        let payment = self
            .world
            .launch(&payer, "refused")
            .await
            .refused(400, "LAUNCH_007")
            .payment_id()
            .unwrap();
        turn(&self.clock, 2).await;
        self.until(&payment, "refund_due").await;
        (payment, payer)
    }

    pub async fn state(&self, payment: &str) -> String {
        let owed = self.world.gateway.audit().view("obligations").await;
        owed.iter()
            .find(|owed| text(owed, "intent_id") == payment)
            .map(|owed| text(owed, "state"))
            .unwrap_or_default()
    }

    pub async fn until(&self, payment: &str, state: &str) {
        let look = async || match self.state(payment).await {
            now if now == state => Ok(()),
            now => Err(now),
        };
        eventually(state, SOON, look).await;
    }

    pub async fn approve(&self, payment: &str, more: &[&str]) -> Output {
        approve(&self.world, payment, more).await
    }

    pub async fn booked(&self, account: &str) -> i128 {
        let journal = self.world.gateway.audit().view("journal").await;
        journal
            .iter()
            .filter(|line| text(line, "account").starts_with(account))
            .map(|line| number(line, "amount"))
            .sum()
    }

    /// What the refund wallet sent to the payer.
    pub async fn sent_to(&self, payer: &Wallet) -> Vec<u64> {
        let transfers = self.world.chain.transfers_to(payer.address).await;
        transfers
            .iter()
            .filter(|(from, ..)| *from == self.wallet.address)
            .map(|(_, value, _)| *value)
            .collect()
    }

    /// Paid once, booked once, and the books agree with themselves.
    pub async fn paid_once(&self, payment: &str, payer: &Wallet) {
        self.until(payment, "refunded").await;
        assert_eq!(self.sent_to(payer).await, [PRICE]);
        assert_eq!(self.world.chain.tx_count(self.wallet.address).await, 1);
        let owed = format!("liab:refund_due:{}", payer.payer());
        assert_eq!(
            (self.booked(&owed).await, self.booked("asset:usdc_refund").await),
            (0, -i128::from(PRICE))
        );
        self.agrees().await;
    }

    pub async fn agrees(&self) {
        let verified = self.world.gateway.run(&["ledger", "verify"]).await;
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    }

    pub async fn finding(&self, kind: &str) -> Option<(String, bool)> {
        let findings = self.world.gateway.audit().view("findings").await;
        let found = findings.iter().find(|finding| text(finding, "kind") == kind);
        found.map(|finding| (text(finding, "key"), text(finding, "closed_at").is_empty()))
    }
}

/// Turns the gateway's clock: so many hours ahead of ours.
pub async fn turn(clock: &AtomicU64, hours: u64) {
    clock.store(hours, Ordering::SeqCst);
    tokio::time::sleep(2 * TICK).await;
}

/// Keeps the clock going as long as somebody holds it.
async fn tick(path: std::path::PathBuf, clock: std::sync::Weak<AtomicU64>) {
    while let Some(hours) = clock.upgrade().map(|clock| clock.load(Ordering::SeqCst)) {
        write(&path, hours);
        tokio::time::sleep(TICK).await;
    }
}

fn write(path: &Path, hours: u64) {
    let next = path.with_extension("next");
    if std::fs::write(&next, ((now_unix_s() + hours * 3_600) * 1_000).to_string()).is_ok() {
        let _ = std::fs::rename(&next, path);
    }
}

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
