//! Agents with cards, as impatient as the others: launches, packs, and launches on the packs'
//! credits.

use std::sync::{Arc, Mutex};

use super::{
    Sim,
    card_requests::CardCall,
    gateway::{Answer, Gateway},
    locked,
    scheduler::{Owner, TaskId},
};

/// The longest that a holder waits for an answer.
const PATIENCE_MS: u64 = 120_000;

struct Holder {
    sim: Arc<Sim>,
    gateway: Arc<Gateway>,
    name: u8,
    granted: u64,
    asked: Vec<CardCall>,
}

/// A request under way.
struct Waiting {
    task: TaskId,
    answer: Arc<Mutex<Option<Answer>>>,
}

/// Lives through its wants, then says that it is done.
pub async fn live(sim: Arc<Sim>, gateway: Arc<Gateway>, name: u8, done: Arc<Mutex<u8>>) {
    let mut holder = Holder { sim, gateway, name, granted: 0, asked: Vec::new() };
    for _ in 0..holder.sim.plan.wants {
        holder.want().await;
        let rest_ms = holder.sim.scheduler.rng().pick(&[0, 0, 100, 2_000, 60_000]);
        holder.sim.pause(rest_ms).await;
    }
    *locked(&done) += 1;
}

impl Holder {
    async fn want(&mut self) {
        let dice = self.sim.below(100);
        let old = self.asked.last().cloned();
        match (dice, old) {
            (0..40, _) | (_, None) => {
                let call = self.fresh(false);
                self.insist(call).await;
            }
            (40..48, _) => {
                let call = self.fresh(true);
                self.insist(call).await;
            }
            (48..65, _) => {
                let call = CardCall { paid_with: None, ..self.fresh(false) };
                self.insist(call).await;
            }
            (65..75, Some(old)) => self.insist(old).await,
            (75..88, Some(old)) => {
                let again = CardCall { paid_with: Some(self.token()), ..old };
                self.insist(again).await;
            }
            (_, Some(_)) => self.copies().await,
        }
    }

    /// Asks until there is an answer that says something, or the holder has had enough.
    async fn insist(&mut self, mut call: CardCall) {
        self.asked.push(call.clone());
        for _ in 0..4 {
            let Some(waiting) = self.send(&call) else {
                self.sim.pause(1_000).await;
                continue;
            };
            let hang_up_ms =
                if self.sim.chance(250) { self.sim.below(20_000) } else { PATIENCE_MS };
            let answer = self.wait(waiting, hang_up_ms).await;
            self.sim.trace(|| format!("holder {} hears {answer:?}", self.name));
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
                call = CardCall { paid_with: Some(self.token()), ..call };
                self.asked.push(call.clone());
            }
        }
    }

    /// The same request several times at once.
    async fn copies(&mut self) {
        let pack = self.sim.chance(300);
        let call = self.fresh(pack);
        self.asked.push(call.clone());
        let waiting: Vec<Waiting> =
            (0..2 + self.sim.below(3)).filter_map(|_| self.send(&call)).collect();
        for waiting in waiting {
            self.wait(waiting, PATIENCE_MS).await;
        }
    }

    fn send(&self, call: &CardCall) -> Option<Waiting> {
        let number = self.sim.scheduler.rng().index(self.sim.plan.replicas);
        let process = self.gateway.process(number)?;
        let answer = Arc::new(Mutex::new(None));
        let (slot, asked) = (Arc::clone(&answer), call.clone());
        let task = self.sim.scheduler.spawn(Owner::Replica(number), async move {
            let said = process.answer_card(asked).await;
            *locked(&slot) = Some(said);
        });
        Some(Waiting { task, answer })
    }

    /// None when the connection broke, or when the holder hung up.
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

    fn fresh(&mut self, pack: bool) -> CardCall {
        let token = self.token();
        let kind = if self.sim.chance(100) { "wrong" } else { "title" };
        let body = if pack {
            String::from("{\"pack\":\"pack_20\"}")
        } else {
            format!("{{\"{kind}\":\"card-{token}\"}}")
        };
        CardCall { holder: self.name, paid_with: Some(token), body, pack }
    }

    /// A challenge and a payment token that nobody had before.
    fn token(&mut self) -> u64 {
        self.granted += 1;
        u64::from(self.name) * 10_000 + self.granted
    }
}
