//! A gateway with a refund wallet, and a clock that a test turns.

use std::{
    path::Path,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy_primitives::U256;
use tempfile::TempDir;

use crate::{
    refunds::approve,
    support::{
        Setup, Wallet, World,
        audit::{number, text},
        fake_core::Behaviour,
        moment::{eventually, now_unix_s},
    },
};

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
