//! Gateway processes: what the service's API decides with the same functions of the rules, in the
//! same order.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::{
    Sim, books::SimBooks, chain::SimRail, core::SimCore, drives::Drives, locked,
    oracle::Attendance, processor::SimCards, proofs::SimProofs, scheduler::Owner,
};
use crate::{
    balances::FakeBalances,
    cards::PlainTokens,
    wallet::MAX_WINDOW_S,
    world::{kept, launches},
};
use payments::{
    agent::{Payer, Wallet},
    checkout::{
        Cards, ClaimError, PricedRequest, Progress, World, claim, identify, identify_quickly,
        may_pay_again,
    },
    fingerprint::Fingerprint,
    funding::FundingRefusal,
    intent::{Intent, State},
    money::UsdcUnits,
    ports::{Books, BooksError, ClaimKey, ClaimRefusal, Claimed, Clock, IdentityClaim, Known},
    proof::ProofKey,
    sequence::SequenceWatch,
    time::UnixMs,
    x402::{X402Version, verify::VerifiedTransfer},
};

/// What an agent sends.
#[derive(Clone)]
pub struct Call {
    /// Its proof.
    pub proof: VerifiedTransfer,
    /// Its body.
    pub body: String,
    /// Its `Idempotency-Key`.
    pub key: Option<String>,
    /// A free route, and whether its claim must be durable first. Otherwise it asks for a launch.
    pub free: Option<bool>,
}

/// What an agent hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The launch, or what was read.
    Done,
    /// The core's final refusal.
    Refused,
    /// 402 with a challenge: pay again.
    Challenge,
    /// 402 without one: wait.
    NotPaid,
    /// 503: the outcome is not known.
    Pending,
    /// 503 or 500: nothing that the client may conclude anything from.
    Failed,
    /// 409.
    Conflict,
    /// 429.
    TooMany,
}

/// The processes that run now.
pub struct Gateway {
    sim: Arc<Sim>,
    processes: Mutex<Vec<Option<Arc<Process>>>>,
}

/// One process.
pub struct Process {
    pub number: usize,
    pub sim: Arc<Sim>,
    pub world: World,
    pub proofs: Arc<SimProofs>,
    pub drives: Drives,
}

struct SimClock {
    sim: Arc<Sim>,
    skew_ms: i64,
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> UnixMs {
        self.sim.scheduler.now().plus_ms(self.skew_ms)
    }

    async fn sleep_ms(&self, ms: u64) {
        self.sim.pause(ms).await;
    }
}

/// The signer of the process with this number.
pub fn signer_of(number: usize) -> Wallet {
    Wallet::new([0x51 + u8::try_from(number).unwrap_or(0); 20])
}

// === impl Gateway ===

impl Gateway {
    /// No process runs.
    pub fn new(sim: Arc<Sim>) -> Self {
        let processes = Mutex::new(vec![None; sim.plan.replicas]);
        Self { sim, processes }
    }

    /// The process with this number, if it runs.
    pub fn process(&self, number: usize) -> Option<Arc<Process>> {
        locked(&self.processes).get(number).cloned().flatten()
    }

    /// Starts a process that does not run.
    pub fn start(&self, number: usize) {
        if self.process(number).is_some() {
            return;
        }
        let sim = &self.sim;
        let skew_ms = i64::try_from(sim.below(sim.plan.skew_ms + 1)).unwrap_or(0);
        let proofs = Arc::new(SimProofs::new(Arc::clone(sim)));
        let signer = signer_of(number);
        let world = World {
            books: Arc::new(SimBooks::new(Arc::clone(sim))),
            proofs: Arc::clone(&proofs) as _,
            balances: Arc::new(FakeBalances::default()),
            rail: Arc::new(SimRail { sim: Arc::clone(sim), signer }),
            cards: Some(Cards {
                rail: Arc::new(SimCards { sim: Arc::clone(sim) }),
                tokens: Arc::new(PlainTokens),
            }),
            upstream: Arc::new(SimCore { sim: Arc::clone(sim) }),
            clock: Arc::new(SimClock { sim: Arc::clone(sim), skew_ms }),
            ids: Arc::clone(&sim.ids) as _,
            signers: Arc::new(SequenceWatch::default()),
            settings: sim.plan.settings,
        };
        let process = Arc::new(Process {
            number,
            sim: Arc::clone(sim),
            world,
            proofs,
            drives: Drives::default(),
        });
        locked(&self.processes)[number] = Some(Arc::clone(&process));
        let owner = Owner::Replica(number);
        sim.scheduler.spawn(owner, Arc::clone(&process).recover());
        sim.scheduler.spawn(owner, Arc::clone(&process).look_at_settlements());
        sim.scheduler.spawn(owner, process.flush());
    }

    /// Stops a process where it stands. A polite stop lets go of its leases.
    pub async fn stop(&self, number: usize, politely: bool) {
        let Some(process) = locked(&self.processes)[number].take() else { return };
        self.sim
            .trace(|| format!("process {number} stops{}", if politely { " politely" } else { "" }));
        self.sim.scheduler.kill_all(Owner::Replica(number));
        self.sim.forget_sent_away(number);
        self.sim.count(|counts| counts.crashes += 1);
        if politely {
            for (id, fence) in process.drives.leases() {
                let _ = self.sim.books.release_lease(id, fence).await;
            }
        }
    }
}

// === impl Process ===

impl Process {
    /// Answers one request.
    pub async fn answer(self: Arc<Self>, call: Call) -> Answer {
        self.sim.under_way().await;
        self.sim.count(|counts| counts.requests += 1);
        self.sim.trace(|| {
            format!(
                "process {} gets {} {:?} free {:?} key {:?}",
                self.number,
                call.proof.key(),
                call.body,
                call.free,
                call.key
            )
        });
        match call.free {
            Some(durable) => self.identified(&call, durable).await,
            None => self.launch(call).await,
        }
    }

    async fn launch(self: &Arc<Self>, call: Call) -> Answer {
        let payer = Payer::Wallet(*call.proof.from());
        let fingerprint = Fingerprint::of("POST", "/launches", "", call.body.as_bytes());
        let proof = Some(ProofKey::Authorization(call.proof.key()));
        let key = ClaimKey { proof, idempotency: call.key.clone().map(|key| (payer.clone(), key)) };
        match self.world.books.known(&key).await {
            Err(_) => return Answer::Failed,
            Ok(Some(known)) => return self.known(&call, fingerprint, known).await,
            Ok(None) => {}
        }
        let Ok(transfer) =
            call.proof.within_window(self.world.clock.now().protocol_s(), MAX_WINDOW_S)
        else {
            return self.challenge(&call, None);
        };
        if self.world.upstream.gate().is_err() {
            return Answer::Failed;
        }
        let (price, idempotency_key) = (call.proof.value(), call.key.clone());
        let (request, proof_version) = (kept(&call.body), X402Version::V2);
        let id = self.world.ids.payment_id();
        let asked = PricedRequest {
            id,
            transfer,
            payer,
            fingerprint,
            request,
            price,
            free: Some(launches()),
            idempotency_key,
            proof_version,
        };
        match claim(&self.world, asked).await {
            Ok(Claimed::New(intent)) => {
                let attendance =
                    Attendance::owner(&self.sim, Arc::clone(&self.world.books), intent.id);
                let id = intent.id;
                self.start(intent, Progress::live());
                self.awaited(&call, id, attendance).await
            }
            Ok(Claimed::Joined(intent)) => {
                let attendance =
                    Attendance::visitor(&self.sim, Arc::clone(&self.world.books), intent.id);
                self.awaited(&call, intent.id, attendance).await
            }
            Ok(Claimed::Known(known)) => self.known(&call, fingerprint, known).await,
            Ok(Claimed::Refused(ClaimRefusal::Funding(
                FundingRefusal::ProofBelowPrice | FundingRefusal::FreeCallsExhaustedToday,
            )))
            | Err(ClaimError::Proof(_) | ClaimError::UsedForIdentity) => {
                self.challenge(&call, None)
            }
            Ok(Claimed::Refused(ClaimRefusal::Funding(_))) => Answer::TooMany,
            Err(ClaimError::Books(BooksError::NotKnown(_))) => self.not_known(id),
            Ok(Claimed::Refused(ClaimRefusal::Preparation(_)))
            | Err(
                ClaimError::Rail(_)
                | ClaimError::Upstream(_)
                | ClaimError::Books(_)
                | ClaimError::NoCards,
            ) => Answer::Failed,
            Err(ClaimError::SettledBefore(_) | ClaimError::UseNotKnown) => Answer::Conflict,
        }
    }

    /// 503 with the payment's id: whether it was begun is not known.
    pub fn not_known(&self, id: payments::ids::PaymentId) -> Answer {
        self.world.books.unattended(id);
        self.sim.sent_away(id, self.number);
        Answer::Pending
    }

    /// A challenge of a free route asks for nothing, so there is nothing to check about it.
    async fn identified(&self, call: &Call, durable: bool) -> Answer {
        let Ok(live) = call.proof.within_window(self.world.clock.now().protocol_s(), MAX_WINDOW_S)
        else {
            return Answer::Challenge;
        };
        if live.value() != UsdcUnits::ZERO {
            match self.world.rail.view(&live).await {
                Err(_) => return Answer::Failed,
                Ok(view) if view.authorization_used => return Answer::Challenge,
                Ok(_) => {}
            }
        }
        let fingerprint = Fingerprint::of("GET", "/launches", "", b"");
        let (payer, claim) = (
            Payer::Wallet(*live.from()),
            IdentityClaim { key: live.key(), fingerprint, at: self.world.clock.now() },
        );
        let claimed = match durable {
            true => identify(&self.world, payer, claim).await,
            false => identify_quickly(&self.world, payer, claim).await,
        };
        match claimed {
            Ok(Some(_)) => {
                self.sim.count(|counts| counts.identities += 1);
                Answer::Done
            }
            // The proof is used up; whatever it was used for, this request gets nothing and sent
            // nothing.
            Ok(None) => Answer::Conflict,
            Err(_) => Answer::Failed,
        }
    }

    async fn known(&self, call: &Call, fingerprint: Fingerprint, known: Known) -> Answer {
        let Some(intent) = known.intent else { return self.challenge(call, None) };
        if known.fingerprint != fingerprint {
            return Answer::Conflict;
        }
        self.sim.count(|counts| counts.replayed += 1);
        let attendance = Attendance::visitor(&self.sim, Arc::clone(&self.world.books), intent.id);
        if intent.state.is_terminal() {
            self.of_intent(call, &intent, attendance).await
        } else {
            self.awaited(call, intent.id, attendance).await
        }
    }

    async fn awaited(
        &self,
        call: &Call,
        id: payments::ids::PaymentId,
        attendance: Attendance,
    ) -> Answer {
        let until = self.sim.scheduler.now().plus_ms(self.sim.plan.patience_ms);
        while self.sim.scheduler.now() < until {
            match self.world.books.intent(id).await {
                Err(_) => break,
                Ok(Some(intent)) if intent.state.is_terminal() => {
                    return self.of_intent(call, &intent, attendance).await;
                }
                Ok(_) => self.sim.pause(250).await,
            }
        }
        attendance.sent_away(self.number);
        Answer::Pending
    }

    async fn of_intent(&self, call: &Call, intent: &Intent, attendance: Attendance) -> Answer {
        if intent.answer.is_some() {
            attendance.delivered();
            return if intent.state == State::Created { Answer::Done } else { Answer::Refused };
        }
        match may_pay_again(&*self.world.rail, intent).await {
            true => self.challenge(call, Some(intent)),
            false => Answer::NotPaid,
        }
    }

    /// Asks for another payment. Nothing of this request may arrive any more if anything of it ever
    /// left.
    fn challenge(&self, call: &Call, intent: Option<&Intent>) -> Answer {
        let terms = intent.and_then(|intent| intent.transfer.as_ref());
        self.sim.check_challenge(terms.map_or(call.proof.key(), |terms| terms.key));
        Answer::Challenge
    }
}

/// The whole books, for an attendance.
pub type SharedBooks = Arc<dyn Books>;
