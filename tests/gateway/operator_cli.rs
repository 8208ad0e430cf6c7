//! The operator's command line on books that real payments made: each question of the README has
//! its answer, and every way to a sum leads to the same one.

mod questions;
mod sums;

use std::process::Output;
use std::time::Duration;

use payments::time::UnixMs;
use sandbox::stripe::DisputeTerms;
use serde_json::Value;

use crate::support::audit::text;
use crate::support::card::{purchase, unpaid};
use crate::support::fake_core::Behaviour;
use crate::support::moment::{eventually, now_unix_s};
use crate::support::{Card, Setup, Wallet, World};

/// Why the refund was approved.
const REASON: &str = "the agent asked twice";

/// A gateway with one payment of every kind behind it.
struct Lived {
    world: World,
    /// Had one free launch, paid for one, and paid for one that was refused.
    wallet: Wallet,
    free: String,
    paid: String,
    refused: String,
    /// A wallet without a coin, which asked for a launch.
    poor: Wallet,
    /// A launch by card that was refused, and refunded.
    refunded: String,
    pack: String,
}

impl Lived {
    async fn start() -> Self {
        let world = Setup::new()
            .cards()
            .set("pricing.free_launches_per_month", "1")
            .set("server.answer_deadline_s", "3")
            .start()
            .await;
        let (wallet, poor) = (world.agent().await, world.agent_with(0).await);
        world.launch(&wallet, "free").await.must(201);
        let free = text(&world.gateway.audit().view("free_slots").await[0], "intent_id");
        let paid = world.launch(&wallet, "paid").await.must(201).payment_id().unwrap();
        world.launch(&poor, "poor").await.must(402);
        world.core().behave(Behaviour::Reject);
        let refused =
            world.launch(&wallet, "refused").await.refused(400, "LAUNCH_007").payment_id().unwrap();
        let refunded = world
            .pay(&Card::new(), &unpaid("refused by card"))
            .await
            .refused(400, "LAUNCH_007")
            .payment_id()
            .unwrap();
        world.core().behave(Behaviour::Create);
        let approved =
            world.gateway.run(&["refund", "approve", &refunded, "--reason", REASON]).await;
        ended(&approved, 0);
        let back = async || {
            let owed = world.gateway.audit().view("obligations").await;
            let of = owed
                .iter()
                .find(|it| text(it, "intent_id") == refunded)
                .map(|it| text(it, "state"))
                .unwrap_or_default();
            if of == "refunded" { Ok(()) } else { Err(of) }
        };
        eventually("the refund went back", Duration::from_secs(60), back).await;
        let pack = world.pay(&Card::new(), &purchase()).await.must(200).payment_id().unwrap();
        Self { world, wallet, free, paid, refused, poor, refunded, pack }
    }

    /// Runs a command that must end well; what it printed as JSON.
    async fn ask(&self, arguments: &[&str]) -> Value {
        ended(&self.world.gateway.run(arguments).await, 0)
    }

    /// The bank asks about the pack, and takes nothing yet.
    fn is_asked_about(&self) {
        self.world.hear_events();
        let stripe = self.world.stripe();
        let charge = stripe
            .succeeded()
            .into_iter()
            .find(|intent| intent["amount"] == 1_200)
            .unwrap()["latest_charge"]
            .clone();
        let terms = DisputeTerms { inquiry: true, ..DisputeTerms::default() };
        stripe.emulator.open_dispute_on(charge.as_str().unwrap(), &terms).unwrap();
    }

    /// A column of the one settlement of a payment.
    async fn settlement(&self, payment: &str, column: &str) -> String {
        let all = self.world.gateway.audit().view("settlements").await;
        let mut of = all.iter().filter(|it| text(it, "intent_id") == payment);
        let found = text(of.next().unwrap(), column);
        assert!(of.next().is_none(), "{payment} was settled twice");
        found
    }
}

/// Fails with everything that was said unless the command ended with this code.
#[track_caller]
fn ended(output: &Output, code: i32) -> Value {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    serde_json::from_str(&out).unwrap_or(Value::Null)
}

/// The first day of this month and of the next one, as options take them.
fn this_month() -> [String; 2] {
    let month = UnixMs::from_s(i64::try_from(now_unix_s()).unwrap()).month();
    [month.start(), month.end()].map(UnixMs::day)
}

/// The rows' members of this name, sorted.
fn every(rows: &Value, name: &str) -> Vec<String> {
    let mut all: Vec<String> =
        rows.as_array().unwrap().iter().map(|row| row[name].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}
