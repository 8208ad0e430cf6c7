//! Agents: impatient, forgetful, and not always honest.

use std::sync::{Arc, Mutex};

use super::{
    Sim,
    chain::Deed,
    gateway::{Answer, Call, Gateway},
    locked,
    scheduler::{Owner, TaskId},
};
use crate::wallet::{LAUNCH_PRICE, TestWallet, VALID_FOR_S, test_token};
use payments::{money::UsdcUnits, x402::offer::Requirements};

/// The longest that an agent waits for an answer.
const PATIENCE_MS: u64 = 120_000;

struct Agent {
    sim: Arc<Sim>,
    gateway: Arc<Gateway>,
    wallet: TestWallet,
    name: u8,
    signed: u64,
    asked: Vec<Call>,
}

/// A request under way.
struct Waiting {
    task: TaskId,
    answer: Arc<Mutex<Option<Answer>>>,
}

/// Lives through its wants, then says that it is done.
pub async fn live(sim: Arc<Sim>, gateway: Arc<Gateway>, name: u8, done: Arc<Mutex<u8>>) {
    let mut agent = Agent {
        sim,
        gateway,
        wallet: TestWallet::numbered(name),
        name,
        signed: 0,
        asked: Vec::new(),
    };
    for _ in 0..agent.sim.plan.wants {
        agent.want().await;
        let rest_ms = agent.sim.scheduler.rng().pick(&[0, 0, 100, 2_000, 60_000]);
        agent.sim.pause(rest_ms).await;
    }
    *locked(&done) += 1;
}

impl Agent {
    async fn want(&mut self) {
        let dice = self.sim.below(100);
        let old = self.old();
        match (dice, old) {
            (0..45, _) | (_, None) => {
                let call = self.fresh();
                self.insist(call).await;
            }
            (45..55, Some(old)) => self.insist(old).await,
            (55..67, Some(old)) => {
                let again = Call { proof: self.sign(), ..old };
                self.insist(again).await;
            }
            (67..80, _) => self.copies().await,
            (80..85, Some(old)) => self.insist(Call { body: self.body(), key: None, ..old }).await,
            (85..93, _) => self.identity().await,
            (_, Some(old)) => self.insist(Call { free: Some(self.sim.chance(500)), ..old }).await,
        }
    }

    /// Asks until there is an answer that says something, or the agent has had enough.
    async fn insist(&mut self, mut call: Call) {
        self.asked.push(call.clone());
        for _ in 0..4 {
            let Some(waiting) = self.send(&call) else {
                self.sim.pause(1_000).await;
                continue;
            };
            let hang_up_ms =
                if self.sim.chance(250) { self.sim.below(20_000) } else { PATIENCE_MS };
            let answer = self.wait(waiting, hang_up_ms).await;
            self.sim.trace(|| format!("agent {} hears {answer:?}", self.name));
            let pay_again = match answer {
                Some(Answer::Done | Answer::Refused | Answer::Conflict | Answer::TooMany) => return,
                Some(Answer::Challenge) => true,
                Some(Answer::NotPaid | Answer::Pending | Answer::Failed) | None => {
                    self.sim.chance(350)
                }
            };
            let rest_ms = self.sim.scheduler.rng().pick(&[0, 500, 5_000, 40_000, 150_000]);
            self.sim.pause(rest_ms).await;
            if pay_again {
                call = Call { proof: self.sign(), ..call };
                self.asked.push(call.clone());
            }
        }
    }

    /// The same request several times at once.
    async fn copies(&mut self) {
        let call = self.fresh();
        self.asked.push(call.clone());
        let mut waiting = Vec::new();
        for _ in 0..2 + self.sim.below(3) {
            // Some copies carry a payment of their own.
            let copy = if self.sim.chance(200) {
                Call { proof: self.sign(), ..call.clone() }
            } else {
                call.clone()
            };
            waiting.extend(self.send(&copy));
        }
        for waiting in waiting {
            self.wait(waiting, PATIENCE_MS).await;
        }
    }

    /// Shows who it is, and sometimes tries to pay with the same proof afterwards.
    async fn identity(&mut self) {
        let call = Call { free: Some(self.sim.chance(500)), ..self.fresh() };
        let pays = Call { free: None, ..call.clone() };
        self.insist(call).await;
        if self.sim.chance(500) {
            self.insist(pays).await;
        }
    }

    fn send(&self, call: &Call) -> Option<Waiting> {
        let number = self.sim.scheduler.rng().index(self.sim.plan.replicas);
        let process = self.gateway.process(number)?;
        let answer = Arc::new(Mutex::new(None));
        let (slot, asked) = (Arc::clone(&answer), call.clone());
        let task = self.sim.scheduler.spawn(Owner::Replica(number), async move {
            let said = process.answer(asked).await;
            *locked(&slot) = Some(said);
        });
        self.tricks(call);
        Some(Waiting { task, answer })
    }

    /// None when the connection broke, or when the agent hung up.
    async fn wait(&self, waiting: Waiting, patience_ms: u64) -> Option<Answer> {
        let until = self.sim.scheduler.now().plus_ms(i64::try_from(patience_ms).unwrap_or(0));
        loop {
            if let Some(answer) = *locked(&waiting.answer) {
                return Some(answer);
            }
            let broken = Arc::strong_count(&waiting.answer) == 1;
            if broken || self.sim.scheduler.now() >= until {
                self.sim.count(|counts| counts.hang_ups += u64::from(!broken));
                self.sim.scheduler.kill(waiting.task);
                return None;
            }
            self.sim.pause(200).await;
        }
    }

    /// What happens to a proof that was shown to the world, and to the money behind it.
    fn tricks(&self, call: &Call) {
        let (sim, odds) = (&self.sim, self.sim.odds());
        let terms = payments::settlement::TransferTerms {
            key: call.proof.key(),
            pay_to: *call.proof.pay_to(),
            value: call.proof.value(),
            valid_before_unix_s: call.proof.valid_before_unix_s(),
            claimed_at_block: 0,
        };
        let mut deeds = Vec::new();
        if sim.chance(odds.stranger) {
            sim.count(|counts| counts.strangers += 1);
            deeds.push(Deed::Settle(terms));
        }
        if sim.chance(odds.cancel) {
            deeds.push(Deed::Cancel(call.proof.key()));
        }
        if sim.chance(odds.moved_away) {
            let all = sim.balance(self.wallet.address());
            deeds.push(Deed::GiveAway(self.wallet.address(), all));
            deeds.push(Deed::TopUp(self.wallet.address(), LAUNCH_PRICE.get() * sim.below(6)));
        }
        for deed in deeds {
            sim.count(|counts| {
                counts.payer_tricks += u64::from(!matches!(deed, Deed::Settle(_) | Deed::TopUp(..)))
            });
            let (late_ms, world) =
                (sim.scheduler.rng().pick(&[0, 0, 1_000, 5_000, 30_000]), Arc::clone(sim));
            sim.scheduler.spawn(Owner::World, async move {
                world.pause(late_ms).await;
                locked(&world.chain).take_outside(deed);
            });
        }
    }

    fn fresh(&mut self) -> Call {
        let key = self.sim.chance(150).then(|| format!("key-{}", self.signed / 3));
        Call { proof: self.sign(), body: self.body(), key, free: None }
    }

    fn body(&self) -> String {
        let kind = if self.sim.chance(100) { "wrong" } else { "title" };
        format!("{{\"{kind}\":\"{}-{}\"}}", self.name, self.signed)
    }

    fn sign(&mut self) -> payments::x402::verify::VerifiedTransfer {
        self.signed += 1;
        let valid_for_s = self.sim.scheduler.rng().pick(&[VALID_FOR_S, VALID_FOR_S, 20]);
        let pay_to = payments::agent::Wallet::new([0xaa; 20]);
        let price = UsdcUnits::new(self.sim.scheduler.rng().pick(&self.sim.plan.prices_units));
        let offer = Requirements::new(
            test_token(),
            pay_to,
            price,
            valid_for_s,
            "launch creation",
            "application/json",
        );
        self.wallet.verified(&offer, self.signed, self.sim.scheduler.now())
    }

    fn old(&self) -> Option<Call> {
        if self.asked.is_empty() {
            return None;
        }
        let at = self.sim.scheduler.rng().index(self.asked.len().min(4));
        self.asked.get(self.asked.len() - 1 - at).cloned()
    }
}
