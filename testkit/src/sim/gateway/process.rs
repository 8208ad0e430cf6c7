//! One process: the decisions of the service's API, and what it answers.

use std::sync::Arc;

use payments::{
    agent::Payer,
    checkout::{
        ClaimError, PricedRequest, Progress, claim, identify, identify_quickly, may_pay_again,
    },
    fingerprint::Fingerprint,
    funding::FundingRefusal,
    intent::{Intent, State},
    money::UsdcUnits,
    ports::{BooksError, ClaimKey, ClaimRefusal, Claimed, IdentityClaim, Known},
    proof::ProofKey,
    x402::X402Version,
};

use super::{super::oracle::Attendance, Answer, Call, Process};
use crate::{
    wallet::MAX_WINDOW_S,
    world::{kept, launches},
};

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
                if intent.state != State::Queued {
                    self.start(intent, Progress::live());
                }
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
            Ok(Claimed::Refused(ClaimRefusal::Preparation(_) | ClaimRefusal::QueueFull))
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
        let claimed = if durable {
            identify(&self.world, payer, claim).await
        } else {
            identify_quickly(&self.world, payer, claim).await
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
        if may_pay_again(&*self.world.rail, intent).await {
            self.challenge(call, Some(intent))
        } else {
            Answer::NotPaid
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
